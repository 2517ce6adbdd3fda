"""Selling days: the days on which a unit sells, by a calendar of weekdays, holidays and extra days."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.calendar import ONE_DAY, date_of
from domain.limits import SPAN_DAYS_MAX


def is_selling_day(calendar: Mapping[str, Any] | None, day: str) -> bool:
    """Whether a day is a selling day: an extra day always, a holiday never, else by its weekday.

    Args:
        calendar: data of ``calendar.set``; None = every day is a selling day.
        day: the day, ``YYYY-MM-DD``.

    >>> workdays = {"weekdays": [1, 2, 3, 4, 5], "holidays": ["2026-05-01"], "extra_days": ["2026-05-09"]}
    >>> [is_selling_day(workdays, day) for day in ("2026-05-01", "2026-05-04", "2026-05-09", "2026-05-10")]
    [False, True, True, False]
    """
    if calendar is None or day in calendar["extra_days"]:
        return True
    return day not in calendar["holidays"] and date_of(day).isoweekday() in calendar["weekdays"]


def days_between(first: str, last: str) -> list[str]:
    """Every day from the first to the last, both included.

    >>> days_between("2026-02-27", "2026-03-01")
    ['2026-02-27', '2026-02-28', '2026-03-01']

    Raises:
        ValueError: no dates, or more than ``SPAN_DAYS_MAX`` days.
    """
    start, count = date_of(first), (date_of(last) - date_of(first)).days + 1
    if count > SPAN_DAYS_MAX:
        raise ValueError(f"{first} to {last} is more than {SPAN_DAYS_MAX} days")
    return [(start + n * ONE_DAY).isoformat() for n in range(count)]
