"""What a projector is told, and what it needs of a Kafka consumer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import TopicPartition

FLUSH_ROWS_MAX = 100_000
"""Rows of all partitions that end a flush, so that memory is bounded; the board store cuts what would stall it."""


@dataclass(frozen=True, slots=True)
class ProjectorOptions:
    """What a projector is told.

    Attributes:
        bootstrap_servers: comma-separated brokers.
        changelog: topic of the workers' state.
        partitions: its partition count.
        flush_seconds: least time from the beginning of a flush to the next; a first change is shown at once.
            It is longer while what is read was recorded long ago, see ``projection_loop.patience``.
        flush_rows_max: all partitions are flushed at the mark where they have so many changed rows together.
        look_seconds: how often to look whether the store still holds what was left there, also without work.
        too_old_seconds: boards whose next mark is older than this are rebuilt: rows that came before it may have been
            cleaned away for later ones. Less than the changelog's compaction lag.
        other_log_seconds: how long boards may be ahead of the log (a new leader learns the end a little late) until
            they are taken for another log's.
    """

    bootstrap_servers: str
    changelog: str
    partitions: int
    flush_seconds: float = 0.1
    flush_rows_max: int = FLUSH_ROWS_MAX
    look_seconds: float = 0.5
    too_old_seconds: float = 3_000.0
    other_log_seconds: float = 5.0


class ChangelogConsumer(Protocol):
    """What the projector needs of a Kafka consumer."""

    def assign(self, partitions: list[TopicPartition]) -> None:
        """Read these partitions."""

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from an offset."""

    async def getmany(self, *, timeout_ms: int, max_records: int) -> Mapping[TopicPartition, Sequence[Any]]:
        """Records per partition; waits for some until the timeout."""

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that each partition's next record will get."""
