"""What boards take in Redis, against sorted sets alone with the same members and scores; how fast they are rebuilt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from redis import Redis

from bench.checks import Truth, redis_digests
from bench.services import Cost, LegFailed
from bench.stage import REDIS_PREFIX, Stage
from cli.embedded import EmbeddedValkey
from domain.boards import AttainmentGroup
from domain.cells import Cell
from processors.topics import TopicNames
from projections.ports import NEW, Flush, GroupChange, Position, ReachCells
from projections.redis_boards import RedisBoards

MEMBERS = 1_000_000
STEP_MEMBERS = 50_000
ADDED_AT_ONCE = 1_000
READY_SECONDS = 900.0
SCOPE = "nation-0"

Found = dict[str, Any]


def measure_board(stage: Stage) -> Found:
    """One board of a million members, as the projector's writer makes it."""
    ours, bare = stage.valkey("bytes"), stage.valkey("bare")
    try:
        with _client(ours) as redis, _client(bare) as other:
            before = _used(redis)
            asyncio.run(_fill(ours.url))
            found = _compared(redis, other, before)
    finally:
        ours.stop()
        bare.stop()
    if found["members"] != MEMBERS:
        raise LegFailed(f"the board lists {found['members']} members, {MEMBERS} were written")
    return found


def measure_rebuild(stage: Stage, names: TopicNames, truth: Truth) -> Found:
    """All boards of a changelog, built by a projector that finds an empty Redis."""
    ours, bare = stage.valkey("rebuild"), stage.valkey("rebuild-bare")
    try:
        with _client(ours) as redis, _client(bare) as other:
            before, started = _used(redis), time.perf_counter()
            with stage.service("projector", names, valkey=ours) as projector:
                assert ours.pid is not None
                cost = Cost(projector.pid, ours.pid)
                projector.wait_ready(READY_SECONDS)
                seconds, each = time.perf_counter() - started, cost.each()
            if redis_digests(ours.url, REDIS_PREFIX) != truth.digests:
                raise LegFailed("the boards that were rebuilt are not the oracle's")
            return {
                "seconds": seconds,
                "projector_cpu_seconds": each[0],
                "redis_cpu_seconds": each[1],
                **_compared(redis, other, before),
            }
    finally:
        ours.stop()
        bare.stop()


def _compared(ours: Redis, bare: Redis, before: int) -> Found:
    """Memory of all that one Redis holds, and of its sorted sets alone in another one."""
    used, bare_before, members = _used(ours) - before, _used(bare), 0
    for key in list(ours.scan_iter(count=1_000, _type="zset")):
        for scores in _pages(ours, key):
            bare.zadd(key, scores)
            members += len(scores)
    bare_used = _used(bare) - bare_before
    if not members:
        raise LegFailed("there are no boards")
    return {
        "members": members,
        "bytes_per_member": used / members,
        "bare_bytes_per_member": bare_used / members,
        "over_bare": used / bare_used,
    }


def _pages(redis: Redis, key: str) -> Iterator[dict[str, float]]:
    start = 0
    while True:
        page: Any = redis.zrange(key, start, start + ADDED_AT_ONCE - 1, withscores=True)
        if not page:
            return
        yield dict(page)
        start += len(page)


async def _fill(url: str) -> None:
    """A million reps of one scope, in steps as a projector takes them."""
    boards, group = RedisBoards.at(url, REDIS_PREFIX), AttainmentGroup("rep", "2026")
    try:
        await boards.begin("bench", 1)
        at = NEW
        for number, start in enumerate(range(0, MEMBERS, STEP_MEMBERS)):
            cells = {f"rep-{n:07d}": _cells(n) for n in range(start, start + STEP_MEMBERS)}
            to = str(Position(number, 0, {"sales": start}))
            flush = [Flush(0, at, to, [GroupChange(group, reached=cells)])]
            await boards.step("bench", flush)
            await boards.move("bench", flush)
            at = to
        await boards.swap("", "bench", {0: at})
    finally:
        await boards.close()


def _cells(number: int) -> ReachCells:
    revenue = 1_000 + number * 7_919 % 90_000_000
    return ((("rep", (SCOPE,)), Cell(revenue, number % 50, number % 40, number % 40 + 1)),)


def _client(valkey: EmbeddedValkey) -> Redis:
    return Redis.from_url(valkey.url, decode_responses=True)


def _used(redis: Redis) -> int:
    told: Any = redis.info("memory")
    return int(told["used_memory"])
