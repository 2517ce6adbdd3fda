"""Legs that are one process without a service: the limits (consume; consume + decode) and replay.

``python -m bench.limits LEG BOOTSTRAP_SERVERS PREFIX [PROFILE_FILE]`` prints its figures as one JSON line. CPU is that
of the process, and of those that it started, from before it connects until it is done.
"""

from __future__ import annotations

import asyncio
import cProfile
import gc
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import aiokafka

from bench.checks import BOARDS, Digests, digests_of
from bench.figures import Leg
from bench.services import peak_rss_mb, run_module
from domain.partition import Rules
from events.codec import read_record
from events.facts import Rejected
from processors.log_reader import LogReader
from processors.replay import Workers, replay_log
from processors.replay_processes import run_in_processes
from processors.topics import TopicNames
from projections.memory import MemoryBoards

RULES = Rules("CNY", "Asia/Shanghai")
FETCH_BYTES_MAX = 4 << 20
RECORDS_MAX = 5_000
SOURCES = ("sales", "targets", "reps", "control")

Records = list[Any]  # consumer records: aiokafka is not typed
Found = dict[str, Any]


def measure(leg: str, servers: str, names: TopicNames, truth: Digests | None = None, profile: str | None = None) -> Leg:
    """Run a leg in a process of its own.

    Raises:
        LegFailed: it did not come to its end.
    """
    found = run_module("bench.limits", leg, servers, names.prefix, *([profile] if profile else []))
    digests = found.pop("digests", None)
    return Leg(**found, equals_oracle=None if digests is None or truth is None else digests == truth)


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


async def l1(servers: str, names: TopicNames) -> Found:
    """What the client library costs."""
    return {"events": await read_all(servers, names.sales, lambda records: None)}


async def l2(servers: str, names: TopicNames) -> Found:
    """Consume and decode: what any consumer of these events must at least do."""
    refused = 0

    def each(records: Records) -> None:
        nonlocal refused
        for record in records:
            try:
                read_record("sales", record.key, record.value, record.headers, record.timestamp)
            except Rejected:
                refused += 1

    events = await read_all(servers, names.sales, each)
    return {"events": events, "more": {"refused": refused}}


async def _replay(servers: str, names: TopicNames, workers: Workers) -> Found:
    store = MemoryBoards()
    async with LogReader(servers, {source: names.of(source) for source in SOURCES}) as reader:
        replayed = await replay_log(
            reader, names, RULES, store, groups={board.group for board in BOARDS}, workers=workers
        )
    return {"events": replayed.read_count, "store": store}


async def replay(servers: str, names: TopicNames) -> Found:
    """The log folded offline by one process."""
    return await _replay(servers, names, Workers())


async def replay2(servers: str, names: TopicNames) -> Found:
    """The same by two processes."""
    return await _replay(servers, names, Workers(2, run_in_processes))


LEGS: dict[str, Callable[[str, TopicNames], Coroutine[Any, Any, Found]]] = {
    "l1": l1,
    "l2": l2,
    "replay": replay,
    "replay2": replay2,
}


def _cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measured(leg: str, servers: str, prefix: str, profile_file: str | None) -> Found:
    """Run a leg here and add what it cost."""
    gc.collect()
    gc.freeze()
    profile = cProfile.Profile() if profile_file else None
    started, cpu = time.perf_counter(), _cpu()
    if profile is not None:
        profile.enable()
    found = asyncio.run(LEGS[leg](servers, TopicNames(prefix)))
    if profile is not None and profile_file is not None:
        profile.disable()
        profile.dump_stats(profile_file)
    cost = {
        "name": leg,
        "cpu_seconds": _cpu() - cpu,
        "wall_seconds": time.perf_counter() - started,
        "peak_rss_mb": peak_rss_mb(os.getpid()),
    }
    if (store := found.pop("store", None)) is not None:
        found["digests"] = asyncio.run(digests_of(store))
    return found | cost


if __name__ == "__main__":
    print(json.dumps(measured(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else None)))
