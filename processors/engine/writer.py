"""Appends to the changelog and sends redirected records: the only place where the engine produces."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Sequence
from typing import Any

from processors.engine.changelog import CLAIM, Row
from processors.redirects import Redirect

FLYING_BYTES_MAX = 48 * 1024 * 1024
"""Bytes of batches on their way at once. One produce request carries the batches of all partitions of a broker, and a
broker refuses a request of more than 100 MiB (``socket.request.max.bytes``)."""


class BatchTooBig(Exception):  # noqa: N818 - names the limit, as every limit's exception does
    """A state batch that one Kafka record batch can't hold; it can't be split, so the worker must stop."""


class ChangelogWriter:
    """Writes atomic record batches to one changelog topic.

    Args:
        producer: returns the running aiokafka producer (idempotent, acks=all), which Faust starts after us.
        topic: the changelog topic.
    """

    def __init__(self, producer: Callable[[], Any], topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._flying_bytes = 0
        self._freed = asyncio.Event()

    async def append(self, partition: int, records: Sequence[Row]) -> asyncio.Future[Any]:
        """Hand a batch to the producer, in call order; the future holds the offset of its first record.

        Waits while the partition's batch before is not yet on its way: at most one is queued behind the one in flight.

        Raises:
            BatchTooBig: nothing was sent.
        """
        producer = self._producer()
        batch = producer.create_batch()
        for key, value in records:
            if batch.append(key=key, value=value, timestamp=None) is None:
                size = sum(len(key) + len(value or b"") for key, value in records)
                raise BatchTooBig(
                    f"a state batch of {len(records)} records and about {size} bytes is bigger than the limit "
                    "(STATE_BATCH_BYTES_MAX, max.message.bytes of the changelog)"
                )
        batch.close()
        await self._room_for(batch.size())
        future: asyncio.Future[Any] = await producer.send_batch(batch, self._topic, partition=partition)
        future.add_done_callback(functools.partial(self._free, batch.size()))
        return future

    async def _room_for(self, size: int) -> None:
        """Wait until a batch fits among those on their way; one alone always does."""
        while self._flying_bytes and self._flying_bytes + size > FLYING_BYTES_MAX:
            self._freed.clear()
            await self._freed.wait()
        self._flying_bytes += size

    def _free(self, size: int, _: asyncio.Future[Any]) -> None:
        self._flying_bytes -= size
        self._freed.set()

    async def claim(self, partition: int, who: str) -> int:
        """Append a claim and wait for it; returns its offset, the writer's epoch."""
        landed = await (await self.append(partition, [(CLAIM, who.encode())]))
        return int(landed.offset)

    async def redirect(self, redirects: Sequence[Redirect]) -> None:
        """Produce records and wait until all have landed."""
        producer = self._producer()
        futures = [
            await producer.send(
                redirect.topic,
                redirect.value,
                key=redirect.key,
                partition=redirect.partition,
                headers=redirect.headers,
            )
            for redirect in redirects
        ]
        await asyncio.gather(*futures)
