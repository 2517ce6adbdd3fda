"""Sums of units are worked out by the writer from what it knows; whatever others do meanwhile, none is wrong."""

from __future__ import annotations

import asyncio
import functools
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from domain.cells import EMPTY, Cell
from projections.ports import NEW, Flush, GroupChange, Position, Said
from projections.redis_boards import RedisBoards
from projections.texts import mark_of
from tests.contract.given import (
    REPS,
    STORE_REVENUE,
    STORES,
    UNIT_TARGETS,
    Copies,
    Gate,
    abandon,
    at,
    cells,
    current,
    dump,
    move_one,
    reached,
    shown,
    sold,
    step_one,
)

NORTH = ("store", ("north", "cn"))
SOUTH = ("store", ("south", "cn"))


class Interrupted:
    """A client in which something else happens right before one of its requests."""

    def __init__(self, client: Redis, before: int = 0, happens: Callable[[], Awaitable[None]] | None = None) -> None:
        self._client, self._before, self._happens = client, before, happens
        self.requests = 0

    async def _request(self) -> None:
        self.requests += 1
        if self._happens is not None and self.requests == self._before:
            await self._happens()

    async def hmget(self, *args: Any) -> Any:
        await self._request()
        return await self._client.hmget(*args)

    async def evalsha(self, *args: Any) -> Any:
        await self._request()
        return await self._client.evalsha(*args)

    def pipeline(self, **options: Any) -> Any:
        return _InterruptedPipeline(self._request, self._client.pipeline(**options))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)


class _InterruptedPipeline:
    def __init__(self, request: Callable[[], Awaitable[None]], pipeline: Any) -> None:
        self._request, self._pipeline = request, pipeline

    async def __aenter__(self) -> Any:
        await self._request()
        return await self._pipeline.__aenter__()

    async def __aexit__(self, *error: Any) -> None:
        await self._pipeline.__aexit__(*error)


def stores(**held: int) -> GroupChange:
    return cells(STORES, {store: sold(revenue) for store, revenue in held.items()})


async def flush(boards: RedisBoards, partition: int, start: int, target: int, change: GroupChange) -> Said:
    """A step and, when it was done, its move."""
    [said] = await step_one(boards, "v1", partition, at(start), at(target), [change])
    if said is Said.DONE:
        assert await move_one(boards, "v1", partition, at(start), at(target), [change.group]) is Said.DONE
    return said


@pytest.mark.parametrize("before", range(1, 4))
async def test_nothing_that_another_writes_meanwhile_is_lost(client: Redis, prefix: str, before: int) -> None:
    """Position, parts and the step itself are three requests; the other may write before each of them."""
    other = RedisBoards(client, prefix)
    await current(other)
    await flush(other, 0, -1, 5, stores(s1=100, s2=7))
    await flush(other, 1, -1, 5, stores(s1=20))

    async def write() -> None:
        assert await flush(other, 1, 5, 9, stores(s1=50, s3=3)) is Said.DONE

    interrupted = Interrupted(client, before, write)
    writer = RedisBoards(interrupted, prefix)  # type: ignore[arg-type]  # as it is used
    assert await flush(writer, 0, 5, 9, stores(s1=1_000)) is Said.DONE
    assert interrupted.requests >= before
    assert await shown(other, STORE_REVENUE) == [("s1", 1_050), ("s2", 7), ("s3", 3)]
    assert (await dump(other, STORES)).parts == {
        ("s1", 0): sold(1_000),
        ("s1", 1): sold(50),
        ("s2", 0): sold(7),
        ("s3", 1): sold(3),
    }


@pytest.mark.parametrize("of_units", [True, False])
async def test_a_position_that_moves_meanwhile_refuses_its_flush(client: Redis, prefix: str, of_units: bool) -> None:
    """Reps have one home, so it refuses no other; sums of units are worked out for all partitions together."""

    def change(**held: int) -> GroupChange:
        return stores(**held) if of_units else cells(REPS, {member: sold(revenue) for member, revenue in held.items()})

    other = RedisBoards(client, prefix)
    await current(other)

    async def write() -> None:
        assert await flush(other, 1, -1, 9, change(b=20)) is Said.DONE

    writer = RedisBoards(Interrupted(client, 2, write), prefix)  # type: ignore[arg-type]  # as it is used
    flushes = [Flush(0, NEW, at(12), [change(a=1)]), Flush(1, NEW, at(12), [change(b=2)])]
    assert await writer.step("v1", flushes) == [[Said.REFUSED if of_units else Said.DONE], [Said.REFUSED]]
    assert (await dump(other, STORES if of_units else REPS)).parts.get(("b", 1)) == sold(20)


async def test_a_writer_that_is_always_overtaken_is_refused(client: Redis, prefix: str) -> None:
    other, written = RedisBoards(client, prefix), [-1]
    await current(other)

    class Overtaken(Interrupted):
        async def evalsha(self, *args: Any) -> Any:
            start = written[-1]
            written.append(start + 5)
            assert await flush(other, 1, start, start + 5, stores(s1=start + 5)) is Said.DONE
            return await self._client.evalsha(*args)

    writer = RedisBoards(Overtaken(client), prefix)  # type: ignore[arg-type]  # as it is used
    assert await step_one(writer, "v1", 0, NEW, at(9), [stores(s1=1)]) == [Said.REFUSED]
    assert await flush(RedisBoards(client, prefix), 0, -1, 9, stores(s1=1)) is Said.DONE
    assert await shown(other, STORE_REVENUE) == [("s1", written[-1] + 1)]


async def test_a_writer_notices_that_the_store_was_set_back(client: Redis, prefix: str) -> None:
    """The other writes again what was lost, and something else: the marks are as they were, the tag is not."""
    writer, other, copies = RedisBoards(client, prefix), RedisBoards(client, prefix), Copies(client, prefix)
    await current(writer)
    await flush(writer, 0, -1, 5, stores(s1=100))
    await copies.keep()
    await flush(writer, 1, -1, 7, stores(s1=20))
    await copies.set_back(random.Random(0))
    await flush(other, 1, -1, 7, stores(s1=20))
    await flush(other, 2, -1, 7, stores(s1=3))
    assert await flush(writer, 0, 5, 9, stores(s1=200)) is Said.DONE
    assert await shown(writer, STORE_REVENUE) == [("s1", 223)]


async def test_parts_that_a_store_no_longer_holds_are_not_written(client: Redis, prefix: str) -> None:
    """Another writes right before the parts are read, and the store is set back right before the step."""
    other, copies = RedisBoards(client, prefix), Copies(client, prefix)
    await current(other)
    await flush(other, 0, -1, 5, stores(s1=100))
    await flush(other, 1, -1, 5, stores(s1=20))
    await copies.keep()

    async def write() -> None:
        assert await flush(other, 1, 5, 9, stores(s1=50)) is Said.DONE

    class SetBack(Interrupted):
        async def evalsha(self, *args: Any) -> Any:
            if not is_set_back:
                is_set_back.append(True)
                await copies.set_back(random.Random(0))
            return await self._client.evalsha(*args)

    is_set_back: list[bool] = []
    writer = RedisBoards(SetBack(client, 2, write), prefix)  # type: ignore[arg-type]  # as it is used
    assert await flush(writer, 0, 5, 9, stores(s1=1_000)) is Said.DONE
    assert await shown(other, STORE_REVENUE) == [("s1", 1_020)]
    assert (await dump(other, STORES)).parts == {("s1", 0): sold(1_000), ("s1", 1): sold(20)}


@pytest.mark.parametrize("is_new", [True, False])
async def test_a_unit_that_moves_in_one_partition_first_stands_where_each_part_says(
    client: Redis, prefix: str, is_new: bool
) -> None:
    """With a writer that knows the parts, and with one that has to read them in each step."""

    def move(by_reach: dict[Any, Cell]) -> GroupChange:
        return reached(UNIT_TARGETS, {"s1": by_reach})

    boards = RedisBoards(client, prefix, held_units_max=0 if is_new else 100)
    await current(boards)
    await flush(boards, 0, -1, 5, move({NORTH: sold(100)}))
    await flush(boards, 1, -1, 5, move({NORTH: sold(10)}))
    await flush(boards, 0, 5, 6, move({NORTH: sold(0, 0), SOUTH: sold(100)}))
    assert {n.unit_id: s for n, s in await sets(boards)} == {"north": 10, "south": 100, "cn": 110}
    await flush(boards, 1, 5, 6, move({NORTH: sold(0, 0), SOUTH: sold(10)}))
    assert {n.unit_id: s for n, s in await sets(boards)} == {"south": 110, "cn": 110}
    await flush(boards, 1, 6, 7, move({NORTH: sold(0, 0), SOUTH: sold(0, 0)}))
    await flush(boards, 0, 6, 7, move({NORTH: sold(0, 0), SOUTH: sold(0, 0)}))
    assert await sets(boards) == []
    held = await dump(boards, UNIT_TARGETS)
    assert (held.cells, held.parts) == ({}, {})


async def sets(boards: RedisBoards) -> list[tuple[Any, float]]:
    """The sales boards that have the store, and its score."""
    _, groups = await boards.groups()
    dumps = [dump for dump in await boards.dump("v1", groups) if dump is not None]
    return [(name, scores["s1"]) for dump in dumps for name, scores in dump.sets.items() if "s1" in scores]


PARTITIONS = 3


class Facts:
    """What each partition says of three stores at every mark."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.states: list[list[dict[str, dict[Any, Cell]]]] = [[{}] for _ in range(PARTITIONS)]

    def grow(self) -> None:
        partition = self.dice.choice(self.states)
        state = {store: dict(by_reach) for store, by_reach in partition[-1].items()}
        for store in self.dice.sample(["s1", "s2", "s3"], self.dice.choice([1, 2])):
            held = state.setdefault(store, {})
            reach = NORTH if self.dice.random() < 0.9 else SOUTH
            held |= dict.fromkeys(held, sold(0, 0)) | {reach: sold(self.dice.randrange(99), 1)}
        partition.append(state)

    def flush(self, partition: int, start: str, target: int) -> Flush:
        """From where a partition stands to a later mark."""
        states, first = self.states[partition], max(mark_of(start), 0)
        changed = {s for s in states[target] if any(state.get(s) != states[first].get(s) for state in states[first:])}
        return Flush(
            partition,
            start,
            str(Position(target, 0, {"sales": target})),
            [reached(UNIT_TARGETS, {store: states[target][store] for store in sorted(changed)})],
        )


async def project(boards: RedisBoards, facts: Facts) -> None:
    """One round of a projector: of some partitions, as far as it has read."""
    _, pos = await boards.where()
    ready = [p for p in pos if mark_of(pos[p]) < len(facts.states[p]) - 1]
    some = facts.dice.sample(ready, facts.dice.randrange(1, len(ready) + 1)) if ready else []
    flushes = [facts.flush(p, pos[p], facts.dice.randrange(mark_of(pos[p]) + 1, len(facts.states[p]))) for p in some]
    if flushes:
        said = await boards.step("v1", flushes)
        await boards.move("v1", [flush for flush, [one] in zip(flushes, said, strict=True) if one is not Said.REFUSED])


class Turns(Interrupted, Gate):
    """A client each of whose requests waits until it is let through."""

    def __init__(self, client: Redis) -> None:
        Interrupted.__init__(self, client)
        Gate.__init__(self, client)

    async def _request(self) -> None:
        await self.turn()


@pytest.mark.parametrize("seed", range(8))
async def test_two_projectors_and_a_store_that_is_set_back_leave_exact_sums(
    client: Redis, prefix: str, seed: int
) -> None:
    dice = random.Random(seed)
    facts, copies, reader = Facts(dice), Copies(client, prefix), RedisBoards(client, prefix)
    await current(reader)
    await copies.keep()
    turns = [Turns(client), Turns(client)]
    writers = [RedisBoards(turn, prefix) for turn in turns]  # type: ignore[arg-type]  # as it is used
    work: list[asyncio.Task[None] | None] = [None, None]
    seen = set()
    for _ in range(400):
        facts.grow()
        if dice.random() < 0.03:
            await copies.keep()
        elif dice.random() < 0.03:
            await copies.set_back(dice)
        at = dice.randrange(2)
        task = work[at] = work[at] or asyncio.create_task(project(writers[at], facts))
        if not await turns[at].let_through(task):
            task.result()
            work[at] = None
        seen.add(await assert_exact(reader, facts))
    assert len(seen) > 20, "the boards went on"
    for left in work:
        await abandon(left)


async def assert_exact(boards: RedisBoards, facts: Facts) -> str:
    """Sums are what the partitions say at the marks that are named; these marks, as text."""
    [held] = await boards.dump("v1", [UNIT_TARGETS])
    if held is None:
        return ""
    marks = {p: held.as_of[p].get("sales", 0) for p in held.as_of}
    said = {p: facts.states[p][mark] for p, mark in marks.items()}
    parts = {(s, p): functools.reduce(Cell.plus, by.values()) for p, state in said.items() for s, by in state.items()}
    assert held.parts == {at: part for at, part in parts.items() if part != EMPTY}
    stores = {store for store, _ in held.parts}
    assert held.cells == {
        s: functools.reduce(Cell.plus, (part for (store, _), part in held.parts.items() if store == s)) for s in stores
    }
    return str(sorted(marks.items()))


async def test_steps_of_one_writer_at_once_do_not_take_units_from_each_other(client: Redis, prefix: str) -> None:
    writer = RedisBoards(client, prefix, held_units_max=0)
    version = await current(writer, partitions=8)
    flushes = [
        Flush(partition, NEW, at(1), [reached(UNIT_TARGETS, {"s1": {NORTH: sold(partition + 1)}})])
        for partition in range(8)
    ]
    said = await asyncio.gather(*(writer.step(version, [flush]) for flush in flushes))
    assert said == [[[Said.DONE]]] * len(flushes)
    for flush in flushes:
        assert await writer.move(version, [flush]) == [Said.DONE]
    assert await shown(writer, STORE_REVENUE) == [("s1", sum(range(1, 9)))]
