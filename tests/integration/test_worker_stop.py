"""SIGTERM: what is in work is finished, written and committed; the next start finds nothing to say again."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import aiokafka
import pytest
from aiokafka import TopicPartition

from cli.embedded import EmbeddedKafka
from processors.topics import SOURCES, TopicNames, ensure_topics
from processors.worker import STOP_SECONDS_MAX
from tests.integration.test_worker_recovery import metrics
from tests.integration.worker_load import organisation, people, sales
from tests.integration.worker_stage import Progress, Reader, WorkerProcess, check_state, produce

PARTITIONS = 3
PATIENT = {"seconds": 30.0, "behind_seconds": 30.0}
"""Flushes that no clock makes due during a test."""


async def committed(servers: str, group: str, names: TopicNames) -> dict[tuple[str, int], int]:
    """The group's offsets of the sources, where there are some."""
    consumer = aiokafka.AIOKafkaConsumer(bootstrap_servers=servers, group_id=group, enable_auto_commit=False)
    await consumer.start()
    try:
        found = {}
        for source, partition in itertools.product(SOURCES, range(PARTITIONS)):
            offset = await consumer.committed(TopicPartition(names.of(source), partition))
            if offset is not None:
                found[source, partition] = offset
        return found
    finally:
        await consumer.stop()


@pytest.mark.parametrize("limits", [{}, PATIENT], ids=["soon", "patient"])
async def test_a_worker_that_is_told_to_stop_under_load_leaves_nothing_half_done(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, limits: dict[str, float]
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(41)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(
        tmp_path,
        "worker",
        servers,
        topic_prefix,
        partitions=PARTITIONS,
        instance_id="one",
        chunk_pause_seconds=0.2,
        limits=limits,
    ).start()
    again = WorkerProcess(tmp_path, "again", servers, topic_prefix, partitions=PARTITIONS, instance_id="one")
    progress = Progress(servers, names, PARTITIONS)
    try:
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 6_000, PARTITIONS)))
        assert await asyncio.to_thread(worker.stop, STOP_SECONDS_MAX) == 0, worker.tail()
        async with Reader(servers) as reader:
            for partition, fold in enumerate(progress.folds):
                fold.feed(await reader.read(names.changelog, partition))
        positions = {
            (source, partition): fold.positions[source] + 1
            for partition, fold in enumerate(progress.folds)
            for source in SOURCES
            if source in fold.positions
        }
        assert await committed(servers, topic_prefix, names) == positions
        assert 0 < sum(positions.values()) < 6_000, "nothing was in work: nothing was tested"
        await again.start().ready()
        assert metrics(again)["standings_fenced_batches_total"] == 0
        await Progress(servers, names, PARTITIONS).until()
        assert await asyncio.to_thread(again.stop, STOP_SECONDS_MAX) == 0, again.tail()
    finally:
        worker.kill()
        if again.process is not None:
            again.kill()
    await check_state(servers, names, PARTITIONS)
