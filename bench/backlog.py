"""Legs over a backlog: the worker alone, and the worker with projector and Valkey, until all of it is shown."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Mapping
from typing import Any

from redis import Redis

from bench.checks import Changelog, Truth, changelog_digests, redis_digests
from bench.figures import Leg
from bench.services import Cost, LegFailed, Service, peak_rss_mb
from bench.stage import PARTITIONS, REDIS_PREFIX, Stage, covers, ends_of
from processors.topics import TopicNames, connected_admin, ensure_topics
from projections.ports import Position
from projections.redis_boards import RedisBoards

DONE_SECONDS = 900.0
LOOK_SECONDS, FINE_LOOK_SECONDS = 0.25, 0.05
"""Between two looks at a process's own metrics, which cost it a little, and at the log or Valkey near the end."""

SALES_READ = 'type="(?:sale|unreadable)'
SET_WRITES = ("zadd", "zrem", "zincrby", "zremrangebyrank")

_runs = itertools.count()


def forget_state(servers: str, names: TopicNames) -> None:
    """Empty the changelog: the next worker begins with the first record of the sources."""
    with connected_admin(servers) as admin:
        admin.delete_topics([names.changelog])
        limit = time.monotonic() + DONE_SECONDS
        while names.changelog in set(admin.list_topics()):
            if time.monotonic() > limit:
                raise LegFailed("the changelog does not go away")
            time.sleep(FINE_LOOK_SECONDS)
    ensure_topics(servers, names.prefix, PARTITIONS)


def fresh_worker(stage: Stage, names: TopicNames, settings: Mapping[str, str] | None = None) -> Service:
    """A worker that finds nothing on its disk."""
    folder = stage.folder / names.prefix / f"worker-{next(_runs)}"
    return stage.service("worker", names, settings={"WORKER__DATA_DIR": str(folder), **(settings or {})})


def measure_worker(
    stage: Stage,
    names: TopicNames,
    truth: Truth | None,
    name: str = "worker",
    settings: Mapping[str, str] | None = None,
) -> Leg:
    """Start a worker on the backlog and measure it until its last flush has landed.

    CPU and events are counted from the moment its partitions are seen open, so that imports are left out.
    """
    ends = ends_of(stage.servers, names.sales)
    total = sum(ends.values()) + len(ends)
    with fresh_worker(stage, names, settings) as worker:
        worker.wait_ready()
        cost = Cost(worker.pid)
        missed = int(worker.metric("standings_events_total", SALES_READ))
        worker.until(
            lambda: worker.metric("standings_events_total", SALES_READ) >= total,
            DONE_SECONDS, "is not done", LOOK_SECONDS,
        )  # fmt: skip
        asyncio.run(_landed(stage.servers, names, ends))
        cpu, wall = cost.each()[0], cost.wall_seconds
        peak = peak_rss_mb(worker.pid)
    equal = None if truth is None else changelog_digests(stage.servers, names, PARTITIONS) == truth.digests
    return Leg(name, total - missed, cpu, wall, peak, equal)


async def _landed(servers: str, names: TopicNames, ends: dict[int, int]) -> None:
    """Wait until the marks at the ends of the changelog hold all source records."""
    limit = time.monotonic() + DONE_SECONDS
    async with Changelog(servers, names, PARTITIONS) as changelog:
        while not covers(await changelog.positions(), ends):
            if time.monotonic() > limit:
                raise LegFailed("the last flush does not land")
            await asyncio.sleep(FINE_LOOK_SECONDS)


def measure_pipeline(stage: Stage, names: TopicNames, truth: Truth | None, *, name: str = "pipeline") -> Leg:
    """Worker, projector and Valkey together, from the worker's partitions open until all of the backlog is shown."""
    ends = ends_of(stage.servers, names.sales)
    total = sum(ends.values()) + len(ends)
    valkey = stage.valkey(f"{names.prefix}-{next(_runs)}")
    projector = stage.service("projector", names, valkey=valkey)
    with projector, Redis.from_url(valkey.url, decode_responses=True) as redis:
        projector.wait_ready()
        with fresh_worker(stage, names) as worker:
            worker.wait_ready()
            assert valkey.pid is not None
            cost = Cost(worker.pid, projector.pid, valkey.pid)
            missed = int(worker.metric("standings_events_total", SALES_READ))
            writes = set_writes(redis)
            shown = asyncio.run(_shown(valkey.url, ends, projector))
            each, wall = cost.each(), cost.wall_seconds
            peak = max(map(peak_rss_mb, (worker.pid, projector.pid, valkey.pid)))
            memory: Any = redis.info("memory")
        more = {
            "worker_cpu_seconds": each[0],
            "projector_cpu_seconds": each[1],
            "redis_cpu_seconds": each[2],
            "set_write_calls_per_event": (set_writes(redis) - writes) / total,
            "redis_used_mb": memory["used_memory"] >> 20,
            "shown_positions": len(shown),
        }
    equal = None if truth is None else redis_digests(valkey.url, REDIS_PREFIX) == truth.digests
    valkey.stop()
    return Leg(name, total - missed, sum(each), wall, peak, equal, more)


async def _shown(url: str, ends: dict[int, int], projector: Service) -> dict[int, str]:
    """Wait until the boards hold all source records."""
    boards = RedisBoards.at(url, REDIS_PREFIX)
    limit = time.monotonic() + DONE_SECONDS
    try:
        while True:
            version, positions = await boards.where()
            if version and covers({p: Position.parse(text).offsets for p, text in positions.items()}, ends):
                return positions
            if time.monotonic() > limit:
                raise LegFailed(f"the boards do not show all; see {projector.log}")
            await asyncio.sleep(LOOK_SECONDS / 2)
    finally:
        await boards.close()


def set_writes(redis: Redis) -> int:
    """Commands that changed a sorted set so far, those of scripts too."""
    stats: Any = redis.info("commandstats")
    return sum(stats.get(f"cmdstat_{command}", {}).get("calls", 0) for command in SET_WRITES)
