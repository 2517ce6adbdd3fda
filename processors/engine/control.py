"""The control stream as every worker reads it: whole, in order, without a consumer group."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Callable
from typing import Any, NamedTuple

import aiokafka

from events.facts import Fact
from processors.redirects import Redirect

POLL_MS = 100


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
        read: judges one consumer record.
    """

    def __init__(self, bootstrap_servers: str, topic: str, read: Callable[[Any], ControlRecord]) -> None:
        self.records: list[ControlRecord] = []
        self._read = read
        self._raw: list[Any] = []
        self._tp = aiokafka.TopicPartition(topic, 0)
        self._bootstrap_servers = bootstrap_servers
        self._consumer: aiokafka.AIOKafkaConsumer | None = None
        self._position = 0
        self._moved = asyncio.Condition()

    async def start(self) -> None:
        """Connect and start at the beginning."""
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest"
        )
        await self._consumer.start()
        self._consumer.assign([self._tp])

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def poll(self) -> None:
        """Read what has come, waiting a moment for something to come."""
        assert self._consumer is not None, "started before"
        for records in (await self._consumer.getmany(timeout_ms=POLL_MS)).values():
            self._take(records)
        position = await self._consumer.position(self._tp)
        if position != self._position:
            async with self._moved:
                self._position = position
                self._moved.notify_all()

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
