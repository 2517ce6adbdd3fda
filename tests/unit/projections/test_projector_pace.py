"""How often the projector flushes: soon while little waits, seldom while much does."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping, Sequence
from typing import Any

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


async def moves(rows_per_second: int) -> int:
    """In how many flushes a log of thirty batches is shown."""
    logs = [Log(p, random.Random(p)) for p in range(PARTITIONS)]
    for _ in range(BATCHES):
        logs[0].batch()
    boards, clock, all_shown = CheckedBoards(logs), Clock(), asyncio.Event()
    await boards.begin("v0", PARTITIONS)
    await MemoryBoards.swap(boards, "", "v0", dict.fromkeys(range(PARTITIONS), NEW))
    projector = Projector(
        ProjectorOptions("none", TOPIC, PARTITIONS, too_old_seconds=10**9, rows_per_second=rows_per_second),
        boards,
        OneBatchAtATime(logs, clock),
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


async def test_what_comes_now_is_shown_now_while_it_is_little() -> None:
    assert await moves(rows_per_second=1_000) == BATCHES


async def test_the_more_rows_wait_the_fewer_flushes_show_them() -> None:
    counts = [await moves(rows_per_second) for rows_per_second in (1_000, 12, 4, 1)]
    assert counts == sorted(set(counts), reverse=True), "each in fewer flushes than the one before"


async def test_nothing_waits_for_longer_than_three_seconds() -> None:
    assert await moves(rows_per_second=1) == 1 + BATCHES * READ_SECONDS // 3.0
