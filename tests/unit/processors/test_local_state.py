"""A worker's snapshots: written by a child process while it goes on, of what has landed, when it is worth it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from processors.engine.changelog import ChangelogRecord, Row
from processors.engine.local_state import LocalState, SnapshotPolicy
from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import FlushLimits, Folded, Workshop
from tests.unit.processors.test_snapshots import read


class Landed(NamedTuple):
    offset: int
    timestamp: int


class Core:
    """A state of one number, whose rows may be made to take their time."""

    def __init__(self) -> None:
        self.number, self.flushed, self.weight = 0, True, 0
        self.row_seconds = 0.0

    def control(self, facts: Sequence[Any]) -> None: ...

    def plant(self, facts: Sequence[Any]) -> None: ...

    def load(self, key: bytes, value: bytes | None) -> None:
        self.number = int(value or b"0")

    def again(self, key: bytes) -> bytes | None:
        return b"%d" % self.number

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        return None, [(b"number", b"%d" % self.number)]

    def rows(self) -> Iterator[Row]:
        time.sleep(self.row_seconds)
        yield b"number", b"%d" % self.number


class Bench:
    """An open owner, whose batches land when a test says so, and the snapshots beside it."""

    def __init__(self, folder: Path, policy: SnapshotPolicy) -> None:
        self.now = 0.0
        self.next_offset = 0
        self.sent = asyncio.Event()
        self.flying: list[tuple[int, asyncio.Future[Landed]]] = []
        self.outcomes: list[str] = []
        self.workshop = Workshop(
            core=lambda partition: cast(Any, Core()),
            reduce=self.reduce,
            control=cast(Any, self),
            control_accountant=0,
            writer=cast(Any, self),
            limits=FlushLimits(seconds=1e9),
            observer=cast(Any, self),
            die=cast(Any, self.outcomes.append),
            clock=lambda: self.now,
            now_ms=lambda: 1_000_000,
        )
        self.owner = PartitionOwner(0, self.workshop)
        self.local = LocalState(
            folder, "log", self.first_records, self, clock=lambda: self.now, now_ms=lambda: 1_000_000, policy=policy
        )

    def reduce(self, state: Any, source: str, records: Iterable[Any]) -> Folded:
        offsets = [record.offset for record in records]
        state.number += len(offsets)
        return Folded(len(offsets), offsets[-1] if offsets else -1, [])

    async def first_records(self, offsets: Mapping[int, int]) -> Mapping[int, ChangelogRecord]:
        return {}

    # the writer
    async def append(self, partition: int, records: Sequence[Row]) -> asyncio.Future[Landed]:
        future: asyncio.Future[Landed] = asyncio.get_running_loop().create_future()
        self.flying.append((self.next_offset, future))
        self.next_offset += len(records)
        self.sent.set()
        return future

    async def claim(self, partition: int, who: str) -> int:
        self.next_offset += 1
        return self.next_offset - 1

    def land(self) -> None:
        while self.flying:
            offset, future = self.flying.pop(0)
            future.set_result(Landed(offset, 500))

    # the control stream
    async def end(self) -> int:
        return 0

    async def reached(self, end: int) -> None: ...

    def after(self, offset: int) -> list[Any]:
        return []

    def up_to(self, offset: int) -> list[Any]:
        return []

    # the observers
    def landed(self, seconds: float) -> None: ...

    def fenced(self) -> None: ...

    def changelog_read(self, records: int) -> None: ...

    def restored(self, outcome: str, rows: int) -> None: ...

    def snapshot_written(self, outcome: str) -> None:
        self.outcomes.append(outcome)

    async def open(self) -> None:
        claimed_at = await self.owner.claim("me")
        self.owner.feed([cast(Any, Claimed(claimed_at))])
        await self.owner.open()
        self.owner.refusing = False  # as the seek does
        self.local.due(self.owner)  # from here on the time counts

    async def sell(self, count: int) -> None:
        first = self.owner.taken.get("sales", -1) + 1
        records = [Claimed(first + number) for number in range(count)]
        await self.owner.take("sales", records, cast(Any, Unit()), lambda: True)


class Claimed(NamedTuple):
    offset: int
    key: bytes = b"\0claim"
    value: bytes = b"me"


class Unit:
    def ack(self) -> bool:
        return True


NOW = SnapshotPolicy(seconds=60.0, records_min=2)


async def test_a_snapshot_holds_what_has_landed_though_more_comes_while_it_is_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NOW)
    await bench.open()
    await bench.sell(5)
    cast(Any, bench.owner.state).row_seconds = 0.3
    writing = asyncio.create_task(bench.local.write(bench.owner))
    await bench.sent.wait()
    assert os.listdir(tmp_path) == [], "it was written before its batch landed"
    bench.land()
    await bench.sell(100)  # the child still sleeps
    assert not writing.done()
    await writing
    facts, rows = read(bench.local.path(0))
    assert rows == [(b"number", b"5")]
    assert (facts.positions, facts.mark, facts.end, facts.epoch, facts.marked_ms) == ({"sales": 4}, 2, 2, 0, 500)
    assert bench.outcomes == ["written"]
    bench.land()


async def test_what_can_not_land_is_not_written(tmp_path: Path) -> None:
    bench = Bench(tmp_path, NOW)
    await bench.open()
    await bench.sell(5)
    writing = asyncio.create_task(bench.local.write(bench.owner))
    await bench.sent.wait()
    bench.flying.pop()[1].set_exception(ConnectionError("the broker is gone"))
    await writing
    assert os.listdir(tmp_path) == []


async def test_a_child_that_fails_leaves_a_word_and_the_worker_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path / "here", NOW)
    await bench.open()
    (tmp_path / "here").rmdir()
    await bench.sell(5)
    writing = asyncio.create_task(bench.local.write(bench.owner))
    await bench.sent.wait()
    bench.land()
    await writing
    assert bench.outcomes == ["failed"]
    assert "FileNotFoundError" in caplog.text
    await bench.sell(5)


async def test_a_snapshot_is_due_when_time_has_passed_and_enough_has_landed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SnapshotPolicy(seconds=60, records_min=4, seconds_max=1800))
    await bench.open()
    assert not bench.local.due(bench.owner)

    async def land_one() -> None:
        await bench.sell(1)
        async with bench.owner.lock:
            await bench.owner.flush()
        bench.land()
        await asyncio.sleep(0)

    await land_one()  # two records: a row and a mark
    bench.now = 61
    assert not bench.local.due(bench.owner), "too little has landed"
    bench.now = 1801
    assert bench.local.due(bench.owner), "its mark would soon be too old"
    bench.now = 61
    await land_one()
    assert bench.local.due(bench.owner)
    await bench.local.write(bench.owner)
    assert not bench.local.due(bench.owner)
    bench.now = 5_000
    assert not bench.local.due(bench.owner), "nothing has landed since"


async def test_an_orderly_stop_writes_what_is_worth_it_and_no_more(tmp_path: Path) -> None:
    bench = Bench(tmp_path, SnapshotPolicy(records_min=1))
    await bench.open()
    await bench.sell(5)
    async with bench.owner.lock:
        await bench.owner.flush()
    bench.land()
    await asyncio.sleep(0)
    await bench.local.write_at_stop([bench.owner])
    assert read(bench.local.path(0))[1] == [(b"number", b"5")]
    await bench.local.write(bench.owner)
    assert bench.outcomes == ["written"]
