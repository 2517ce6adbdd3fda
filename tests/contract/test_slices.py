"""Changes too large for one call go in slices: readers see all or nothing, whoever writes, whatever gets lost."""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.boards import AttainmentGroup
from domain.cells import EMPTY, Cell
from projections.ports import NEW, GroupChange, Position, Said, SnapshotRequest
from projections.redis_boards import RedisBoards
from projections.texts import mark_of
from tests.contract.given import (
    REP_TARGETS,
    REPS,
    REVENUE,
    STORES,
    UNIT_TARGETS,
    Copies,
    Gate,
    abandon,
    at,
    cells,
    current,
    document,
    move_one,
    shown,
    sold,
    step_one,
)

WEIGHT_MAX = 9
"""Three members on one board."""


@pytest.fixture
async def boards(client: Redis, prefix: str) -> RedisBoards:
    """Reads without patience: what is half written looks like boards that are being rebuilt."""
    boards = RedisBoards(client, prefix, call_weight_max=WEIGHT_MAX, busy_seconds=(0.0,))
    await current(boards)
    await step_one(boards, "v1", 0, NEW, at(1), [])  # the server knows the script
    return boards


def many(revenue: int) -> dict[str, Cell]:
    return {f"m{i}": sold(revenue) for i in range(10)}


async def is_rebuilding(boards: RedisBoards) -> bool:
    return (await boards.snapshot(SnapshotRequest(boards=(REVENUE,)))).version == ""


class Writer:
    """A writer that is stopped between its calls."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self.gate = Gate(client)
        self.boards = RedisBoards(self.gate, prefix, call_weight_max=WEIGHT_MAX)  # type: ignore[arg-type]  # as it is used
        self.work: asyncio.Task[Any] | None = None

    def begin(self, start: str, target: str, changes: list[GroupChange]) -> None:
        self.work = asyncio.ensure_future(step_one(self.boards, "v1", 0, start, target, changes))

    async def calls(self, count: int) -> None:
        assert self.work is not None
        for _ in range(count):
            await self.gate.let_through(self.work)

    async def end(self) -> list[Said]:
        assert self.work is not None
        while await self.gate.let_through(self.work):
            pass
        said: list[Said] = self.work.result()
        return said


async def test_a_large_change_is_seen_whole_or_not_at_all(boards: RedisBoards, client: Redis, prefix: str) -> None:
    writer = Writer(client, prefix)
    for change in (cells(REPS, many(5)), cells(STORES, many(5))):
        writer.begin(NEW, at(5), [change])
        for _ in range(3):
            await writer.calls(1)
            assert (await boards.dump("v1", [change.group])) == [None]
        assert await writer.end() == [Said.DONE]
        [dump] = await boards.dump("v1", [change.group])
        assert dump is not None
        assert dump.cells == many(5)
    assert await shown(boards, REVENUE) == [(f"m{i}", 5) for i in range(10)]


async def test_documents_and_targets_are_sliced_too(boards: RedisBoards, client: Redis, prefix: str) -> None:
    writer = Writer(client, prefix)
    documents = document("reps", {f"r{i}": "x" * 300 for i in range(20)})
    targets = GroupChange(REP_TARGETS, targets={f"r{i}": ((("cn", "rep"),), (("revenue", 5),)) for i in range(4)})
    writer.begin(NEW, at(5), [documents, targets])
    await writer.calls(2)
    assert await boards.dump("v1", [documents.group]) == [None]
    assert await writer.end() == [Said.DONE, Said.DONE]
    held = await boards.dump("v1", [documents.group, targets.group])
    assert [(len(dump.documents), len(dump.targets)) for dump in held if dump is not None] == [(20, 0), (0, 4)]


async def test_a_reader_waits_for_the_last_slice(boards: RedisBoards, client: Redis, prefix: str) -> None:
    writer, reader = Writer(client, prefix), RedisBoards(client, prefix)
    writer.begin(NEW, at(5), [cells(REPS, many(5))])
    await writer.calls(2)
    assert await is_rebuilding(boards)
    reading = asyncio.ensure_future(shown(reader, REVENUE))
    assert await writer.end() == [Said.DONE]
    assert len(await reading) == 10


async def test_a_move_waits_for_the_last_slice(boards: RedisBoards, client: Redis, prefix: str) -> None:
    writer = Writer(client, prefix)
    writer.begin(NEW, at(5), [cells(REPS, many(5))])
    await writer.calls(3)
    assert await move_one(boards, "v1", 0, NEW, at(5), [REP_TARGETS]) is Said.REFUSED
    assert await writer.end() == [Said.DONE]
    assert await move_one(boards, "v1", 0, NEW, at(5), [REP_TARGETS]) is Said.DONE


async def test_another_writer_takes_over_what_is_half_written(boards: RedisBoards, client: Redis, prefix: str) -> None:
    dead, alive = Writer(client, prefix), Writer(client, prefix)
    dead.begin(NEW, at(5), [cells(STORES, many(5))])
    await dead.calls(2)
    alive.begin(NEW, at(5), [cells(STORES, many(5))])
    await alive.calls(1)
    assert await dead.end() == [Said.REFUSED]
    assert await alive.end() == [Said.DONE]
    [dump] = await boards.dump("v1", [UNIT_TARGETS])
    assert dump is not None
    assert dump.cells == many(5)


async def test_what_is_half_written_is_not_taken_back_to_an_earlier_mark(
    boards: RedisBoards, client: Redis, prefix: str
) -> None:
    late = Writer(client, prefix)
    late.begin(NEW, at(9), [cells(REPS, many(9))])
    await late.calls(2)
    assert await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, {"m0": sold(5)})]) == [Said.REFUSED]
    assert await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, many(5))]) == [Said.REFUSED]
    assert await step_one(boards, "v1", 0, NEW, at(12), [cells(REPS, {m: sold(12) for m in many(9)})]) == [Said.DONE]
    assert await late.end() == [Said.SKIPPED]
    assert await shown(boards, REVENUE) == [(f"m{i}", 12) for i in range(10)]


GROUPS = (AttainmentGroup("rep", "2026-05"), AttainmentGroup("unit", "2026-05"))


class Log:
    """One partition: what each of ten members holds at every mark."""

    def __init__(self, rnd: random.Random) -> None:
        self.random = rnd
        self.states: list[dict[tuple[AttainmentGroup, str], Cell]] = [{}]
        self.rows: list[set[tuple[AttainmentGroup, str]]] = [set()]

    def grow(self) -> None:
        state, rows = dict(self.states[-1]), set()
        for group in self.random.sample(GROUPS, self.random.randrange(1, 3)):
            for i in self.random.sample(range(10), self.random.choice([1, 2, 8])):
                revenue = self.random.randrange(-9, 99)
                state[group, f"m{i}"] = self.random.choice([EMPTY, sold(revenue), sold(revenue, 3)])
                rows.add((group, f"m{i}"))
        self.states.append(state)
        self.rows.append(rows)

    def changes(self, start: int, target: int) -> list[GroupChange]:
        """What the rows between two marks set; sometimes also what rows before them did."""
        first = self.random.choice([start, start, max(0, start - 1)])
        after, found = self.states[target], []
        for group in GROUPS:
            changed = {m for rows in self.rows[first + 1 : target + 1] for g, m in rows if g == group}
            if changed:
                board = REPS if group.kind == "rep" else STORES
                found.append(cells(board, {m: after[group, m] for m in sorted(changed)}))
        return found


class Projector(Writer):
    """Flushes from where the boards stand to a mark of the log, call by call."""

    def __init__(self, client: Redis, prefix: str, log: Log) -> None:
        super().__init__(client, prefix)
        self.log = log

    async def go_on(self, boards: RedisBoards) -> None:
        if self.work is None:
            _, pos = await boards.where()
            start, marks = mark_of(pos[0]), len(self.log.states)
            if start + 1 < marks:
                target = self.log.random.randrange(start + 1, marks) if start >= 0 else marks - 1
                self.work = asyncio.ensure_future(self._flush(pos[0], target))
        elif not await self.gate.let_through(self.work):
            self.work.result()
            self.work = None

    async def _flush(self, start: str, target: int) -> None:
        text = str(Position(target, 0, {"sales": target}))
        changes = self.log.changes(max(mark_of(start), 0), target)
        if Said.REFUSED not in await step_one(self.boards, "v1", 0, start, text, changes):
            await move_one(self.boards, "v1", 0, start, text, [change.group for change in changes])


async def compare(boards: RedisBoards, log: Log) -> int:
    """Every group that can be read equals the log at the mark it names; how many could."""
    seen = 0
    for group, board in zip(GROUPS, (REPS, STORES), strict=True):
        for dump in await boards.dump("v1", [group, board]):
            if dump is not None:
                state = log.states[dump.as_of[0].get("sales", 0)]
                expected = {m: cell for (g, m), cell in state.items() if g == group and cell != EMPTY}
                assert dump.cells == expected, (dump.group, dump.as_of)
                if dump.group == board:
                    scores = {m: float(cell.revenue) for m, cell in expected.items()}
                    assert list(dump.sets.values()) == ([scores] if scores else [])
                seen += 1
    return seen


async def test_slices_of_two_attempts_are_never_taken_for_one(boards: RedisBoards, client: Redis, prefix: str) -> None:
    """The store is set back to where another attempt, cut in another way, had as many slices done."""
    first, second, copies = Writer(client, prefix), Writer(client, prefix), Copies(client, prefix)
    first.begin(NEW, at(5), [cells(REPS, many(5))])
    await first.calls(1)
    await copies.keep()
    second.begin(NEW, at(5), [cells(REPS, dict(reversed(many(5).items())))])
    await second.calls(1)
    await copies.set_back(random.Random(0))
    assert await second.end() == [Said.REFUSED]
    assert await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, many(5))]) == [Said.DONE]
    assert await first.end() == [Said.SKIPPED]


@pytest.mark.parametrize("seed", range(4))
async def test_two_writers_and_a_store_that_is_set_back_leave_exact_boards(
    boards: RedisBoards, client: Redis, prefix: str, seed: int
) -> None:
    rnd = random.Random(seed)
    log, copies = Log(rnd), Copies(client, prefix)
    projectors = [Projector(client, prefix, log) for _ in range(2)]
    await copies.keep()
    seen = 0
    for _ in range(400):
        dice = rnd.random()
        if dice < 0.1:
            log.grow()
        elif dice < 0.13:
            await copies.keep()
        elif dice < 0.15:
            await copies.set_back(rnd)
        elif dice < 0.17 and (work := rnd.choice(projectors)).work is not None:
            await abandon(work.work)
            projectors[projectors.index(work)] = Projector(client, prefix, log)
        else:
            await rnd.choice(projectors).go_on(boards)
        seen += await compare(boards, log)
    assert seen > 400
    for _ in range(400):
        await projectors[0].go_on(boards)
    assert mark_of((await boards.where())[1][0]) == len(log.states) - 1
    assert await compare(boards, log) == 4
    for projector in projectors:
        await abandon(projector.work)
