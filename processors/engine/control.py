"""The control stream as every worker reads it: whole, in order, without a consumer group."""

from __future__ import annotations

import asyncio
import bisect
import contextlib
import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import aiokafka
from aiokafka.errors import KafkaError

from domain.limits import CONTROL_AGE_MS_MAX
from events.facts import Fact
from processors.engine.fetching import ChunkReader
from processors.redirects import Redirect

POLL_SECONDS = 0.1

CONFIRM_SECONDS = CONTROL_AGE_MS_MAX / 1000 / 4
"""How often the stream's end is asked for, and how long the answer may take."""


class ControlRecord(NamedTuple):
    """One record of the control stream.

    Attributes:
        offset: its offset.
        fact: what it says; None if it can't be read or was skipped.
        letter: what partition 0's owner sends to the dead letters for it, if it can't be read.
        skips: whether it tells everyone to pass some record, perhaps an earlier one of this very stream.
    """

    offset: int
    fact: Fact | None
    letter: Redirect | None
    skips: bool = False


class ControlStream:
    """All control records read so far, shared by all partitions of a worker.

    Args:
        bootstrap_servers: comma-separated brokers.
        topic: the control topic; it has one partition.
        read: judges one record.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        bootstrap_servers: str,
        topic: str,
        read: Callable[[Any], ControlRecord],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.records: list[ControlRecord] = []
        self._read = read
        self._raw: list[Any] = []
        self._tp = aiokafka.TopicPartition(topic, 0)
        self._bootstrap_servers = bootstrap_servers
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._position = 0
        self._moved = asyncio.Condition()
        self._clock = clock
        self._asked: tuple[float, int] | None = None  # when the end was asked for, and what it was
        self._whole_at = -math.inf  # the stream as it was at this instant has been read

    async def start(self) -> None:
        """Connect and start at the beginning."""
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=int(POLL_SECONDS * 1000),  # a question for the end waits behind the fetch on its way
        )
        await self._consumer.start()
        self._reader = ChunkReader(self._consumer)
        self._consumer.assign([self._tp])

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def poll(self) -> None:
        """Read what has come, waiting a moment for something to come."""
        assert self._consumer is not None, "started before"
        await self._ask_for_end()
        for chunk in (await self._reader.chunks(POLL_SECONDS)).values():
            self._take(list(chunk))
        position = await self._consumer.position(self._tp)
        if position != self._position or self._asked is not None:
            async with self._moved:
                self._position = position
                if self._asked is not None and position >= self._asked[1]:
                    self._whole_at, self._asked = self._asked[0], None
                self._moved.notify_all()

    async def _ask_for_end(self) -> None:
        """Ask now and then, so that silence of the broker is not taken for the stream's."""
        now = self._clock()
        if self._asked is None and now - self._whole_at >= CONFIRM_SECONDS:
            with contextlib.suppress(TimeoutError, KafkaError):  # asked again at the next poll
                self._asked = now, await asyncio.wait_for(self.end(), CONFIRM_SECONDS)

    @property
    def _is_fresh(self) -> bool:
        return self._clock() - self._whole_at <= CONTROL_AGE_MS_MAX / 1000

    async def fresh(self) -> None:
        """Wait until the stream was read to its end as it was a moment ago (see ``CONTROL_AGE_MS_MAX``).

        Whoever folds a record after that knows every close that the record can come too late for.
        """
        if not self._is_fresh:
            async with self._moved:
                await self._moved.wait_for(lambda: self._is_fresh)

    def _take(self, records: list[Any]) -> None:
        self._raw += records
        judged = [self._read(record) for record in records]
        if any(record.skips for record in judged):
            self.records = [self._read(record) for record in self._raw]
        else:
            self.records += judged

    async def end(self) -> int:
        """The stream's end now: the offset that the next control record gets."""
        assert self._consumer is not None, "started before"
        return int((await self._consumer.end_offsets([self._tp]))[self._tp])

    async def reached(self, end: int) -> None:
        """Wait until everything before `end` has been read."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._position >= end)

    def after(self, offset: int) -> list[ControlRecord]:
        """The records read so far that stand after an offset."""
        if not self.records or self.records[-1].offset <= offset:
            return []
        return self.records[bisect.bisect_right(self.records, offset, key=lambda record: record.offset) :]

    def up_to(self, offset: int) -> list[ControlRecord]:
        """The records up to and including an offset."""
        return self.records[: bisect.bisect_right(self.records, offset, key=lambda record: record.offset)]
