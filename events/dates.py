"""Texts about the calendar: dates, buckets and time zones. Validation only; what they mean is ``domain.calendar``'s."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache
from importlib import resources
from typing import Final
from zoneinfo import available_timezones

from events.errors import BadBucket, BadDate, BadZone
from events.limits import CACHE_ENTRIES_MAX, YEAR_MAX, YEAR_MIN

_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_BUCKET: Final = re.compile(r"([0-9]{4})(?:-(?:Q([1-4])|W([0-9]{2})|([0-9]{2})(?:-([0-9]{2}))?))?")


@lru_cache(CACHE_ENTRIES_MAX)
def date_text(text: str) -> str:
    """The text itself, if it is an existing date written YYYY-MM-DD.

    >>> date_text("2024-02-29")
    '2024-02-29'

    Raises:
        BadDate: any other text.
    """
    if _DATE.fullmatch(text) is None:
        raise BadDate(f"{text[:40]!r} is not a date YYYY-MM-DD")
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise BadDate(f"{text[:40]!r}: {error}") from error
    return text


@lru_cache(CACHE_ENTRIES_MAX)
def bucket_text(text: str) -> str:
    """The text itself, if it names a day, ISO week, month, quarter or year that exists.

    >>> [bucket_text(t) for t in ("2026-05-21", "2026-W21", "2026-05", "2026-Q2", "2026")][1]
    '2026-W21'

    Raises:
        BadBucket: any other text, or a year outside 1970 to 9998.
    """
    shape = _BUCKET.fullmatch(text)
    if shape is None:
        raise BadBucket(f"{text[:40]!r} is no day, week, month, quarter or year")
    year, _quarter, week, month, day = shape.groups()
    if not YEAR_MIN <= int(year) <= YEAR_MAX:
        raise BadBucket(f"{text!r}: years run from {YEAR_MIN} to {YEAR_MAX}")
    try:
        if week:
            date.fromisocalendar(int(year), int(week), 1)
        elif month:
            date(int(year), int(month), int(day or 1))
    except ValueError as error:
        raise BadBucket(f"{text!r}: {error}") from error
    return text


def zone_text(text: str) -> str:
    """The text itself, if it is the name of an IANA time zone, written exactly.

    Raises:
        BadZone: any other text.
    """
    if text not in _zones():
        raise BadZone(f"{text[:64]!r} is not an IANA time zone")
    return text


@lru_cache(1)
def _zones() -> frozenset[str]:
    """Names of the installed time zone data, which are the same on every machine; else the system's.

    A look-up by file would take "asia/shanghai" on a file system that ignores case, and "localtime" on some systems.
    """
    try:
        names = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8").split()
    except (ModuleNotFoundError, FileNotFoundError):
        return frozenset(available_timezones())
    return frozenset(names)
