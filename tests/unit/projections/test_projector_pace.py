"""How often the projector flushes: soon while it shows what happens now, seldom while it is behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from domain.rows import ACCOUNTING, pack, row_key
from processors.engine.changelog import MARK, state_batch
from processors.projection_loop import FRESH_SECONDS
from processors.projection_metrics import ProjectorMetrics
from processors.projector import Projector, ProjectorOptions
from projections.memory import MemoryBoards
from projections.ports import NEW
from tests.unit.projections.world import PARTITIONS, TOPIC, CheckedBoards, Clock, Consumer, Log, Record

BATCHES = 30
READ_SECONDS = 0.2
BEGAN = 100_000.0


class OneBatchAtATime(Consumer):
    """Every read takes 0.2 s and brings one batch of a partition."""

    def __init__(self, logs: list[Log], clock: Clock) -> None:
        super().__init__(logs, random.Random(0), clock)

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Any]]:
        await asyncio.sleep(0)
        self.clock.seconds += READ_SECONDS
        for log in reversed(self.logs):
            found: list[Record] = []
            for record in log.records[self.positions[log.partition] :]:
                found.append(record)
                if record.key == MARK:
                    break
            if found:
                self.positions[log.partition] += len(found)
                return {TopicPartition(TOPIC, log.partition): found}
        return {}


def batch_recorded_at(log: Log, seconds: float) -> None:
    """A batch that says of one more sale, the newest so far, when it was recorded."""
    rows = [(row_key(ACCOUNTING, log.partition), pack({"recorded_ms": int(1000 * seconds)}))]
    for key, value in state_batch(log.epoch, log.next, rows, {"sales": log.next + len(rows)}):
        log.append(key, value)
    log.truth[log.next - 1] = {}


async def moves(age: float) -> int:
    """In how many flushes thirty batches are shown, each read so many seconds after its facts were recorded."""
    logs = [Log(p, random.Random(p)) for p in range(PARTITIONS)]
    clock, all_shown = Clock(), asyncio.Event()
    clock.seconds = BEGAN
    for number in range(1, BATCHES + 1):
        batch_recorded_at(logs[0], BEGAN + number * READ_SECONDS - age)
    boards = CheckedBoards(logs)
    await boards.begin("v0", PARTITIONS)
    await MemoryBoards.swap(boards, "", "v0", dict.fromkeys(range(PARTITIONS), NEW))
    projector = Projector(
        ProjectorOptions("none", TOPIC, PARTITIONS, too_old_seconds=10**9),
        boards,
        OneBatchAtATime(logs, clock),
        ProjectorMetrics(CollectorRegistry()),
        on_ready=all_shown.set,
        now=clock,
        monotonic=clock,
    )
    work, waiting = asyncio.ensure_future(projector.run()), asyncio.ensure_future(all_shown.wait())
    await asyncio.wait([work, waiting], return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        await work  # it never ends but by what is wrong
    work.cancel()
    await asyncio.wait([work])
    return boards.said.count("move ok")


@pytest.mark.parametrize("age", [0.0, FRESH_SECONDS, -3600.0], ids=["now", "just now", "a clock ahead"])
async def test_what_was_recorded_just_now_is_shown_now(age: float) -> None:
    assert await moves(age) == BATCHES


async def test_the_older_what_is_read_the_fewer_flushes_show_it() -> None:
    counts = [await moves(age) for age in (FRESH_SECONDS, 2.0, 3.0, 5.0)]
    assert counts == sorted(set(counts), reverse=True), "each in fewer flushes than the one before"


async def test_nothing_waits_for_longer_than_three_seconds() -> None:
    assert await moves(86_400.0) == 1 + BATCHES * READ_SECONDS // 3.0
