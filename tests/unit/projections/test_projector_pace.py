"""How often the projector flushes: soon while it is up to date, seldom while it is behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from processors.engine.changelog import MARK
from processors.projection_metrics import ProjectorMetrics
from processors.projector import Projector, ProjectorOptions
from projections.memory import MemoryBoards
from projections.ports import NEW
from tests.unit.projections.world import PARTITIONS, TOPIC, CheckedBoards, Clock, Consumer, Log, Record

BATCHES = 30
READ_SECONDS = 0.2


class OneBatchAtATime(Consumer):
    """Every read takes 0.2 s and brings one batch of a partition."""

    def __init__(self, logs: list[Log], clock: Clock, age_seconds: float) -> None:
        super().__init__(logs, random.Random(0), clock)
        self.age_seconds = age_seconds

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Any]]:
        await asyncio.sleep(0)
        self.clock.seconds += READ_SECONDS
        appended_ms = int(1000 * (self.clock.seconds - self.age_seconds))
        for log in reversed(self.logs):
            found: list[Record] = []
            for record in log.records[self.positions[log.partition] :]:
                found.append(record._replace(timestamp=appended_ms))
                if record.key == MARK:
                    break
            if found:
                self.positions[log.partition] += len(found)
                return {TopicPartition(TOPIC, log.partition): found}
        return {}


async def moves(age_seconds: float) -> int:
    """In how many flushes a log of thirty batches is shown, each of which was appended so long before it is read."""
    logs = [Log(p, random.Random(p)) for p in range(PARTITIONS)]
    for _ in range(BATCHES):
        logs[0].batch()
    boards, clock, all_shown = CheckedBoards(logs), Clock(), asyncio.Event()
    await boards.begin("v0", PARTITIONS)
    await MemoryBoards.swap(boards, "", "v0", dict.fromkeys(range(PARTITIONS), NEW))
    projector = Projector(
        ProjectorOptions("none", TOPIC, PARTITIONS, too_old_seconds=10**9),
        boards,
        OneBatchAtATime(logs, clock, age_seconds),
        ProjectorMetrics(CollectorRegistry()),
        on_ready=all_shown.set,
        now=clock,
        monotonic=clock,
    )
    work = asyncio.ensure_future(projector.run())
    await all_shown.wait()
    work.cancel()
    await asyncio.wait([work])
    return boards.said.count("move ok")


async def test_what_comes_now_is_shown_now() -> None:
    assert await moves(age_seconds=0.3) == BATCHES


async def test_patience_grows_with_what_has_waited() -> None:
    counts = [await moves(age_seconds) for age_seconds in (0.3, 1.2, 3.6, 10.0)]
    assert counts == sorted(set(counts), reverse=True), "each in fewer flushes than the one before"


@pytest.mark.parametrize("age_seconds", [10.0, 1_000.0])
async def test_what_has_waited_for_long_is_shown_in_few_flushes(age_seconds: float) -> None:
    assert await moves(age_seconds) == 1 + BATCHES * READ_SECONDS // 3.0
