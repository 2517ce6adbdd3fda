"""Instants: RFC 3339 text with an offset to UTC milliseconds.

The hot path meets millions of instants that share few hours and fewer offsets, so the usual shapes are read by two
look-ups. Everything else goes through a pattern and the calendar, and tells a person what is wrong.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from events.errors import BadInstant
from events.limits import CACHE_ENTRIES_MAX, YEAR_MAX, YEAR_MIN

_SHAPE: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH: Final = datetime(1970, 1, 1)
# Two memo tables: "2026-05-21T10:" to milliseconds as if it were UTC, and "15:29+08:00" to the rest of them.
_hours: dict[str, int] = {}
_rests: dict[str, int] = {}
_MILLIS: Final = {f".{n:03}": n for n in range(1000)}


def instant_ms(text: str) -> int:
    """UTC milliseconds of an RFC 3339 instant; digits beyond milliseconds are cut.

    >>> instant_ms("1970-01-01T08:00:01.2345+08:00")
    1234

    Raises:
        BadInstant: (a ValueError) no offset, a date or time that does not exist (February 30, hour 24, second 60), a
            year outside 1970 to 9998, or another shape.
    """
    try:
        return _hours[text[:14]] + _rests[text[14:]]
    except KeyError:
        pass
    try:  # exactly three digits of a fraction: their instants are too many for a table
        return _hours[text[:14]] + _MILLIS[text[19:23]] + _rests[text[14:19] + text[23:]]
    except KeyError:
        return _instant_ms_by_calendar(text)


def _instant_ms_by_calendar(text: str) -> int:
    shape = _SHAPE.fullmatch(text)
    if shape is None:
        raise BadInstant(f"{text[:40]!r} is not an RFC 3339 instant with offset")
    year, month, day, hour, minute, second = (int(part) for part in shape.groups()[:6])
    fraction, sign, offset_hours, offset_minutes = shape.groups()[6:]
    if not YEAR_MIN <= year <= YEAR_MAX:
        raise BadInstant(f"{text[:40]!r}: years run from {YEAR_MIN} to {YEAR_MAX}")
    try:
        local = datetime(year, month, day, hour, minute, second)
    except ValueError as error:
        raise BadInstant(f"{text[:40]!r}: {error}") from error
    offset_ms = 0
    if sign:
        if int(offset_hours) > 23 or int(offset_minutes) > 59:
            raise BadInstant(f"{text[:40]!r}: no such offset")
        offset_ms = (int(offset_hours) * 60 + int(offset_minutes)) * (60_000 if sign == "+" else -60_000)
    whole_ms = (local - _EPOCH).days * 86_400_000 + (local - _EPOCH).seconds * 1000
    instant = whole_ms + int((fraction or "0")[:3].ljust(3, "0")) - offset_ms
    if instant < 0:
        raise BadInstant(f"{text[:40]!r} is before 1970 in UTC")
    if year > YEAR_MIN:
        hour_ms = whole_ms - whole_ms % 3_600_000
        _remember(_hours, text[:14], hour_ms)
        _remember(_rests, text[14:19] + (text[-1] if sign is None else text[-6:]), whole_ms - hour_ms - offset_ms)
    return instant


def _remember(table: dict[str, int], text: str, ms: int) -> None:
    """Keep a part for the next instant that has it.

    The hours of 1970 stay out: whether such an instant is before the epoch depends on its offset.
    """
    if len(table) >= CACHE_ENTRIES_MAX:
        table.clear()
    table[text] = ms


def instant_text(instant: int) -> str:
    """RFC 3339 text in UTC of milliseconds since 1970.

    >>> instant_text(1234)
    '1970-01-01T00:00:01.234Z'
    """
    seconds, millis = divmod(instant, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}" + (f".{millis:03}Z" if millis else "Z")
