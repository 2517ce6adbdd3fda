"""Which lines are events at all: the oracle's own reading of the events contract (standard library only)."""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable
from typing import Any

PREFIX = "dev.standings."
AMOUNT_MAX, QUANTITY_MAX, VALUE_MAX, ORDINAL_MAX = 10**11, 10**6, 9 * 10**12, 2**31 - 1
RECORD_BYTES_MAX = 65_536
INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:(Z)|([+-])(\d\d):(\d\d))")

Check = Callable[[Any], bool]


class Bad(Exception):  # noqa: N818 - a verdict on a line
    """The line is a dead letter."""


def instant_ms(text: str) -> int:
    """RFC 3339 with an offset to UTC milliseconds; what is finer than a millisecond is cut."""
    match = INSTANT.fullmatch(text) if isinstance(text, str) and text.isascii() else None
    if match is None:
        raise Bad(f"no instant: {text!r}")
    *fields, fraction, _, sign, hours, minutes = match.groups()
    try:
        moment = dt.datetime(*map(int, fields))  # type: ignore[arg-type]
    except ValueError as error:
        raise Bad(str(error)) from None
    offset = (int(hours) * 60 + int(minutes)) * (-1 if sign == "-" else 1) if sign else 0
    if sign and (int(hours) > 23 or int(minutes) > 59):
        raise Bad(f"no offset: {text!r}")
    seconds = (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(seconds=1) - offset * 60
    return seconds * 1000 + int(((fraction or "") + "000")[:3])


def is_text(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value) <= 64


def is_int(low: int, high: int) -> Check:
    return lambda value: type(value) is int and low <= value <= high


def is_day(value: object) -> bool:
    try:
        return isinstance(value, str) and dt.date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def is_instant(value: Any) -> bool:
    try:
        return isinstance(instant_ms(value), int)
    except Bad:
        return False


def days_of(bucket: str) -> tuple[dt.date, dt.date]:
    """The first and the last day of a bucket; ValueError if it is none."""
    if re.fullmatch(r"\d{4}", bucket):
        return dt.date(int(bucket), 1, 1), dt.date(int(bucket), 12, 31)
    if re.fullmatch(r"\d{4}-Q[1-4]", bucket):
        first = dt.date(int(bucket[:4]), int(bucket[6]) * 3 - 2, 1)
        return first, month_end(first.replace(month=first.month + 2))
    if re.fullmatch(r"\d{4}-\d\d", bucket):
        first = dt.date(int(bucket[:4]), int(bucket[5:]), 1)
        return first, month_end(first)
    if re.fullmatch(r"\d{4}-W\d\d", bucket):
        first = dt.date.fromisocalendar(int(bucket[:4]), int(bucket[6:]), 1)
        return first, first + dt.timedelta(days=6)
    if not is_day(bucket):
        raise ValueError(bucket)
    return dt.date.fromisoformat(bucket), dt.date.fromisoformat(bucket)


def month_end(day: dt.date) -> dt.date:
    return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)


def is_bucket(value: object) -> bool:
    try:
        return isinstance(value, str) and value.isascii() and bool(days_of(value))
    except (ValueError, OverflowError):
        return False


def is_subject(value: object) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"type", "id"}
        and value["type"] in ("rep", "unit")
        and is_text(value["id"])
    )


MUST = object()  # a field without a default
ORDINAL, AMOUNT, QUANTITY = is_int(0, ORDINAL_MAX), is_int(-AMOUNT_MAX, AMOUNT_MAX), is_int(-QUANTITY_MAX, QUANTITY_MAX)
REVISION: tuple[Check, Any] = (ORDINAL, 0)
TEXT: tuple[Check, Any] = (is_text, MUST)
MAYBE: tuple[Check, Any] = (is_text, None)
DAY: tuple[Check, Any] = (is_day, MUST)
INSTANT_: tuple[Check, Any] = (is_instant, MUST)
TARGET: dict[str, tuple[Check, Any]] = {
    "subject": (is_subject, MUST),
    "bucket": (is_bucket, MUST),
    "metric": (lambda value: value in ("revenue", "quantity", "count"), MUST),
    "revision": REVISION,
    "reason": TEXT,
    "set_by": TEXT,
}
SCHEMAS: dict[str, dict[str, tuple[Check, Any]]] = {
    "sale.recorded.v1": {
        "sale_id": TEXT,
        "line": (ORDINAL, 1),
        "revision": REVISION,
        "rep_id": TEXT,
        "unit_id": TEXT,
        "occurred_at": INSTANT_,
        "amount_minor": (AMOUNT, MUST),
        "quantity": (QUANTITY, MUST),
        "currency": (lambda value: isinstance(value, str) and bool(re.fullmatch("[A-Z]{3}", value)), MUST),
        "product_id": MAYBE,
        "category": MAYBE,
        "channel": MAYBE,
        "returns": MAYBE,
    },
    "sale.voided.v1": {
        "sale_id": TEXT,
        "line": (ORDINAL, MUST),
        "rep_id": TEXT,
        "occurred_at": INSTANT_,
        "reason": TEXT,
        "voided_at": INSTANT_,
        "sale_source": MAYBE,
    },
    "target.set.v1": TARGET | {"value": (is_int(0, VALUE_MAX), MUST)},
    "target.withdrawn.v1": TARGET,
    "rep.joined.v1": {
        "rep_id": TEXT,
        "display_name": TEXT,
        "unit_id": TEXT,
        "effective_on": DAY,
        "hired_on": (is_day, None),
        "revision": REVISION,
    },
    "rep.left.v1": {"rep_id": TEXT, "effective_on": DAY, "revision": REVISION},
    "unit.placed.v1": {
        "unit_id": TEXT,
        "name": TEXT,
        "level": (lambda value: is_text(value) and value != "rep" and "/" not in value, MUST),
        "parent_id": MAYBE,
        "effective_on": DAY,
        "time_zone": MAYBE,
        "revision": REVISION,
    },
    "unit.closed.v1": {"unit_id": TEXT, "effective_on": DAY, "revision": REVISION},
    "period.closed.v1": {"year": (is_int(1970, 9998), MUST)},
    "unit.led.v1": {"unit_id": TEXT, "rep_id": TEXT, "effective_on": DAY, "revision": REVISION},
}


def recorded_ms(data: dict[str, Any], envelope: dict[str, Any]) -> int:
    """When a line of a file was recorded, UTC milliseconds."""
    said = [envelope.get(name) for name in ("recordedtime", "time")]
    return instant_ms(
        next((text for text in said if text is not None), data.get("occurred_at", "1970-01-01T00:00:00Z"))
    )


def no_constant(text: str) -> None:
    raise Bad(f"not JSON: {text}")


def read(line: bytes | str | dict[str, Any]) -> tuple[str, str, dict[str, Any], dict[str, Any]]:
    """One line to (short type, source, data with defaults filled in, envelope), or Bad."""
    try:
        if not isinstance(line, dict):
            raw = line.encode() if isinstance(line, str) else line
            if len(raw) > RECORD_BYTES_MAX:
                raise Bad("too big")
            line = json.loads(raw.decode(), parse_constant=no_constant)
        if not isinstance(line, dict) or line.get("specversion") != "1.0":
            raise Bad("no CloudEvent")
        if not all(isinstance(line.get(name), str) and line[name] for name in ("id", "source", "type")):
            raise Bad("no CloudEvent")
        kind, data = line["type"].removeprefix(PREFIX), line.get("data")
        if not line["type"].startswith(PREFIX) or kind not in SCHEMAS or not isinstance(data, dict):
            raise Bad(f"no event of ours: {line['type']}")
        if kind.startswith("sale.") and not line.get("partitionkey"):
            raise Bad("no key")
        schema = SCHEMAS[kind]
        if not set(data) <= set(schema):
            raise Bad(f"unknown fields {set(data) - set(schema)}")
        full = {name: data.get(name, default) for name, (_, default) in schema.items()}
        for name, (check, default) in schema.items():
            if full[name] is MUST or not (check(full[name]) or (default is None and full[name] is None)):
                raise Bad(f"{kind}: {name} {full[name]!r}")
        return kind, line["source"], full, line
    except (ValueError, RecursionError) as error:
        raise Bad(str(error)) from None
