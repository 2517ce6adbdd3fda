"""Legs over live traffic and over retained state: latency, recovery and kill -9."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psutil

from bench import retained
from bench.backlog import fresh_worker
from bench.live import Feed, Observer, quantiles_ms, watch
from bench.services import LegFailed, Service
from bench.stage import PARTITIONS, Stage, ends_of, home_of, load
from bench.workload import Workload, organisation, records, sales
from cli.embedded import EmbeddedValkey
from cli.processes import tail
from events.codec import Outgoing
from processors.topics import TopicNames

DONE_SECONDS = 600.0
LIVE_RATE = 5_000
LOADS = (0.25, 0.5, 0.75, 0.9)
GAUGE_LOOK_SECONDS = 0.25
KILLS = 3
KILL_RATE = 200
KILL_SECONDS_MAX = 180.0
SNAPSHOT_SECONDS_MAX = 150.0
LIVE_SECONDS = 3.0
"""A restarted worker is live again by then."""

Found = dict[str, Any]


# ---------------------------------------------------------------- latency


def measure_latency(stage: Stage, capacity: float, seconds: float, reps: int) -> Found:
    """Produce-to-visible latency at parts of a capacity (events per second, all together) and at 5,000 a second.

    Lower rates come first: what a higher one leaves behind, in queues and on the boards, is not theirs.
    """
    names = TopicNames("bench-live")
    load(stage.servers, names, organisation())
    rates = {f"{load:.0%} of capacity": capacity * load for load in LOADS} | {f"{LIVE_RATE:,}/s": float(LIVE_RATE)}
    rates = dict(sorted(rates.items(), key=lambda named: named[1]))
    total = int(sum(rates.values()) * seconds) + len(rates)
    stream = records(sales(Workload(events=total, reps=reps, seed=2)))
    valkey = stage.valkey("live")
    found: Found = {}
    with stage.service("projector", names, valkey=valkey) as projector, fresh_worker(stage, names) as worker:
        projector.wait_ready()
        worker.wait_ready()
        for name, rate in rates.items():
            some = list(itertools.islice(stream, int(rate * seconds)))
            took, all_shown = asyncio.run(watch(stage.servers, names, valkey.url, some, rate))
            found[name] = {"rate": round(rate), **quantiles_ms(took), "kept_up": all_shown}
    valkey.stop()
    return found


# ---------------------------------------------------------------- recovery and kill -9


def measure_recovery(stage: Stage, names: TopicNames, held: int) -> Found:
    """A worker without anything on its disk, on a changelog that holds so many sales."""
    with fresh_worker(stage, names) as worker:
        worker.wait_ready(DONE_SECONDS)
        seconds = worker.metric("standings_recovery_seconds")
        worker.until(  # a gauge of every two seconds
            lambda: worker.metric("standings_ledger_rows") > 0, DONE_SECONDS, "holds no sales", GAUGE_LOOK_SECONDS
        )
        rows = worker.metric("standings_ledger_rows")
        rss = psutil.Process(worker.pid).memory_info().rss
    if rows != held or not seconds:
        raise LegFailed(f"{rows:.0f} sales recovered in {seconds} s, {held} were written")
    return {"retained_sales": held, "recovery_seconds": seconds, "worker_rss_mb": rss >> 20}


def prepare_retained(stage: Stage, sales_held: int) -> tuple[TopicNames, Found]:
    """A deployment whose changelog holds so many sales; what they took in memory."""
    names = TopicNames(f"bench-retained-{sales_held}")
    load(stage.servers, names, organisation())
    return names, retained.measure(sales_held, stage.servers, names)


def measure_kills(stage: Stage, names: TopicNames) -> Found:
    """Kill -9 of a static member that holds a deployment's sales: until the boards show a sale that came after it.

    A supervisor starts it again at once. Sales go on meanwhile.
    """
    valkey = stage.valkey(f"{names.prefix}-kill")
    with stage.service("projector", names, valkey=valkey) as projector:
        projector.wait_ready(DONE_SECONDS)
        took, snapshots = asyncio.run(_kills(stage, names, valkey))
    valkey.stop()
    return {"seconds": took, "median_seconds": statistics.median(took), "partitions_with_snapshot": snapshots}


async def _kills(stage: Stage, names: TopicNames, valkey: EmbeddedValkey) -> tuple[list[float], int]:
    folder = stage.folder / names.prefix / "static"
    options = {"WORKER__INSTANCE_ID": "bench-1", "WORKER__DATA_DIR": str(folder)}
    observer = Observer(valkey.url)
    traffic = [
        asyncio.create_task(observer.run()),
        asyncio.create_task(Feed(stage.servers, names, []).run(KILL_RATE, _stream())),
    ]

    async def shown_anew(seconds: float) -> float:
        """When the boards first showed a sale that is not in the log yet."""
        ends = await asyncio.to_thread(ends_of, stage.servers, names.sales)
        start, limit = len(observer.seen), time.monotonic() + seconds
        while time.monotonic() < limit:
            for look in itertools.islice(observer.seen, start, None):
                if look.offset > ends[look.partition]:
                    return look.at
            for broken in (task for task in traffic if task.done()):
                raise LegFailed(f"the traffic ended: {broken.exception()!r}")
            await asyncio.sleep(0.02)
        raise LegFailed(f"the boards show nothing new; the end of the worker's log:\n{tail(worker.log, 12)}")

    took: list[float] = []
    worker = stage.service("worker", names, settings=options)
    try:
        await shown_anew(DONE_SECONDS)
        snapshots = await _snapshots(worker)
        for _ in range(KILLS):
            await asyncio.to_thread(worker.kill)
            killed = time.monotonic()
            worker = stage.service("worker", names, settings=options)
            took.append(await shown_anew(KILL_SECONDS_MAX) - killed)
            await asyncio.sleep(LIVE_SECONDS)
        return took, snapshots
    finally:
        await asyncio.to_thread(worker.stop)
        for task in traffic:
            task.cancel()
        await asyncio.gather(*traffic, return_exceptions=True)


async def _snapshots(worker: Service) -> int:
    """Wait for the snapshots that a worker of some age has; the number of partitions that have one."""
    limit, written = time.monotonic() + SNAPSHOT_SECONDS_MAX, 0
    while written < PARTITIONS and time.monotonic() < limit:
        await asyncio.sleep(LIVE_SECONDS)
        written = int(await asyncio.to_thread(worker.metric, "standings_snapshots_total", 'outcome="written"'))
    return written


def _stream() -> Iterator[tuple[int, Outgoing]]:
    for record in records(sales(Workload(events=1_000_000, reps=retained.REPS, seed=3))):
        yield home_of(record.topic, record.key), record
