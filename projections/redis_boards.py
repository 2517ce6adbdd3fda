"""Boards in Redis, both sides; `keys.py` says how they are laid out."""

from __future__ import annotations

from redis.asyncio import Redis

from projections.redis_calls import connect
from projections.redis_reader import RedisReader
from projections.redis_writer import RedisWriter


class RedisBoards(RedisWriter, RedisReader):
    """`BoardStore` on Redis. One connection pool serves one event loop."""

    def __init__(self, client: Redis, prefix: str) -> None:
        super().__init__(client, prefix)

    @classmethod
    def at(cls, url: str, prefix: str) -> RedisBoards:
        """Boards under a key prefix of the Redis at a URL; nothing is sent before the first call."""
        return cls(connect(url), prefix)
