"""Projectors of a history: the product's own, over the model's log, and a board store that is checked at every step."""

from __future__ import annotations

import asyncio
import pickle
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar, cast

from aiokafka import TopicPartition

from domain.boards import BoardGroup, DocumentGroup, Group
from domain.cells import Cell
from processors.projection_loop import ProjectorOptions
from processors.projection_metrics import ProjectorMetrics
from processors.projection_shown import Shown
from projections.memory import MemoryBoards
from projections.ports import NEW, BoardsUnavailable, Flush, GroupChange, Said
from projections.texts import mark_of
from tests.model.broker import TOPIC
from tests.model.facts import DAYS, MONTH, PARTITIONS, REGIONS, ROOT
from tests.model.oracle import NAMES, TARGETS, Board
from tests.model.processes import Process
from tests.model.state import entries
from tests.model.workers import Unobserved

if TYPE_CHECKING:
    from tests.model.history import World

T = TypeVar("T")
Marks = tuple[int, ...]

OPTIONS = ProjectorOptions(
    "none",
    TOPIC,
    PARTITIONS,
    flush_seconds=0.0,
    flush_rows_max=6,
    look_seconds=5.0,
    too_old_seconds=3_000.0,
    other_log_seconds=5.0,
)

GROUPS: dict[Board, Group] = {
    TARGETS: DocumentGroup("targets"),
    NAMES: DocumentGroup("names"),
    **{(scope, bucket): BoardGroup(scope, "store", bucket) for scope in (*REGIONS, ROOT) for bucket in (*DAYS, MONTH)},
}


class ModelShown(Shown):
    """The product's fold with the model's rows."""

    def changes(self) -> list[GroupChange]:
        changes: dict[Board, GroupChange] = {}
        for key, value in self._rows.items():
            for board, member, said in entries(key, value):
                change = changes.get(board)
                if change is None:
                    change = changes[board] = GroupChange(GROUPS[board])
                if key[:1] == b"C":
                    change.cells[member] = Cell(said[0], 0, 0, said[1])
                else:
                    change.documents[member] = said
        return list(changes.values())


class Consumer:
    """Reads the logs in random portions; keeps a position, as Kafka does."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._positions: dict[int, int] = {}

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._positions = dict.fromkeys((where.partition for where in partitions), 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self._positions[partition.partition] = offset

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Any]]:
        await asyncio.sleep(0)
        found = {}
        for p, position in self._positions.items():
            log = self._world.sites[p].log
            if position >= log.end:
                continue
            records = log.read(position, self._world.fates.portions[int(self._world.random.random() * 3)])
            if records:
                self._positions[p] = records[-1].offset + 1
                found[TopicPartition(TOPIC, p)] = records
        return found

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {where: self._world.sites[where.partition].log.end for where in partitions}


class CheckedBoards(MemoryBoards):
    """Looks, after every change, whether every board that it touched is true at the marks that it names.

    It may lose everything, or be set back to an older copy of itself.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self.moves = self.swaps = self.refused = 0
        self._world = world
        self._copies: list[bytes] = [pickle.dumps(("", {}))]
        self._seen: Marks = ()
        self._true: dict[tuple[Board, Marks], dict[str, Any]] = {}
        self._kept_at: dict[str, float] = {}

    # ---- checks
    def check(self, only: Group | None = None) -> None:
        """What readers see now."""
        held = self._versions.get(self._current)
        if held is None or len(held.pos) < PARTITIONS:
            return  # readers are told `rebuilding`
        marks = tuple(mark_of(held.pos[p]) for p in range(PARTITIONS))
        if any(mark < seen for mark, seen in zip(marks, self._seen, strict=False)):
            self._world.wrong(f"boards go back from {self._seen} to {marks}")
        self._seen = marks
        for board, group in GROUPS.items():
            if only is None or only == group:
                self._check(board, held.groups.get(group), marks)

    def _check(self, board: Board, stored: Any, marks: Marks) -> None:
        if stored is not None:
            marks = tuple(max(mark, mark_of(stored.own.get(p, NEW))) for p, mark in enumerate(marks))
        true = self._true.get((board, marks))
        if true is None:
            true = self._true[board, marks] = self._world.board(board, marks)
        shown = {} if stored is None else stored.cells or stored.documents
        if shown != true:
            self._world.wrong(f"board {'/'.join(board)} at the marks {marks} shows {shown}, true is {true}")

    # ---- the store's side of the port
    def _step(self, version: str, partition: int, start: str, target: str, change: GroupChange) -> Said:
        if self._world.random.random() < self._world.fates.saved / 2:
            self.save()
        said = super()._step(version, partition, start, target, change)
        self._world.trace("boards", "step", version, partition, mark_of(start), mark_of(target), change.group, said)
        if version == self._current and said is Said.DONE:
            self.check(change.group)
        return said

    def _move(self, version: str, partition: int, start: str, target: str, groups: Sequence[Group]) -> Said:
        if self._world.random.random() < self._world.fates.set_back:
            self.set_back(self._world.random)
        said = super()._move(version, partition, start, target, groups)
        self._world.trace("boards", "move", version, partition, mark_of(start), mark_of(target), said)
        self.moves += said is Said.DONE
        self.refused += said is Said.REFUSED
        if version == self._current:
            self.check()
        return said

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        if self._world.random.random() < self._world.fates.set_back_at_swap:
            self.set_back(self._world.random)
        said = await super().swap(expected, version, built)
        self._world.trace("boards", "swap", expected, version, built, said)
        self.swaps += said is Said.DONE
        self.refused += said is Said.REFUSED
        self.check()
        return said

    async def begin(self, version: str, partition_count: int) -> None:
        await super().begin(version, partition_count)
        self._world.trace("boards", "begin", version)
        await self.keep(version)

    async def keep(self, version: str) -> None:
        self._kept_at[version] = self._world.now

    async def sweep(self, silent_seconds: int) -> list[str]:
        """Unlike its parent it has a clock."""
        orphans = [
            version
            for version in self._versions
            if version != self._current and self._world.now - self._kept_at.get(version, 0.0) > silent_seconds
        ]
        for version in orphans:
            await self.drop(version)
        return orphans

    # ---- what may happen to it
    def save(self) -> None:
        self._copies = [*self._copies[-2:], pickle.dumps((self._current, self._versions))]

    def set_back(self, rnd: random.Random) -> None:
        """It was restored to an older copy, or a replica that was behind took over."""
        self._current, self._versions = pickle.loads(rnd.choice(self._copies))
        self._seen = ()
        self._world.trace("boards", "set back to", self._current)
        self.check()

    def another_log(self) -> None:
        """The changelog is made anew: what the boards were made from is gone, and so are the copies."""
        self.empty()
        self._copies = [pickle.dumps(("", {}))]
        self._true.clear()

    def empty(self) -> None:
        self._current, self._versions, self._seen = "", {}, ()
        self._world.trace("boards", "emptied")


class Way:
    """One projector's way to the boards: slow, change by change, and some requests or replies get lost."""

    def __init__(self, world: World) -> None:
        self.faulty = True
        self._world = world

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        step = self._world.boards.step
        return [
            [(await self._ask(step, version, [flush._replace(changes=[change])]))[0][0] for change in flush.changes]
            for flush in flushes
        ]

    async def move(self, version: str, flushes: Sequence[Flush]) -> list[Said]:
        return [(await self._ask(self._world.boards.move, version, [flush]))[0] for flush in flushes]

    async def _ask(self, call: Callable[..., Awaitable[T]], *args: Any) -> T:
        await asyncio.sleep(0)
        lost = self.faulty and self._world.random.random() < 0.004
        if lost and self._world.random.random() < 0.5:
            raise BoardsUnavailable("the request was lost")
        answer = await call(*args)
        if lost:
            raise BoardsUnavailable("the reply was lost")
        return answer

    def __getattr__(self, name: str) -> Any:  # every other call of the port, passed on
        def ask(*args: Any) -> Awaitable[Any]:
            return self._ask(getattr(self._world.boards, name), *args)

        return ask


class ProjectorProcess:
    """One life of a projector process."""

    def __init__(self, world: World) -> None:
        self.process = Process()
        self.way = Way(world)
        self.frozen_until = 0.0
        self._world = world
        self.process.create_task(self._run())

    async def _run(self) -> None:
        world, rules = self._world, self._world.rules
        projector = rules.projector(
            rules.projector_options,
            cast(Any, self.way),
            Consumer(world),
            cast(ProjectorMetrics, Unobserved()),
            fold=rules.shown,
            new_version=world.new_version,
            now=lambda: world.now,
            monotonic=lambda: world.now,
            sleep=_yield,
        )
        try:
            await projector.run()
        except Exception as error:
            world.wrong(f"a projector died of {error!r}", error)


async def _yield(seconds: float) -> None:
    await asyncio.sleep(0)
