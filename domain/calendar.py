"""Days and buckets: which calendar day an instant falls on, and which week, month, quarter and year hold a day.

A bucket is a period named by text: day ``2026-05-21``, ISO week ``2026-W21``, month ``2026-05``, quarter ``2026-Q2``,
calendar year ``2026``. The text alone tells its kind and its first and last day.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.limits import BUCKETS_CACHED_MAX, DAY_SLOTS_MAX
from events.dates import zone_text
from events.errors import BadZone

BucketKind = Literal["day", "week", "month", "quarter", "year"]
BUCKET_KINDS: tuple[BucketKind, ...] = ("day", "week", "month", "quarter", "year")

SLOT_MS = 900_000
"""A quarter of an hour: every offset in use today is a multiple of it."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ONE_DAY = timedelta(days=1)

_SHAPES: tuple[tuple[BucketKind, re.Pattern[str]], ...] = (
    ("day", re.compile(r"(\d{4})-(\d\d)-(\d\d)", re.ASCII)),
    ("week", re.compile(r"(\d{4})-W(\d\d)", re.ASCII)),
    ("month", re.compile(r"(\d{4})-(\d\d)", re.ASCII)),
    ("quarter", re.compile(r"(\d{4})-Q([1-4])", re.ASCII)),
    ("year", re.compile(r"(\d{4})", re.ASCII)),
)


class BadBucket(ValueError):  # noqa: N818 - what the text is
    """The text names no calendar period."""


class UnknownZone(ValueError):  # noqa: N818 - what the text is
    """The text names no time zone of the IANA database."""


class OutOfCalendar(ValueError):  # noqa: N818 - what the instant is
    """The instant falls outside the years 1 to 9999 in the zone."""


@lru_cache(maxsize=BUCKETS_CACHED_MAX)
def buckets_of(day: str) -> tuple[str, str, str, str, str]:
    """The five buckets of a day, from the day itself to its year. The week is the ISO week, in its ISO year.

    >>> buckets_of("2027-01-01")
    ('2027-01-01', '2026-W53', '2027-01', '2027-Q1', '2027')

    Raises:
        BadBucket: not an ISO date.
    """
    when = date_of(day)
    iso_year, iso_week, _ = when.isocalendar()
    quarter = (when.month + 2) // 3
    return day, f"{iso_year:04d}-W{iso_week:02d}", day[:7], f"{day[:4]}-Q{quarter}", day[:4]


def bucket_kind(bucket: str) -> BucketKind:
    """Which kind of period a bucket is.

    >>> bucket_kind("2026-Q2")
    'quarter'

    Raises:
        BadBucket: no calendar period; a week 53 in a year of 52 is none.
    """
    return _parse(bucket)[0]


def bucket_span(bucket: str) -> tuple[str, str]:
    """First and last day of a bucket.

    >>> bucket_span("2026-W53"), bucket_span("2028-02")
    (('2026-12-28', '2027-01-03'), ('2028-02-01', '2028-02-29'))

    Raises:
        BadBucket: no calendar period.
    """
    _, first, last = _parse(bucket)
    return first.isoformat(), last.isoformat()


def date_of(day: str) -> date:
    """The date of a day bucket; stricter than ``date.fromisoformat``, which takes other spellings too.

    Raises:
        BadBucket: not ``YYYY-MM-DD``, or no such day.
    """
    kind, first, _ = _parse(day)
    if kind != "day":
        raise BadBucket(f"{day!r} is a {kind}, not a day")
    return first


@lru_cache(maxsize=BUCKETS_CACHED_MAX)
def _parse(bucket: str) -> tuple[BucketKind, date, date]:
    """Kind, first and last day."""
    for kind, shape in _SHAPES:
        if found := shape.fullmatch(bucket):
            try:
                return kind, *_span(kind, *map(int, found.groups()))
            except (ValueError, OverflowError) as error:
                raise BadBucket(f"{bucket!r}: no such {kind}") from error
    raise BadBucket(f"{bucket!r}: a bucket is like 2026-05-21, 2026-W21, 2026-05, 2026-Q2 or 2026")


def _span(kind: BucketKind, year: int, part: int = 1, day: int = 1) -> tuple[date, date]:
    """First and last day of a period given by its numbers; ValueError if the calendar has none such."""
    match kind:
        case "day":
            return date(year, part, day), date(year, part, day)
        case "week":
            return date.fromisocalendar(year, part, 1), date.fromisocalendar(year, part, 7)
        case "month":
            return date(year, part, 1), _month_end(year, part)
        case "quarter":
            return date(year, 3 * part - 2, 1), _month_end(year, 3 * part)
        case "year":
            return date(year, 1, 1), date(year, 12, 31)


def _month_end(year: int, month: int) -> date:
    if month == 12:
        return date(year, 12, 31)
    return date(year, month + 1, 1) - ONE_DAY


def zone_exists(name: str) -> bool:
    """Whether the IANA time zone database knows the zone.

    >>> zone_exists("Asia/Shanghai"), zone_exists("Asia/Nowhere"), zone_exists("../etc/passwd")
    (True, False, False)
    """
    try:
        _zone(name)
    except UnknownZone:
        return False
    return True


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(zone_text(name))  # a zone is one that events may name: file systems would take others too
    except (BadZone, ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise UnknownZone(f"{name!r} is no time zone") from error


class DayOf:
    """The calendar day of an instant in one zone, quick for instants near each other.

    Of every quarter hour asked about, a table remembers its local day, if that is one and the same all through: equal
    day and equal offset at both ends. Other quarter hours (midnight, a change of the clock) are worked out each time.

    >>> DayOf("Asia/Shanghai").of(1_779_292_800_000)
    '2026-05-21'

    Args:
        zone_name: IANA name of the zone.
        slots_max: quarter hours remembered; the table is emptied when full.

    Raises:
        UnknownZone: there is no such zone.
    """

    __slots__ = ("_days", "_slots_max", "_zone", "zone_name")

    def __init__(self, zone_name: str, slots_max: int = DAY_SLOTS_MAX) -> None:
        self.zone_name = zone_name
        self._slots_max = slots_max
        self._zone = _zone(zone_name)
        self._days: dict[int, str] = {}

    def of(self, instant_ms: int) -> str:
        """The local day, ``YYYY-MM-DD``, of an instant in UTC milliseconds.

        Raises:
            OutOfCalendar: outside the years 1 to 9999.
        """
        day = self._days.get(instant_ms // SLOT_MS)
        return day if day is not None else self._work_out(instant_ms)

    def all_through(self, slot: int) -> str | None:
        """The local day of a whole quarter hour (an instant over ``SLOT_MS``); None if it is not one and the same."""
        day = self._days.get(slot)
        if day is None:
            self._work_out(slot * SLOT_MS)
            day = self._days.get(slot)
        return day

    def _work_out(self, instant_ms: int) -> str:
        """The day by the zone's rules; the table learns the quarter hour if it is safe."""
        slot = instant_ms // SLOT_MS
        day = self._local(instant_ms).date().isoformat()
        try:
            first, last = self._local(slot * SLOT_MS), self._local(slot * SLOT_MS + SLOT_MS - 1)
        except OutOfCalendar:
            return day
        if first.utcoffset() == last.utcoffset() and first.date() == last.date():
            if len(self._days) >= self._slots_max:
                self._days.clear()
            self._days[slot] = day
        return day

    def _local(self, instant_ms: int) -> datetime:
        try:
            return (EPOCH + timedelta(milliseconds=instant_ms)).astimezone(self._zone)
        except (OverflowError, ValueError) as error:
            raise OutOfCalendar(f"{instant_ms} ms is outside the calendar in {self.zone_name}") from error
