"""The table of event types: what each is called, where it goes, how it is keyed and which class holds it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from events.contract import (
    CalendarSet,
    Contract,
    PeriodClosed,
    RecordSkipped,
    RepJoined,
    RepLeft,
    SaleRecorded,
    SaleVoided,
    TargetSet,
    TargetWithdrawn,
    UnitClosed,
    UnitLed,
    UnitPlaced,
)
from events.upcasting import SaleRecordedV0, sale_recorded_v1

Topic = Literal["sales", "targets", "reps", "control"]
SALES: Final = "sales"
TARGETS: Final = "targets"
REPS: Final = "reps"
CONTROL: Final = "control"
SOURCE_TOPICS: Final[tuple[Topic, ...]] = (SALES, TARGETS, REPS, CONTROL)

TYPE_PREFIX: Final = "dev.standings."
CONTROL_KEY: Final = "control"


@dataclass(frozen=True, slots=True)
class EventType:
    """One row of the table.

    Attributes:
        name: the event without its version, ``sale.recorded``.
        version: number of the version.
        topic: logical topic (``sales``), not the Kafka name.
        contract: the class of ``data``.
        key_field: where the partition key comes from: a field of ``data`` (``rep_id``, ``subject.id``) or ``control``.
        instant_field: the field that says when it occurred, if the type has one.
        upcast: for an older version, a function to the next version's class.
    """

    name: str
    version: int
    topic: Topic
    contract: type[Contract]
    key_field: str
    instant_field: str | None = None
    upcast: Callable[[Any], Contract] | None = None  # its parameter is this row's own contract class

    @property
    def short(self) -> str:
        """``sale.recorded.v1``."""
        return f"{self.name}.v{self.version}"

    @property
    def type(self) -> str:
        """``dev.standings.sale.recorded.v1``, the CloudEvents ``type``."""
        return TYPE_PREFIX + self.short

    def key_of(self, data: Any) -> str:
        """The right partition key of a decoded ``data`` of this type (contract object or struct)."""
        if self.key_field == CONTROL_KEY:
            return CONTROL_KEY
        for name in self.key_field.split("."):
            data = getattr(data, name)
        return str(data)


EVENT_TYPES: Final[tuple[EventType, ...]] = (
    EventType("sale.recorded", 0, SALES, SaleRecordedV0, "seller_id", "sold_at", sale_recorded_v1),
    EventType("sale.recorded", 1, SALES, SaleRecorded, "rep_id", "occurred_at"),
    EventType("sale.voided", 1, SALES, SaleVoided, "rep_id", "occurred_at"),
    EventType("target.set", 1, TARGETS, TargetSet, "subject.id"),
    EventType("target.withdrawn", 1, TARGETS, TargetWithdrawn, "subject.id"),
    EventType("rep.joined", 1, REPS, RepJoined, "rep_id"),
    EventType("rep.left", 1, REPS, RepLeft, "rep_id"),
    EventType("unit.placed", 1, CONTROL, UnitPlaced, CONTROL_KEY),
    EventType("unit.closed", 1, CONTROL, UnitClosed, CONTROL_KEY),
    EventType("unit.led", 1, CONTROL, UnitLed, CONTROL_KEY),
    EventType("calendar.set", 1, CONTROL, CalendarSet, CONTROL_KEY),
    EventType("period.closed", 1, CONTROL, PeriodClosed, CONTROL_KEY),
    EventType("record.skipped", 1, CONTROL, RecordSkipped, CONTROL_KEY),
)

BY_TYPE: Final[dict[str, EventType]] = {row.type: row for row in EVENT_TYPES}
BY_SHORT: Final[dict[str, EventType]] = {row.short: row for row in EVENT_TYPES}
NAMES: Final[frozenset[str]] = frozenset(row.name for row in EVENT_TYPES)
NEWEST: Final[dict[str, EventType]] = {row.name: row for row in EVENT_TYPES}


def event_type(text: str) -> EventType | None:
    """The row of a full (``dev.standings.sale.recorded.v1``) or short type; None if there is none."""
    return BY_TYPE.get(text) or BY_SHORT.get(text)


def is_known_name(text: str) -> bool:
    """Whether a full type names a known event, in whatever version."""
    name, dot, version = text.removeprefix(TYPE_PREFIX).rpartition(".v")
    return text.startswith(TYPE_PREFIX) and bool(dot) and version.isdecimal() and name in NAMES
