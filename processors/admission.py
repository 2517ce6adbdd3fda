"""Judges each record where it stands: it counts here, it belongs elsewhere, or it can't count at all.

The same judgement serves the worker and everybody who folds the sources: it knows no clock and no connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from domain.accounting import FORWARDED
from events import reasons
from events.codec import read_record
from events.facts import Fact, Rejected
from events.origin import ORIGIN_HEADER, Origin
from events.registry import BY_SHORT
from processors.dead_letters import DeadRecord, dead_letter
from processors.home import home_partition
from processors.redirects import Redirect
from processors.topics import TopicNames


class SourceRecord(DeadRecord, Protocol):
    """A record as a client library reads it: all that a dead letter keeps, and when it was appended."""

    @property
    def timestamp(self) -> int:
        """Append time, UTC milliseconds."""


class SkippedRecords:
    """Records that an operator told the workers to pass (``record.skipped``)."""

    def __init__(self) -> None:
        self._why: dict[tuple[str, int, int], str] = {}

    def add(self, fact: Fact) -> None:
        """Note a record.skipped fact."""
        self._why[fact.data.topic, fact.data.partition, fact.data.offset] = fact.data.reason

    def why(self, record: SourceRecord) -> str | None:
        """The reason for which a record is passed; None if it is not."""
        return self._why.get((record.topic, record.partition, record.offset)) if self._why else None


@dataclass(frozen=True, slots=True)
class Admission:
    """Judges the records of one deployment.

    Attributes:
        names: its topics.
        partitions: its number of partitions.
        skipped: records to pass.
    """

    names: TopicNames
    partitions: int
    skipped: SkippedRecords

    def admit(self, source: str, record: SourceRecord) -> Fact | Redirect:
        """Judge a record of sales, targets or reps: a fact that counts here, or where the record goes instead."""
        try:
            fact = self._read(source, record)
            home = home_partition(BY_SHORT[fact.type].key_of(fact.data), self.partitions)
            if home == record.partition:
                return fact
            if any(name == ORIGIN_HEADER for name, _ in record.headers):
                raise Rejected(reasons.NOT_HOME, f"its home is partition {home}, and it was forwarded once already")
        except Rejected as rejected:
            return self.refuse(record, rejected)
        return self._forward(record, fact, home)

    def control(self, record: SourceRecord) -> Fact | Redirect:
        """Judge a control record."""
        try:
            return self._read("control", record)
        except Rejected as rejected:
            return self.refuse(record, rejected)

    def refuse(self, record: SourceRecord, rejected: Rejected) -> Redirect:
        """The dead letter of a record."""
        return dead_letter(self.names.dead_letters, record, rejected)

    def _read(self, source: str, record: SourceRecord) -> Fact:
        if (why := self.skipped.why(record)) is not None:
            raise Rejected(reasons.SKIPPED, why)
        return read_record(source, record.key, record.value, record.headers, record.timestamp)

    def _forward(self, record: SourceRecord, fact: Fact, home: int) -> Redirect:
        key = BY_SHORT[fact.type].key_of(fact.data).encode()
        origin = Origin(record.topic, record.partition, record.offset, record.timestamp)
        headers = [*record.headers, origin.header()]
        return Redirect(FORWARDED, "", record.topic, home, key, record.value, headers)
