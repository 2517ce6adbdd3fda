"""The broker is killed under a working worker; after its return the state is still the exact fold of the sources."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import organisation, people, sales
from tests.integration.worker_stage import Progress, WorkerProcess, check_state, produce, supervised

PARTITIONS = 3


@pytest.fixture
def own_kafka(tmp_path: Path) -> Iterator[EmbeddedKafka]:
    """A broker that a test may kill."""
    server = EmbeddedKafka(tmp_path / "own kafka")
    server.start()
    yield server
    server.stop()


@pytest.mark.slow
async def test_a_killed_broker_changes_nothing(own_kafka: EmbeddedKafka, tmp_path: Path) -> None:
    servers, names, rnd = own_kafka.bootstrap_servers, TopicNames("broken"), random.Random(7)
    ensure_topics(servers, "broken", PARTITIONS)
    limits = {"records_max": 200, "seconds": 0.05, "piece_records": 50}
    worker = WorkerProcess(
        tmp_path, "worker", servers, "broken", partitions=PARTITIONS, chunk_pause_seconds=0.1, limits=limits
    )
    async with supervised([worker]):
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 4_000, PARTITIONS)))
        own_kafka.process.kill()  # and wait until it is gone
        await asyncio.to_thread(own_kafka.start)
        await produce(servers, names, sales(rnd, 500, PARTITIONS))
        await Progress(servers, names, PARTITIONS).until(seconds=120)
    await check_state(servers, names, PARTITIONS)
