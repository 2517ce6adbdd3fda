"""The contract: one class per event type, checked when it is made, frozen afterwards.

These classes say what ``data`` may hold. From them come the JSON Schemas (``events.schemas``) and the structs of the
hot path (``events.structs``), which read the same JSON into objects with the same attributes. A change of meaning or
shape is a new version: a new class here, the old one moves to ``events.upcasting``.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from events import limits
from events.dates import bucket_text, date_text, zone_text
from events.instants import instant_ms


def _instant(text: str) -> str:
    instant_ms(text)
    return text


def _level(text: str) -> str:
    """A level becomes a part of board names, where ``rep`` means the reps and a slash ends the part."""
    if text == "rep" or "/" in text:
        raise ValueError(f"{text!r}: a level is not rep and holds no slash")
    return text


def _text(json_format: str | None = None) -> Any:
    """Bounds of a text; the format is for the JSON Schema, the check stands beside it."""
    extra: JsonDict | None = {"format": json_format} if json_format else None
    return Field(min_length=1, max_length=limits.ID_CHARS_MAX, json_schema_extra=extra)


Text = Annotated[str, _text()]
Instant = Annotated[str, _text("date-time"), AfterValidator(_instant)]
Date = Annotated[str, _text("date"), AfterValidator(date_text)]
Zone = Annotated[str, _text(), AfterValidator(zone_text)]
Bucket = Annotated[str, _text(), AfterValidator(bucket_text)]
Level = Annotated[str, _text(), AfterValidator(_level)]
Currency = Annotated[str, Field(min_length=3, max_length=3, pattern="^[A-Z]{3}$")]
Metric = Literal["revenue", "quantity", "count"]
TopicName = Annotated[str, Field(min_length=1, max_length=limits.TOPIC_CHARS_MAX)]
Line = Annotated[int, Field(ge=0, le=limits.LINE_MAX)]
Revision = Annotated[int, Field(ge=0, le=limits.REVISION_MAX)]
AmountMinor = Annotated[int, Field(ge=-limits.AMOUNT_MINOR_MAX, le=limits.AMOUNT_MINOR_MAX)]
Quantity = Annotated[int, Field(ge=-limits.QUANTITY_MAX, le=limits.QUANTITY_MAX)]
TargetValue = Annotated[int, Field(ge=0, le=limits.TARGET_VALUE_MAX)]
Year = Annotated[int, Field(ge=limits.YEAR_MIN, le=limits.YEAR_MAX)]
Partition = Annotated[int, Field(ge=0, le=limits.PARTITION_MAX)]
Offset = Annotated[int, Field(ge=0, le=limits.OFFSET_MAX)]
Weekday = Annotated[int, Field(ge=1, le=7)]
Weekdays = Annotated[tuple[Weekday, ...], Field(max_length=7)]
Days = Annotated[tuple[Date, ...], Field(max_length=limits.CALENDAR_DAYS_MAX)]


class Contract(BaseModel):
    """What every event class keeps: exact types, no unknown fields, no change after it is made."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class SaleRecorded(Contract):
    """A sale line, credited to one rep. A return is its own sale, negative, that names the sale it returns.

    Attributes:
        sale_id: the sale (receipt, order) in its source.
        line: the line within the sale.
        revision: the highest one of a line counts.
        rep_id: the rep credited.
        unit_id: the unit that sold.
        occurred_at: when it was sold, RFC 3339 with offset.
        amount_minor: money in minor units (fen, cents).
        currency: ISO 4217 code.
        quantity: pieces.
        product_id: what was sold.
        category: product category.
        channel: how it was sold.
        returns: sale_id of the sale that this line returns.
    """

    sale_id: Text
    line: Line = 1
    revision: Revision = 0
    rep_id: Text
    unit_id: Text
    occurred_at: Instant
    amount_minor: AmountMinor
    currency: Currency
    quantity: Quantity
    product_id: Text | None = None
    category: Text | None = None
    channel: Text | None = None
    returns: Text | None = None


class SaleVoided(Contract):
    """A sale line that does not count, for ever, whatever its revisions. It may come before its sale.

    Attributes:
        sale_id: the sale in its source.
        line: the line within the sale.
        rep_id: the rep who was credited.
        occurred_at: when the sale occurred.
        reason: why it is void.
        voided_at: when it was voided.
        sale_source: the sale's ``source``, when another system voids it.
    """

    sale_id: Text
    line: Line
    rep_id: Text
    occurred_at: Instant
    reason: Text
    voided_at: Instant
    sale_source: Text | None = None


class Subject(Contract):
    """Whose target it is.

    Attributes:
        type: ``rep`` or ``unit``.
        id: rep_id or unit_id.
    """

    type: Literal["rep", "unit"]
    id: Text


class TargetSet(Contract):
    """A subject's number for a metric and bucket.

    Attributes:
        subject: whose target.
        bucket: calendar period, such as ``2026-05``.
        metric: what is counted.
        value: minor units, pieces or lines; 0 = no target.
        revision: the highest one counts.
        reason: why it was set.
        set_by: who set it.
    """

    subject: Subject
    bucket: Bucket
    metric: Metric
    value: TargetValue
    revision: Revision = 0
    reason: Text
    set_by: Text


class TargetWithdrawn(Contract):
    """A subject has no target for a metric and bucket any more.

    Attributes:
        subject: whose target.
        bucket: calendar period.
        metric: what was counted.
        revision: competes with those of ``target.set``; of equal ones the withdrawal counts.
        reason: why it was withdrawn.
        set_by: who withdrew it.
    """

    subject: Subject
    bucket: Bucket
    metric: Metric
    revision: Revision = 0
    reason: Text
    set_by: Text


class RepJoined(Contract):
    """A rep belongs to a unit from a day on. Again with another unit = a move.

    Attributes:
        rep_id: the rep.
        display_name: the name on boards.
        unit_id: the home unit.
        effective_on: first day there.
        hired_on: first day in the organisation.
        revision: the highest one of a rep and day counts.
    """

    rep_id: Text
    display_name: Text
    unit_id: Text
    effective_on: Date
    hired_on: Date | None = None
    revision: Revision = 0


class RepLeft(Contract):
    """A rep is gone from a day on.

    Attributes:
        rep_id: the rep.
        effective_on: first day away.
        revision: the highest one of a rep and day counts.
    """

    rep_id: Text
    effective_on: Date
    revision: Revision = 0


class UnitPlaced(Contract):
    """A unit stands under a parent from a day on.

    Attributes:
        unit_id: the unit.
        name: its name on boards.
        level: its level, such as ``store`` or ``city``.
        parent_id: the unit above; absent for the top.
        effective_on: first day there.
        time_zone: IANA name; absent = as above it.
        revision: the highest one of a unit and day counts.
    """

    unit_id: Text
    name: Text
    level: Level
    parent_id: Text | None = None
    effective_on: Date
    time_zone: Zone | None = None
    revision: Revision = 0


class UnitClosed(Contract):
    """A unit is closed from a day on.

    Attributes:
        unit_id: the unit.
        effective_on: first day closed.
        revision: the highest one of a unit and day counts.
    """

    unit_id: Text
    effective_on: Date
    revision: Revision = 0


class UnitLed(Contract):
    """The person responsible for a unit from a day on.

    Attributes:
        unit_id: the unit.
        rep_id: who leads it.
        effective_on: first day.
        revision: the highest one of a unit and day counts.
    """

    unit_id: Text
    rep_id: Text
    effective_on: Date
    revision: Revision = 0


class CalendarSet(Contract):
    """The selling days of a unit and all below it, from a day on.

    Attributes:
        unit_id: the top of the subtree.
        effective_on: first day the calendar holds.
        weekdays: selling weekdays, ISO numbers (1 = Monday to 7 = Sunday).
        holidays: days without selling, though their weekday would be one.
        extra_days: selling days, though their weekday would be none.
        revision: the highest one of a unit and day counts.
    """

    unit_id: Text
    effective_on: Date
    weekdays: Weekdays = (1, 2, 3, 4, 5, 6, 7)
    holidays: Days = ()
    extra_days: Days = ()
    revision: Revision = 0


class PeriodClosed(Contract):
    """A year is closed: what touches it and is recorded later is too late.

    Attributes:
        year: the calendar year.
    """

    year: Year


class RecordSkipped(Contract):
    """An operator's word that one record is to be passed by.

    Attributes:
        topic: full Kafka topic name.
        partition: its partition.
        offset: its offset.
        reason: why.
    """

    topic: TopicName
    partition: Partition
    offset: Offset
    reason: Text
