"""A lost partition is taken back by a new owner, unless a rebalance is faster or it happens too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple, cast

import pytest

from processors.engine.changelog import CLAIM, ChangelogRecord, Row
from processors.engine.ownership import PartitionOwner
from processors.engine.reclaim import TIMES_MAX, WAIT_SECONDS, Reclaims
from processors.engine.workshop import FlushLimits, ForeignWrite, Workshop

FOREIGN = ForeignWrite("somebody else wrote")


class Record(NamedTuple):
    offset: int
    key: bytes
    value: bytes | None
    timestamp: int = 0


class Landed(NamedTuple):
    offset: int


class Stage:
    """A log of claims, an empty state, and everything that the engine asks for."""

    def __init__(self) -> None:
        self.log: list[Record] = []
        self.said: list[str] = []
        self.waited: list[float] = []
        self.died: list[BaseException] = []
        self.now = 0.0
        self.reads_on = False  # more than it was asked to read
        self.between: Any = lambda: None  # happens while the changelog is read
        self.while_held: Any = lambda: None  # happens while the sources are held
        self.workshop = Workshop(
            core=lambda partition: cast(Any, self),
            reduce=cast(Any, None),
            control=cast(Any, self),
            control_accountant=0,
            writer=cast(Any, self),
            limits=FlushLimits(),
            observer=cast(Any, self),
            die=self.died.append,
            clock=lambda: self.now,
            now_ms=lambda: 0,
            lost=lambda owner, reason: self.reclaims.lost(owner, reason),
        )
        self.owners = {3: PartitionOwner(3, self.workshop)}
        self.reclaims = Reclaims(
            self.owners, self.workshop, "me", read=self.read, sources=self, reclaimed=self.tell, sleep=self.sleep
        )

    # ---- as the writer, the control stream and the state
    async def claim(self, partition: int, who: str) -> int:
        self.log.append(Record(len(self.log), CLAIM, who.encode()))
        return len(self.log) - 1

    async def append(self, partition: int, records: Sequence[Row]) -> asyncio.Future[Landed]:
        future: asyncio.Future[Landed] = asyncio.get_running_loop().create_future()
        future.set_result(Landed(len(self.log)))
        self.log += [Record(len(self.log) + i, key, value) for i, (key, value) in enumerate(records)]
        return future

    async def end(self) -> int:
        return 0

    async def reached(self, end: int) -> None: ...

    def after(self, offset: int) -> list[Any]:
        return []

    up_to = after

    def plant(self, facts: Sequence[Any]) -> None: ...

    # ---- as the sources, the changelog and the clock
    async def hold(self, partition: int) -> None:
        self.while_held()
        self.said.append(f"hold {partition}")

    async def go_on(self, partition: int) -> None:
        self.said.append(f"go on {partition}")

    async def read(self, owner: PartitionOwner, last: int) -> AsyncGenerator[list[ChangelogRecord], None]:
        for record in self.log[: last + 1]:
            self.between()
            yield [record]
        if self.reads_on:
            yield list(self.log[last + 1 :])

    async def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        await asyncio.sleep(0)

    def reclaimed(self) -> None:
        self.said.append("counted")

    async def tell(self) -> None:
        self.said.append("told")

    async def rest(self) -> None:
        for _ in range(50):
            await asyncio.sleep(0)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_new_owner_claims_reads_opens_and_the_sources_go_on(stage: Stage) -> None:
    lost = stage.owners[3]
    stage.reclaims.lost(lost, FOREIGN)
    await stage.rest()
    assert stage.said == ["hold 3", "hold 3", "go on 3", "counted", "told"]
    assert stage.owners[3] is not lost
    assert stage.owners[3].mine == 0
    assert [record.value for record in stage.log] == [b"me"]


async def test_a_partition_that_is_revoked_meanwhile_is_left_alone(stage: Stage) -> None:
    stage.between = stage.owners.clear
    stage.reclaims.lost(stage.owners[3], FOREIGN)
    await stage.rest()
    assert stage.said == ["hold 3"]
    assert not stage.owners


async def test_a_partition_revoked_while_its_new_owner_waits_for_the_sources_is_left_alone(stage: Stage) -> None:
    def revoke_once_open() -> None:
        if stage.owners[3].mine is not None:
            stage.owners.clear()

    stage.while_held = revoke_once_open
    stage.reclaims.lost(stage.owners[3], FOREIGN)
    await stage.rest()
    assert stage.said == ["hold 3", "hold 3"]


async def test_a_rebalance_that_claims_first_keeps_its_owner(stage: Stage) -> None:
    lost, faster = stage.owners[3], PartitionOwner(3, stage.workshop)
    stage.between = lambda: stage.owners.update({3: faster})
    stage.reclaims.lost(lost, FOREIGN)
    await stage.rest()
    assert stage.owners[3] is faster
    assert faster.mine is None, "the rebalance opens it"
    assert stage.said == ["hold 3"]


async def test_a_claim_that_comes_in_between_is_met_by_another_one(stage: Stage) -> None:
    stage.log.append(Record(0, CLAIM, b"other"))
    appended = iter([True])

    def other_claims() -> None:
        if next(appended, False):
            stage.log.append(Record(len(stage.log), CLAIM, b"other"))

    stage.between = other_claims
    stage.reads_on = True
    stage.reclaims.lost(stage.owners[3], FOREIGN)
    await stage.rest()
    assert [record.value for record in stage.log] == [b"other", b"me", b"other", b"me"]
    assert stage.owners[3].mine == 3


async def test_every_further_time_waits_longer_and_too_many_stop_the_process(stage: Stage) -> None:
    for _ in range(TIMES_MAX):
        stage.reclaims.lost(stage.owners[3], FOREIGN)
        await stage.rest()
    assert stage.waited == [0.0, *(WAIT_SECONDS * 2**i for i in range(TIMES_MAX - 1))]
    assert not stage.died
    stage.reclaims.lost(stage.owners[3], FOREIGN)
    assert stage.died == [FOREIGN]


async def test_what_was_long_ago_does_not_count(stage: Stage) -> None:
    for _ in range(3 * TIMES_MAX):
        stage.now += 13.0
        stage.reclaims.lost(stage.owners[3], FOREIGN)
        await stage.rest()
    assert not stage.died


async def test_a_fault_on_the_way_stops_the_process(stage: Stage) -> None:
    fault = OSError("no broker")

    def fail() -> None:
        raise fault

    stage.between = fail
    stage.reclaims.lost(stage.owners[3], FOREIGN)
    await stage.rest()
    assert stage.died == [fault]
