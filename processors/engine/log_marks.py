"""Looks up single marks in a changelog: whether a snapshot was taken of this very log."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import aiokafka
from aiokafka import TopicPartition

from processors.engine.changelog import ChangelogRecord

LOOK_SECONDS_MAX = 20.0
POLL_MS = 200
BROKER_WAIT_MS = 50


async def first_records(
    bootstrap_servers: str, topic: str, offsets: Mapping[int, int], seconds_max: float = LOOK_SECONDS_MAX
) -> dict[int, ChangelogRecord]:
    """The first record of each partition at or after an offset.

    Args:
        bootstrap_servers: comma-separated brokers.
        topic: the changelog.
        offsets: partition to offset; something must stand there or after it, such as a claim.
        seconds_max: a partition that has not answered by then is left out.
    """
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=BROKER_WAIT_MS,
    )
    await consumer.start()
    try:
        wanted = {TopicPartition(topic, partition): offset for partition, offset in offsets.items()}
        consumer.assign(list(wanted))
        for tp, offset in wanted.items():
            consumer.seek(tp, offset)
        found: dict[int, ChangelogRecord] = {}
        loop = asyncio.get_running_loop()
        stop = loop.time() + seconds_max
        while len(found) < len(wanted) and loop.time() < stop:
            for tp, records in (await consumer.getmany(timeout_ms=POLL_MS)).items():
                if tp.partition not in found:
                    found[tp.partition] = records[0]
                    consumer.pause(tp)
        return found
    finally:
        await consumer.stop()
