"""Boards in Redis, both sides; `keys.py` says how they are laid out."""

from __future__ import annotations

from collections.abc import Sequence

from redis.asyncio import Redis

from projections.redis_calls import connect
from projections.redis_reader import BUSY_SECONDS, RedisReader
from projections.redis_writer import CALL_WEIGHT_MAX, RedisWriter
from projections.unit_parts import HELD_UNITS_MAX


class RedisBoards(RedisWriter, RedisReader):
    """`BoardStore` on Redis. One connection pool serves one event loop."""

    def __init__(
        self,
        client: Redis,
        prefix: str,
        *,
        call_weight_max: int = CALL_WEIGHT_MAX,
        held_units_max: int = HELD_UNITS_MAX,
        busy_seconds: Sequence[float] = BUSY_SECONDS,
    ) -> None:
        RedisWriter.__init__(self, client, prefix, call_weight_max=call_weight_max, held_units_max=held_units_max)
        RedisReader.__init__(self, client, prefix, busy_seconds=busy_seconds)

    @classmethod
    def at(cls, url: str, prefix: str) -> RedisBoards:
        """Boards under a key prefix of the Redis at a URL; nothing is sent before the first call."""
        return cls(connect(url), prefix)
