"""Calling scripts in Redis: one place that knows about texts, digests and errors."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, NamedTuple

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from projections.ports import BoardsUnavailable
from projections.scripts import script

SOCKET_TIMEOUT_SECONDS = 10.0
"""How long a reply may take before the connection is given up."""


class Call(NamedTuple):
    """One script with its keys and arguments."""

    name: str
    keys: Sequence[str]
    args: Sequence[str | int | bytes]


def connect(url: str) -> Redis:
    """A client that never repeats a command by itself: a repeated swap would be refused although it was done."""
    return Redis.from_url(
        url,
        decode_responses=True,
        encoding_errors="replace",
        socket_timeout=SOCKET_TIMEOUT_SECONDS,
        socket_connect_timeout=SOCKET_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


@contextmanager
def asking() -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except (RedisError, OSError, TimeoutError) as error:
        raise BoardsUnavailable(f"{type(error).__name__}: {error}") from error


async def call(client: Redis, one: Call) -> Any:  # a reply is whatever the script returns
    """Run one script."""
    with asking():
        try:
            return await client.evalsha(_digest(one.name), len(one.keys), *one.keys, *one.args)
        except NoScriptError:
            return await client.eval(script(one.name), len(one.keys), *one.keys, *one.args)


async def call_all(client: Redis, calls: Sequence[Call]) -> list[Any]:
    """Run several scripts in one round trip, each atomic by itself.

    The first call of each script carries its text, so that a server that has restarted knows it again.
    """
    sent: set[str] = set()
    with asking():
        async with client.pipeline(transaction=False) as pipe:
            for name, keys, args in calls:
                if name in sent:
                    pipe.evalsha(_digest(name), len(keys), *keys, *args)
                else:
                    sent.add(name)
                    pipe.eval(script(name), len(keys), *keys, *args)
            return await pipe.execute()


@cache
def _digest(name: str) -> str:
    return hashlib.sha1(script(name).encode(), usedforsecurity=False).hexdigest()
