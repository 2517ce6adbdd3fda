"""The measured legs. Each runs in a process of its own, which prints its figures as one JSON line.

``python -m bench.legs LEG BOOTSTRAP_SERVERS PREFIX [PROFILE_FILE]``; the primary figure is CPU seconds, user and
system, of the process that does the work, from connected to done.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import json
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiokafka

from bench.checks import BOARDS, digests_of
from domain.boards import Group
from domain.partition import Rules
from events.codec import read_record
from events.facts import Rejected
from processors.log_reader import LogReader
from processors.replay import replay_log
from processors.topics import TopicNames
from projections.memory import MemoryBoards

RULES = Rules("CNY", "Asia/Shanghai")
FETCH_BYTES_MAX = 4 << 20
RECORDS_MAX = 5_000
SOURCES = ("sales", "targets", "reps", "control")

Records = list[Any]  # consumer records: aiokafka is not typed


async def read_all(servers: str, topic: str, each: Callable[[Records], None]) -> int:
    """Every record of a topic through aiokafka, in batches; returns their number."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=FETCH_BYTES_MAX,
    )
    await consumer.start()
    try:
        await consumer._client.force_metadata_update()  # there is no public refresh
        partitions = [aiokafka.TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic))]
        consumer.assign(partitions)
        left = sum((await consumer.end_offsets(partitions)).values())
        count = 0
        while count < left:
            for records in (await consumer.getmany(timeout_ms=500, max_records=RECORDS_MAX)).values():
                each(records)
                count += len(records)
        return count
    finally:
        await consumer.stop()


async def consume(servers: str, names: TopicNames) -> dict[str, Any]:
    """Limit 1: what the client library costs."""
    return {"events": await read_all(servers, names.sales, lambda records: None)}


async def decode(servers: str, names: TopicNames) -> dict[str, Any]:
    """Limit 2: consume and decode, what any consumer of these events must at least do."""
    refused = 0

    def each(records: Records) -> None:
        nonlocal refused
        for record in records:
            try:
                read_record("sales", record.key, record.value, record.headers, record.timestamp)
            except Rejected:
                refused += 1

    events = await read_all(servers, names.sales, each)
    return {"events": events, "refused": refused}


async def replay(servers: str, names: TopicNames) -> dict[str, Any]:
    """The log folded offline."""
    store, groups = MemoryBoards(), set[Group]()
    for board in BOARDS:
        groups.add(board.group)
    async with LogReader(servers, {source: names.of(source) for source in SOURCES}) as reader:
        replayed = await replay_log(reader, names, RULES, store, groups=groups)
    return {"events": replayed.read_count, "store": store}


LEGS: dict[str, Callable[[str, TopicNames], Coroutine[Any, Any, dict[str, Any]]]] = {
    "consume": consume,
    "decode": decode,
    "replay": replay,
}


def measured(leg: str, servers: str, prefix: str, profile_file: str | None) -> dict[str, Any]:
    """Run a leg and add what it cost."""
    gc.collect()
    gc.freeze()
    profile = cProfile.Profile() if profile_file else None
    started, cpu = time.perf_counter(), time.process_time()
    if profile is not None:
        profile.enable()
    figures = asyncio.run(LEGS[leg](servers, TopicNames(prefix)))
    if profile is not None and profile_file is not None:
        profile.disable()
        profile.dump_stats(profile_file)
    cost = {
        "name": leg,
        "cpu_seconds": time.process_time() - cpu,
        "wall_seconds": time.perf_counter() - started,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if (store := figures.pop("store", None)) is not None:
        figures["digests"] = asyncio.run(digests_of(store))
    return figures | cost


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else None)))
