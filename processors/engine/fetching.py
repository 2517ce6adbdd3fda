"""Records as they came from the broker: chunks of record batches that are parsed one record at a time.

A list of parsed records costs several times what parsing costs: memory, and the garbage collector that walks it. Here a
record lives until the next one is asked for. aiokafka goes on to fetch, to keep positions and to parse; only what its
``Fetcher.fetched_records`` and ``FetchResult.getall`` do is done here in another way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from inspect import GEN_CREATED, getgeneratorstate
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer.fetcher import READ_UNCOMMITTED, FetchError
from aiokafka.errors import ConsumerStoppedError, CorruptRecordException
from aiokafka.protocol.fetch import FetchRequest

from processors.engine.raw_batches import parse_batch

CHUNK_RECORDS_MAX = 5_000
"""Offsets of a chunk, about: it ends with the record batch that reaches it, and has at least one batch."""

UNKNOWN_MS = -1


class RecordChunk:
    """The records of one partition from one fetch, in order. They are parsed while it is iterated, which it is once.

    The records have what aiokafka's parser gives them: ``offset``, ``timestamp`` (UTC ms), ``key``, ``value`` and
    ``headers``; where they stand, the chunk says.

    Args:
        at: topic and partition.
        batches: aiokafka's record batches, checked.
        first: the offset from which its records count.
        last: the last offset that it covers; there need not be a record.
        after: the last offset of the chunk before it. Between the two are no records (transaction markers at most), and
            who has not taken that chunk misses something. After a seek: the offset before the sought one.
        log_end: the offset that the partition's next record got, as the broker said with the fetch.
        raw: the fetched bytes, for what aiokafka can't parse; None if unknown.
    """

    __slots__ = ("_batches", "_raw", "after", "first", "last", "log_end", "partition", "timestamp", "topic")

    def __init__(
        self,
        at: TopicPartition,
        batches: Iterable[Any],
        *,
        first: int,
        last: int,
        log_end: int,
        after: int | None = None,
        raw: bytes | None = None,
    ) -> None:
        self.topic: str = at.topic
        self.partition: int = at.partition
        self.first = first
        self.last = last
        self.after = first - 1 if after is None else after
        self.log_end = log_end
        self._batches = deque(batches)
        self._raw = raw
        # Batches of the old formats don't say it.
        self.timestamp: int = max(getattr(batch, "max_timestamp", UNKNOWN_MS) for batch in self._batches)

    @property
    def span(self) -> int:
        """Offsets covered: at least as many as there are records."""
        return self.last - self.first + 1

    def narrow(self, first: int, last: int) -> bool:
        """Leave out what stands before or after these offsets. False if nothing is left. Not while it is iterated."""
        self.first = max(self.first, first)
        self.last = min(self.last, last)
        return self.first <= self.last

    def __iter__(self) -> Iterator[Any]:
        first, last, batches = self.first, self.last, self._batches
        while batches:
            batch = batches.popleft()  # nothing keeps a batch (nor what was decompressed) that has been read
            offset = first - 1
            try:
                for record in batch:
                    offset = record.offset
                    if offset >= first:
                        if offset > last:
                            return
                        yield record
            except UnicodeDecodeError:  # the name of a header; the parser stands where it was
                if self._raw is None:
                    raise
                done = max(first - 1, offset)
                yield from (record for record in parse_batch(self._raw, batch) if done < record.offset <= last)


class ChunkReader:
    """Reads a consumer by chunks. Nothing else may take records from that consumer.

    Args:
        consumer: started; reads uncommitted records, and leaves keys and values as they are.
        records_max: offsets of a chunk, about.
    """

    def __init__(self, consumer: AIOKafkaConsumer, records_max: int = CHUNK_RECORDS_MAX) -> None:
        self._consumer = consumer
        self._fetcher: Any = consumer._fetcher
        self._records_max = records_max
        self._reached: dict[TopicPartition, tuple[int, int]] = {}  # position, last offset of the chunk before it
        assert self._fetcher._isolation_level == READ_UNCOMMITTED, "aborted transactions are not left out here"
        assert self._fetcher._key_deserializer is self._fetcher._value_deserializer is None
        self._fetched = _Fetched(self._fetcher._client)
        self._fetcher._client = self._fetched

    async def chunks(
        self, timeout_seconds: float, partitions: Collection[TopicPartition] | None = None
    ) -> dict[TopicPartition, RecordChunk]:
        """At most one chunk a partition, of what was fetched; the consumer's positions move behind them.

        Args:
            timeout_seconds: how long to wait while there is nothing.
            partitions: only of these; None = of all that are assigned.

        Raises:
            aiokafka.errors.CorruptRecordException: a batch has another checksum than it says. It is fetched again.
            aiokafka.errors.KafkaError: as aiokafka's ``getmany``.
        """
        if self._consumer._closed or self._fetcher._closed:
            raise ConsumerStoppedError
        with self._fetcher._subscriptions.fetch_context():
            stop = time.monotonic() + timeout_seconds
            while True:
                if self._fetcher._subscriptions.reassignment_in_progress:  # what is held may be somebody else's soon
                    await self._fetcher._subscriptions.wait_for_assignment()
                chunks = self._take(partitions)
                left = stop - time.monotonic()
                if chunks or left <= 0 or not await self._more_came(left):
                    return chunks

    def _take(self, partitions: Collection[TopicPartition] | None) -> dict[TopicPartition, RecordChunk]:
        held, chunks = self._fetcher._records, dict[TopicPartition, RecordChunk]()
        for tp in list(held):
            if partitions is not None and tp not in partitions:
                if not self._fetcher._subscriptions.is_assigned(tp):
                    del held[tp]
                continue
            found = held[tp]
            try:
                if type(found) is FetchError:
                    if chunks:  # they come first; the error waits for the next call
                        break
                    self._fetch_again(tp)
                    found.check_raise()
                chunk = self._cut(tp, found)
            except CorruptRecordException:
                self._fetch_again(tp)
                if chunks:  # the same batch will come again
                    break
                raise
            if not found.has_more():
                self._fetch_again(tp)
            if chunk is not None:
                chunks[tp] = chunk
        return chunks

    def _fetch_again(self, tp: TopicPartition) -> None:
        """What was fetched of a partition is used up, or useless."""
        self._fetcher._records.pop(tp, None)
        self._fetched.forget(tp)
        self._fetcher._notify(self._fetcher._wait_consume_future)

    async def _more_came(self, seconds: float) -> bool:
        waiter = self._fetcher._create_fetch_waiter()
        done, _ = await asyncio.wait([waiter], timeout=seconds)
        if not done:
            waiter.cancel()
            return False
        waiter.result()  # the group's coordinator hands its errors in here
        return not self._fetcher._closed

    def _cut(self, tp: TopicPartition, found: Any) -> RecordChunk | None:
        """The next chunk of what was fetched of a partition; None if it holds no record or was overtaken by a seek."""
        if not found.has_more() or not found.check_assignment(tp):
            return None
        unread = found._partition_records
        assert getgeneratorstate(unread._records_iterator) == GEN_CREATED, "somebody took records one by one"
        first = position = last = unread.next_fetch_offset
        batches: list[Any] = []
        sound = True
        while unread._records.has_next() and position - first < self._records_max:
            batch = unread._records.next_batch()
            sound = batch.validate_crc()
            if not sound:
                break
            position = max(position, batch.next_offset)
            if not batch.is_control_batch:
                batches.append(batch)
                last = position - 1
        if not sound and position == first:
            raise CorruptRecordException(f"{tp.topic}-{tp.partition}@{first}: a record batch has another checksum")
        unread.next_fetch_offset = position
        found._update_position()
        if not sound or not unread._records.has_next():
            found._partition_records = None
        reached, after = self._reached.get(tp, (first, first - 1))
        if reached != first:  # a seek came between
            after = first - 1
        self._reached[tp] = position, last if batches else after
        if not batches:
            return None
        log_end = found._assignment.state_value(tp).highwater
        raw = self._fetched.last.get(tp)
        return RecordChunk(tp, batches, first=first, last=last, log_end=log_end, after=after, raw=raw)


class _Fetched:
    """A Kafka client that remembers the bytes of the last fetch of each partition.

    Attributes:
        last: the bytes; for what aiokafka's parser refuses, as it hands out nothing but records.
    """

    def __init__(self, client: Any) -> None:
        self.last: dict[TopicPartition, bytes] = {}
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """Send a request."""
        response = await self._client.send(node_id, request, **options)
        if isinstance(request, FetchRequest):
            for topic, partitions in response.topics:
                for partition, _, _, *said in partitions:
                    self.last[TopicPartition(topic, partition)] = said[-1]
        return response

    def forget(self, tp: TopicPartition) -> None:
        """Free the bytes of a partition; chunks keep theirs."""
        self.last.pop(tp, None)
