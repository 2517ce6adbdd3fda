"""Reads source topics from one offset to another, without a consumer group: what replay and verify stand on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from processors.engine.fetching import ChunkReader, RecordChunk
from processors.topics import TopicsUnfit

FETCH_BYTES_MAX = 8 << 20
POLL_SECONDS = 0.5
BROKER_WAIT_MS = 10


class LogTooShort(Exception):  # noqa: N818 - what the log is
    """A partition ends before what was read of it earlier: it was truncated, or made again."""


class LogReader:
    """Bounded reads of the source topics.

    Args:
        bootstrap_servers: comma-separated brokers.
        topics: source name (``sales``, ``targets``, ``reps``, ``control``) to full topic name.
    """

    def __init__(self, bootstrap_servers: str, topics: Mapping[str, str]) -> None:
        self.bootstrap_servers = bootstrap_servers
        self._topics = dict(topics)
        self._consumer = AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
            # Each bounded read would otherwise wait for the long poll of the one before it.
            fetch_max_wait_ms=BROKER_WAIT_MS,
            retry_backoff_ms=BROKER_WAIT_MS,
        )

    async def __aenter__(self) -> Self:
        try:
            await self._consumer.start()
        except BaseException:
            await self._consumer.stop()
            raise
        self._reader = ChunkReader(self._consumer)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._consumer.stop()

    async def partition_count(self) -> int:
        """Partitions of the sales topic, and of all that are partitioned like it.

        Raises:
            TopicsUnfit: a source topic does not exist.
        """
        # The metadata is asked for by naming the topic in an assignment.
        self._consumer.assign([TopicPartition(topic, 0) for topic in self._topics.values()])
        await self._consumer._client.force_metadata_update()  # there is no public refresh
        for topic in self._topics.values():
            if not self._consumer.partitions_for_topic(topic):
                raise TopicsUnfit(f"{topic}: missing; 'standings topics ensure' makes it")
        return len(self._consumer.partitions_for_topic(self._topics["sales"]))

    async def end(self, source: str, partition: int) -> int:
        """The offset that the partition's next record will get."""
        at = TopicPartition(self._topics[source], partition)
        return int((await self._consumer.end_offsets([at]))[at])

    async def records(self, source: str, partition: int, start: int, end: int) -> AsyncIterator[RecordChunk]:
        """The records with ``start <= offset < end``, in order, in chunks.

        Raises:
            LogTooShort: the partition ends before ``end``: it is not the log that the offsets are of.
        """
        if start >= end:
            return
        at = TopicPartition(self._topics[source], partition)
        if (last := await self.end(source, partition)) < end:
            raise LogTooShort(f"{at.topic}-{partition} ends at {last}, and offset {end - 1} was to be read")
        self._consumer.assign([at])
        self._consumer.seek(at, start)
        while await self._consumer.position(at) < end:
            chunk = (await self._reader.chunks(POLL_SECONDS)).get(at)
            if chunk is not None and chunk.narrow(start, end - 1):
                yield chunk
