"""A flush comes soon while a partition is up to date, and takes its time while many records wait behind it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.engine.app import STATE_BATCH_BYTES_MAX
from processors.engine.changelog import CLAIM, Row
from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import FlushLimits, Folded, Workshop
from processors.engine.writer import FLYING_BYTES_MAX

LIMITS = FlushLimits()


def test_a_partition_that_is_up_to_date_flushes_at_the_live_limits() -> None:
    assert LIMITS.at(0) == (LIMITS.records_max, LIMITS.seconds, LIMITS.bytes_max)


def test_patience_grows_up_to_its_bounds_and_no_further() -> None:
    assert LIMITS.at(LIMITS.behind_records) == (LIMITS.records_max, LIMITS.behind_seconds, LIMITS.behind_bytes_max)
    assert LIMITS.at(100 * LIMITS.behind_records) == LIMITS.at(LIMITS.behind_records)
    assert LIMITS.at(LIMITS.behind_records // 2).seconds == pytest.approx((LIMITS.seconds + LIMITS.behind_seconds) / 2)


@given(st.integers(0, 20_000), st.integers(0, 20_000))
def test_who_is_further_behind_never_flushes_sooner(one: int, other: int) -> None:
    less, more = LIMITS.at(min(one, other)), LIMITS.at(max(one, other))
    assert less.seconds <= more.seconds
    assert less.bytes <= more.bytes
    assert less.records == more.records == LIMITS.records_max


def test_live_limits_that_are_greater_than_those_behind_stay() -> None:
    slow = FlushLimits(seconds=10.0, bytes_max=32 << 20)
    assert slow.at(1_000_000) == slow.at(0)


def test_the_greatest_batch_is_far_below_what_one_may_have_and_several_may_fly() -> None:
    assert 3 * LIMITS.behind_bytes_max <= FLYING_BYTES_MAX < STATE_BATCH_BYTES_MAX


def always() -> bool:
    return True


class Record(NamedTuple):
    offset: int
    key: bytes = b""
    value: bytes | None = None


class Ends:
    """Where appended batches end."""

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.timestamp = 0


class Silence:
    """A control stream without records, and an observer who says nothing of what it sees."""

    async def end(self) -> int:
        return 0

    async def reached(self, end: int) -> None: ...

    async def fresh(self) -> None: ...

    def after(self, offset: int) -> list[Any]:
        return []

    def up_to(self, offset: int) -> list[Any]:
        return []

    def landed(self, seconds: float) -> None: ...


class Engine:
    """All that an owner needs around it: a log that lands at once, a state that counts, and a clock that is set."""

    def __init__(self) -> None:
        self.now, self.end, self.flushes = 0.0, 0, 0
        self.weight = 0
        self.acknowledged = 0
        workshop = Workshop(
            core=lambda partition: cast(Any, self),
            reduce=self.reduce,
            control=cast(Any, Silence()),
            control_accountant=0,
            writer=cast(Any, self),
            limits=FlushLimits(seconds=0.1, behind_records=1_000, behind_seconds=2.0, behind_bytes_max=9 << 20),
            observer=cast(Any, Silence()),
            die=self.die,
            clock=lambda: self.now,
            now_ms=lambda: 0,
        )
        self.owner = PartitionOwner(0, workshop)

    async def opened(self) -> PartitionOwner:
        claimed = await self.owner.claim("test")
        self.owner.feed([cast(Any, Record(claimed, CLAIM, b"test"))])
        await self.owner.open()
        self.owner.refusing = False
        return self.owner

    async def take(self, first: int, stop: int, log_end: int) -> None:
        """A chunk of the records from `first` to before `stop`."""
        await self.owner.take("sales", map(Record, range(first, stop)), cast(Any, self), always, log_end=log_end)

    async def at(self, seconds: float) -> int:
        """Flushes so far, after a look at an instant."""
        self.now = seconds
        await self.owner.tick()
        await asyncio.sleep(0)
        return self.flushes

    def ack(self) -> bool:
        self.acknowledged += 1
        return True

    def reduce(self, state: Any, source: str, records: Iterable[Any]) -> Folded:
        taken = [record.offset for record in records]
        return Folded(len(taken), taken[-1] if taken else -1, [])

    # ---- the state
    def plant(self, facts: Sequence[Any]) -> None: ...

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        self.flushes += 1
        return None, []

    # ---- the writer
    async def claim(self, partition: int, who: str) -> int:
        return await self._append(1)

    async def append(self, partition: int, records: Sequence[Row]) -> asyncio.Future[Ends]:
        future = asyncio.get_running_loop().create_future()
        future.set_result(Ends(await self._append(len(records))))
        return future

    async def _append(self, count: int) -> int:
        base, self.end = self.end, self.end + count
        return base

    def die(self, error: BaseException) -> None:
        raise AssertionError from error


async def test_live_records_are_flushed_after_a_tenth_of_a_second() -> None:
    engine = Engine()
    await engine.opened()
    await engine.take(0, 10, log_end=10)
    assert [await engine.at(0.09), await engine.at(0.1)] == [0, 1]
    assert engine.acknowledged == 1


async def test_a_backlog_is_flushed_rarely_and_its_end_at_the_live_pace() -> None:
    engine = Engine()
    await engine.opened()
    await engine.take(0, 100, log_end=5_000)
    assert [await engine.at(1.9), await engine.at(2.0)] == [0, 1]
    await engine.take(100, 200, log_end=5_000)
    assert await engine.at(3.9) == 1
    await engine.take(200, 5_000, log_end=5_000)
    assert await engine.at(3.9) == 2, "it is up to date, and what it had was old enough"
    await engine.take(5_000, 5_001, log_end=5_001)
    assert [await engine.at(3.99), await engine.at(4.0)] == [2, 3]
    assert engine.acknowledged == 4


async def test_a_backlog_without_a_pause_is_flushed_in_time_too() -> None:
    engine = Engine()
    await engine.opened()
    await engine.take(0, 100, log_end=5_000)
    engine.now = 2.0
    await engine.take(100, 200, log_end=5_000)
    assert engine.flushes == 1, "no look by the clock came between two chunks"


async def test_weight_ends_a_flush_later_when_many_wait() -> None:
    engine = Engine()
    await engine.opened()
    engine.weight = 5 << 20
    await engine.take(0, 10, log_end=5_000)
    assert engine.flushes == 0
    await engine.take(10, 4_990, log_end=4_990)
    assert engine.flushes == 1


async def test_one_source_that_waits_is_enough_for_patience() -> None:
    engine = Engine()
    owner = await engine.opened()
    await engine.take(0, 10, log_end=5_000)
    await owner.take("reps", [cast(Any, Record(0))], cast(Any, engine), always, log_end=1)
    assert [await engine.at(0.2), await engine.at(2.0)] == [0, 1]
