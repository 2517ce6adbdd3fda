"""Dead letters: records that can't count, kept with the reason and the place where they stood."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import aiokafka
from aiokafka.errors import UnknownTopicOrPartitionError

from domain.accounting import DEAD_LETTERED
from events.facts import Rejected
from processors.redirects import Redirect

REASON, DETAIL = "standings-reason", "standings-detail"
TOPIC, PARTITION, OFFSET = "standings-topic", "standings-partition", "standings-offset"
_OURS = frozenset({REASON, DETAIL, TOPIC, PARTITION, OFFSET})


class LogRecord(Protocol):
    """A record as it is read from a log; where that log is, its reader knows."""

    @property
    def offset(self) -> int:
        """Offset."""

    @property
    def key(self) -> bytes | None:
        """Record key."""

    @property
    def value(self) -> bytes | None:
        """Record value."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Record headers."""


def dead_letter(letters: str, topic: str, partition: int, record: LogRecord, rejected: Rejected) -> Redirect:
    """The dead letter of a record: its key, value and headers unchanged, with ours that say why and whence.

    Args:
        letters: the topic of dead letters; the letter stands on the same partition as its original.
        topic: where the record stood.
        partition: its partition there.
        record: what can't count.
        rejected: why.
    """
    headers = [(name, value) for name, value in record.headers if name not in _OURS]
    headers += [
        (REASON, rejected.reason.encode()),
        (DETAIL, rejected.detail.encode()),
        (TOPIC, topic.encode()),
        (PARTITION, b"%d" % partition),
        (OFFSET, b"%d" % record.offset),
    ]
    return Redirect(DEAD_LETTERED, rejected.reason, letters, partition, record.key, record.value, headers)


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A dead letter as read.

    Attributes:
        reason: stable code from ``events.reasons``.
        detail: for a person.
        topic: Kafka topic where the record stood.
        partition: its partition there.
        offset: its offset there.
        key: its key.
        value: its value.
        headers: its own headers.
    """

    reason: str
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]

    @property
    def identity(self) -> tuple[str, int, int]:
        """Where the record stood; a letter may be written again after a crash, with the same identity."""
        return self.topic, self.partition, self.offset

    def as_json(self) -> dict[str, Any]:
        """One line of ``dead-letters list``."""
        return {
            "reason": self.reason,
            "topic": self.topic,
            "partition": self.partition,
            "offset": self.offset,
            "detail": self.detail,
        }

    @classmethod
    def read(cls, record: LogRecord) -> DeadLetter:
        """Read a record of the dead-letters topic; ValueError if it has none of our headers."""
        ours = {name: value for name, value in record.headers if name in _OURS}
        if ours.keys() != _OURS:
            raise ValueError(f"the record at offset {record.offset} is no dead letter")
        return cls(
            reason=ours[REASON].decode(),
            detail=ours[DETAIL].decode(),
            topic=ours[TOPIC].decode(),
            partition=int(ours[PARTITION]),
            offset=int(ours[OFFSET]),
            key=record.key,
            value=record.value,
            headers=tuple((name, value) for name, value in record.headers if name not in _OURS),
        )


async def read_dead_letters(bootstrap_servers: str, topic: str) -> AsyncIterator[DeadLetter]:
    """Every dead letter up to the end as it is now, each record once, in the order of partition and offset.

    Args:
        bootstrap_servers: comma-separated brokers.
        topic: the dead-letters topic.

    Raises:
        aiokafka.errors.KafkaError: the broker or the topic is missing.
    """
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=bootstrap_servers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        # Partitions are read one after the other: none waits for the long poll of the one before it.
        fetch_max_wait_ms=10,
        retry_backoff_ms=10,
    )
    try:
        await consumer.start()
        seen: set[tuple[str, int, int]] = set()
        partitions = await _partitions(consumer, topic)
        ends = await consumer.end_offsets(partitions)
        for tp in partitions:
            consumer.assign([tp])
            await consumer.seek_to_beginning(tp)
            while await consumer.position(tp) < ends[tp]:
                for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, []):
                    if record.offset < ends[tp] and (letter := DeadLetter.read(record)).identity not in seen:
                        seen.add(letter.identity)
                        yield letter
    finally:
        await consumer.stop()


async def _partitions(consumer: aiokafka.AIOKafkaConsumer, topic: str) -> list[aiokafka.TopicPartition]:
    await consumer._client.force_metadata_update()
    numbers = consumer.partitions_for_topic(topic)
    if not numbers:
        raise UnknownTopicOrPartitionError(f"there is no topic {topic}")
    return [aiokafka.TopicPartition(topic, number) for number in sorted(numbers)]
