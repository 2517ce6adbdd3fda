"""A changelog without a broker and a board store with faults: what the projector meets, step by step, from one seed."""

from __future__ import annotations

import asyncio
import copy
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from aiokafka import TopicPartition

from domain.boards import Group
from domain.cells import EMPTY, Cell
from domain.entries import CellEntry, WholeEntry
from domain.rows import CELL_NUMBERS, CELLS, Reach, entries, one_reach_row, pack, row_key, several_reaches_row
from processors.engine.changelog import CLAIM, state_batch
from projections.memory import MemoryBoards
from projections.ports import BoardsUnavailable, Flush, Said

T = TypeVar("T")
TOPIC = "changelog"
PARTITIONS = 2
REPS = [["李伟", "a"], ["B", "王芳"]]
UNITS = ["s1", "s2", "city"]
DAYS = ["2026-05-20", "2026-05-21"]
State = dict[tuple[Group, str], Cell]


class Record(NamedTuple):
    offset: int
    key: bytes
    value: bytes | None
    timestamp: int
    topic: str = TOPIC
    partition: int = 0


class Log:
    """One changelog partition with its truth: the state at every mark that counts."""

    def __init__(self, partition: int, chance: random.Random) -> None:
        self.partition, self.random = partition, chance
        self.records: list[Record] = []
        self.truth: dict[int, State] = {-1: {}}
        self.state: State = {}
        self.listed: dict[tuple[bool, str], set[Reach]] = {}
        self.epoch = -1
        self.next = 0
        self.claim()

    def append(self, key: bytes, value: bytes | None) -> None:
        self.records.append(Record(self.next, key, value, 1000 * self.next, TOPIC, self.partition))
        self.next += 1

    def claim(self) -> None:
        self.epoch = self.next
        self.append(CLAIM, b"w")

    def batch(self, *, counts: bool = True) -> None:
        """A state batch; one that does not count stands where its writer did not expect it."""
        rows = dict(self.row() for _ in range(self.random.randrange(0, 4)))
        base = self.next if counts else self.next - 1
        mark = base + len(rows)
        for key, value in state_batch(self.epoch, base, list(rows.items()), {"sales": mark}):
            self.append(key, value)
        if counts:
            mark = self.next - 1
            for key, value in rows.items():
                for entry in entries(key, value):
                    assert isinstance(entry, CellEntry | WholeEntry)
                    self.state[entry.group, entry.member_id] = entry.cell
            self.truth[mark] = dict(self.state)

    def row(self) -> tuple[bytes, bytes]:
        """A row as the fold writes it: in each bucket every reach that the member ever had."""
        of_rep = self.random.random() < 0.6
        member = self.random.choice(REPS[self.partition] if of_rep else UNITS)
        key = row_key(CELLS, "rep" if of_rep else "unit", member, self.random.choice(DAYS))
        listed = self.listed.setdefault((of_rep, member), set())
        if not listed or self.random.random() < 0.2:
            scopes = self.random.choice([("cn",), ("east",), ("east", "cn"), ()])
            listed.add(("rep" if of_rep else "store", scopes))
        if len(listed) == 1:
            [reach] = listed
            cells = [self.cell() for _ in range(5)]
            return key, one_reach_row(CELL_NUMBERS.pack(*(n for cell in cells for n in cell)), pack(reach))
        return key, several_reaches_row([{reach: self.cell() for reach in listed} for _ in range(5)])

    def cell(self) -> Cell:
        return self.random.choice([EMPTY, Cell(self.random.randrange(-99, 999), 1, 1, self.random.randrange(1, 4))])


class Consumer:
    """Reads the logs in random portions; keeps a position, as Kafka does."""

    def __init__(self, logs: list[Log], chance: random.Random, clock: Clock) -> None:
        self.logs, self.random, self.clock = logs, chance, clock
        self.positions: dict[int, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.positions = dict.fromkeys((where.partition for where in partitions), 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition.partition] = offset

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Any]]:
        await asyncio.sleep(0)
        self.clock.seconds += self.random.choice([0.01, 0.2])
        out = {}
        for p, position in self.positions.items():
            records = self.logs[p].records[position : position + self.random.randrange(0, 30)]
            if records:
                self.positions[p] = records[-1].offset + 1
                out[TopicPartition(TOPIC, p)] = records
        return out

    def highwater(self, partition: TopicPartition) -> int:
        log: Log = self.logs[partition.partition]
        return log.next

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {where: self.logs[where.partition].next for where in partitions}


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class CheckedBoards(MemoryBoards):
    """Checks every board against the logs' truth after every change; can be emptied and set back."""

    def __init__(self, logs: list[Log]) -> None:
        super().__init__()
        self.logs = logs
        self.saved: list[tuple[str, object]] = [("", {})]
        self.shown: dict[int, int] = {}
        self.said: list[str] = []

    async def check(self) -> None:
        version, groups = await self.groups()
        if not version:
            return
        _, pos = await self.where()
        marks = {p: int(text.split("|")[0]) for p, text in pos.items()}
        assert all(marks[p] >= self.shown.get(p, -1) for p in marks), "boards never go back by themselves"
        self.shown = marks
        wanted: set[Group] = {group for p, mark in marks.items() for group, _ in self.logs[p].truth[mark]}
        for group in {*groups, *wanted}:
            [held] = await self.dump(version, [group])
            if held is None:
                return
            expected: dict[str, Cell] = {}
            for p, offsets in held.as_of.items():
                for (of, member), cell in self.logs[p].truth[offsets.get("sales", -1)].items():
                    if of == group:
                        expected[member] = expected.get(member, EMPTY).plus(cell)
            assert held.cells == {member: cell for member, cell in expected.items() if cell != EMPTY}, group

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        said = await super().step(version, flushes)
        await self.check()
        return said

    async def move(self, version: str, flushes: Sequence[Flush]) -> list[Said]:
        said = await super().move(version, flushes)
        self.said += [f"move {one}" for one in said]
        await self.check()
        return said

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        said = await super().swap(expected, version, built)
        self.said.append(f"swap {said}")
        await self.check()
        return said

    def save(self) -> None:
        self.saved = [*self.saved[-2:], (self._current, copy.deepcopy(self._versions))]

    def set_back(self, chance: random.Random) -> None:
        self._current, versions = copy.deepcopy(chance.choice(self.saved))
        self._versions = versions  # type: ignore[assignment]
        self.shown = {}


class Unsteady:
    """One projector's way to the boards: slow, and some requests or replies get lost."""

    def __init__(self, boards: CheckedBoards, chance: random.Random) -> None:
        self.boards, self.random = boards, chance
        self.faulty = True

    async def pause(self) -> None:
        for _ in range(self.random.choice([0, 0, 0, 0, 0, 1, 5])):
            await asyncio.sleep(0)

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        said = []
        for flush in flushes:
            some: list[Said] = []
            for change in flush.changes:
                if Said.REFUSED not in some:
                    some += (await self._ask(self.boards.step, version, [flush._replace(changes=[change])]))[0]
            said.append(some)
        return said

    async def _ask(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        await self.pause()
        lost = self.faulty and self.random.random() < 0.02
        if lost and self.random.random() < 0.5:
            raise BoardsUnavailable("the request was lost")
        answer = await call(*args)
        if lost:
            raise BoardsUnavailable("the reply was lost")
        await self.pause()
        return answer

    def __getattr__(self, name: str) -> Any:  # every other call of the port, passed on
        def ask(*args: Any) -> Awaitable[Any]:
            return self._ask(getattr(self.boards, name), *args)

        return ask
