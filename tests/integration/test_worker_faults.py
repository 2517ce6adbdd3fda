"""Workers are killed, frozen and joined while records pour in; the state stays the exact fold of the sources."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import moves, organisation, people, sales
from tests.integration.worker_stage import Progress, WorkerProcess, check_state, produce, supervised

PARTITIONS = 4
SALE_COUNT = 12_000
SLOW = {"chunk_pause_seconds": 0.05, "limits": {"records_max": 500, "seconds": 0.05, "piece_records": 100}}
"""Many small flushes and a load that lasts: faults hit every moment of a flush."""


async def pour(servers: str, names: TopicNames, rnd: random.Random) -> None:
    """The organisation first, then sales with org moves among them."""
    await produce(servers, names, itertools.chain(organisation(), people(rnd)))
    load, moved = list(sales(rnd, SALE_COUNT, PARTITIONS)), list(moves(rnd, 12))
    for part in range(12):
        await produce(servers, names, [*load[part::12], moved[part]])
        await asyncio.sleep(0.3)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_killed_workers_change_nothing(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, seed: int
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(seed)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    workers = [WorkerProcess(tmp_path, f"w{n}", servers, topic_prefix, partitions=PARTITIONS, **SLOW) for n in range(2)]
    async with supervised(workers):
        pouring = asyncio.create_task(pour(servers, names, rnd))
        for _ in range(4):
            worker = rnd.choice(workers)
            await worker.ready(60)
            await asyncio.sleep(rnd.uniform(0.2, 2.0))
            worker.kill()
        await pouring
        await Progress(servers, names, PARTITIONS).until(seconds=120)
    await check_state(servers, names, PARTITIONS)


@pytest.mark.slow
async def test_a_frozen_worker_that_comes_back_changes_nothing(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(5)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    workers = [WorkerProcess(tmp_path, f"w{n}", servers, topic_prefix, partitions=PARTITIONS, **SLOW) for n in range(2)]
    async with supervised(workers):
        pouring = asyncio.create_task(pour(servers, names, rnd))
        for worker in workers:
            await worker.ready(60)
        await asyncio.sleep(1.0)
        workers[0].signal(signal.SIGSTOP)
        await asyncio.sleep(10.0)  # longer than the session: the other one takes over
        workers[0].signal(signal.SIGCONT)
        await pouring
        await Progress(servers, names, PARTITIONS).until(seconds=120)
    await check_state(servers, names, PARTITIONS)
