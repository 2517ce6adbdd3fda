"""Judges each record where it stands: it counts here, it belongs elsewhere, or it can't count at all.

The same judgement serves the worker and everybody who folds the sources: it knows no clock and no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Protocol

from domain.accounting import FORWARDED
from domain.closing import Closing, TooLate, refuse_late_control
from domain.org import PERIOD_CLOSED
from events import reasons
from events.codec import read_record
from events.facts import Fact, Rejected
from events.origin import ORIGIN_HEADER, Origin
from events.registry import BY_SHORT, CONTROL, CONTROL_KEY
from processors.dead_letters import LogRecord, dead_letter
from processors.home import Homes
from processors.operator_commands import late_detail
from processors.redirects import Redirect
from processors.topics import CONTROL_PARTITION, TopicNames

_KEY_OF: dict[str, Callable[[Any], str]] = {
    short: attrgetter(row.key_field) for short, row in BY_SHORT.items() if row.key_field != CONTROL_KEY
}
"""What ``EventType.key_of`` says of the facts of sales, targets and reps, in one step."""


class SourceRecord(LogRecord, Protocol):
    """A record as a client library reads it: all that a dead letter keeps, and when it was appended."""

    @property
    def timestamp(self) -> int:
        """Append time, UTC milliseconds."""


class SkippedRecords(dict[tuple[str, int, int], str]):
    """Records that an operator told the workers to pass (``record.skipped``): topic, partition and offset to why."""

    def add(self, fact: Fact) -> None:
        """Note a record.skipped fact."""
        self[fact.data.topic, fact.data.partition, fact.data.offset] = fact.data.reason


class KnownCloses(dict[int, Fact]):
    """The closes of years on the control stream, by offset."""

    def before(self, offset: int) -> Closing:
        """The years that are closed to what stands at an offset of the control stream."""
        closing = Closing()
        for at in sorted(self):
            if at < offset:
                closing.add(self[at].data.year, self[at].recorded_ms)
        return closing


@dataclass(frozen=True, slots=True)
class Admission:
    """Judges the records of one deployment.

    Attributes:
        names: its topics.
        partitions: its number of partitions.
        skipped: records to pass.
        servers: bootstrap servers, for the commands that dead letters name.
        reopened: judge as if this year and later ones had not been closed; None = all closes count.
        closes: those of the control stream, as far as it was judged.
    """

    names: TopicNames
    partitions: int
    skipped: SkippedRecords
    servers: str = ""
    reopened: int | None = None
    closes: KnownCloses = field(default_factory=KnownCloses)
    _homes: Homes = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Remember homes for this number of partitions."""
        object.__setattr__(self, "_homes", Homes(self.partitions))

    def admit(self, source: str, partition: int, record: SourceRecord) -> Fact | Redirect:
        """Judge a record of sales, targets or reps: a fact that counts here, or where the record goes instead.

        Args:
            source: sales, targets or reps.
            partition: of the source, on which the record stands.
            record: the record.
        """
        try:
            if self.skipped:
                self._refuse_skipped(source, partition, record.offset)
            fact = read_record(source, record.key, record.value, record.headers, record.timestamp)
            if self._homes[_KEY_OF[fact.type](fact.data)] == partition:
                return fact
            return self._forward(source, partition, record, fact)
        except Rejected as rejected:
            return self.refuse(source, partition, record, rejected)

    def control(self, record: SourceRecord) -> Fact | Redirect:
        """Judge a control record by those that stand before it; ask in their order, from the first one on."""
        try:
            self._refuse_skipped(CONTROL, CONTROL_PARTITION, record.offset)
            fact = read_record(CONTROL, record.key, record.value, record.headers, record.timestamp)
            refuse_late_control(fact, self.closes.before(record.offset))
            if fact.type == PERIOD_CLOSED:
                if self.reopened is not None and fact.data.year >= self.reopened:
                    raise Rejected(reasons.SKIPPED, f"{self.reopened} is open for this reading")
                self.closes[record.offset] = fact
            return fact
        except Rejected as rejected:
            self.closes.pop(record.offset, None)
            return self.refuse(CONTROL, CONTROL_PARTITION, record, rejected)

    def refuse(self, source: str, partition: int, record: SourceRecord, rejected: Rejected) -> Redirect:
        """The dead letter of a record."""
        if isinstance(rejected, TooLate):
            rejected = Rejected(rejected.reason, late_detail(rejected, self.names, self.servers))
        return dead_letter(self.names.dead_letters, self.names.of(source), partition, record, rejected)

    def _refuse_skipped(self, source: str, partition: int, offset: int) -> None:
        if (why := self.skipped.get((self.names.of(source), partition, offset))) is not None:
            raise Rejected(reasons.SKIPPED, why)

    def _forward(self, source: str, partition: int, record: SourceRecord, fact: Fact) -> Redirect:
        key = _KEY_OF[fact.type](fact.data)
        home = self._homes[key]
        if any(name == ORIGIN_HEADER for name, _ in record.headers):
            raise Rejected(reasons.NOT_HOME, f"its home is partition {home}, and it was forwarded once already")
        topic = self.names.of(source)
        origin = Origin(topic, partition, record.offset, record.timestamp)
        headers = [*record.headers, origin.header()]
        return Redirect(FORWARDED, "", topic, home, key.encode(), record.value, headers)
