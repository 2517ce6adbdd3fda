"""Buckets and days, by example."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest

from domain.calendar import (
    BadBucket,
    DayOf,
    OutOfCalendar,
    UnknownZone,
    bucket_kind,
    bucket_span,
    buckets_of,
    zone_exists,
)
from events.dates import _zones, zone_text
from events.errors import BadZone


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).astimezone(UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("day", "others"),
    [
        ("2026-05-21", ("2026-W21", "2026-05", "2026-Q2", "2026")),
        ("2027-01-01", ("2026-W53", "2027-01", "2027-Q1", "2027")),
        ("2024-12-30", ("2025-W01", "2024-12", "2024-Q4", "2024")),
        ("2024-02-29", ("2024-W09", "2024-02", "2024-Q1", "2024")),
        ("2026-09-30", ("2026-W40", "2026-09", "2026-Q3", "2026")),
        ("2026-10-01", ("2026-W40", "2026-10", "2026-Q4", "2026")),
    ],
)
def test_a_day_lies_in_its_iso_week_month_quarter_and_year(day: str, others: tuple[str, ...]) -> None:
    assert buckets_of(day) == (day, *others)


@pytest.mark.parametrize(
    ("bucket", "kind", "first", "last"),
    [
        ("2026-05-21", "day", "2026-05-21", "2026-05-21"),
        ("2026-W01", "week", "2025-12-29", "2026-01-04"),
        ("2026-W53", "week", "2026-12-28", "2027-01-03"),
        ("2024-02", "month", "2024-02-01", "2024-02-29"),
        ("2026-12", "month", "2026-12-01", "2026-12-31"),
        ("2026-Q1", "quarter", "2026-01-01", "2026-03-31"),
        ("2026-Q4", "quarter", "2026-10-01", "2026-12-31"),
        ("2026", "year", "2026-01-01", "2026-12-31"),
    ],
)
def test_a_bucket_tells_its_kind_and_its_first_and_last_day(bucket: str, kind: str, first: str, last: str) -> None:
    assert bucket_kind(bucket) == kind
    assert bucket_span(bucket) == (first, last)


@pytest.mark.parametrize(
    "text",
    [
        "", "26", "2026-", "2026-5", "2026-13", "2026-00", "2026-02-29", "2026-02-30", "2026-2-1", "20260521",
        "2026-W00", "2025-W53", "2026-W54", "2026-W1", "2026-w21", "2026-W21-4", "2026-Q0", "2026-Q5", "2026-q2",
        "0000", "0000-Q1", "0000-01", "0000-W01", "9999-W52", " 2026", "2026\n", "２０２６", "2026-05-21T00",
        "-2026",
    ],
)  # fmt: skip
def test_other_texts_are_no_buckets(text: str) -> None:
    with pytest.raises(BadBucket):
        bucket_kind(text)
    with pytest.raises(BadBucket):
        bucket_span(text)
    with pytest.raises(BadBucket):
        buckets_of(text)


@pytest.mark.parametrize("text", ["2026", "2026-05", "2026-W21", "2026-Q2"])
def test_only_a_day_has_buckets(text: str) -> None:
    with pytest.raises(BadBucket, match="not a day"):
        buckets_of(text)


def test_the_day_begins_at_local_midnight() -> None:
    shanghai = DayOf("Asia/Shanghai")
    assert shanghai.of(ms("2026-05-20T15:59:59.999+00:00")) == "2026-05-20"
    assert shanghai.of(ms("2026-05-20T16:00:00+00:00")) == "2026-05-21"


def test_offsets_of_half_and_three_quarter_hours_hold_to_the_minute() -> None:
    assert DayOf("Asia/Kathmandu").of(ms("2026-05-20T18:14:59+00:00")) == "2026-05-20"
    assert DayOf("Asia/Kathmandu").of(ms("2026-05-20T18:15:00+00:00")) == "2026-05-21"
    assert DayOf("Asia/Kolkata").of(ms("2026-05-20T18:29:59+00:00")) == "2026-05-20"
    assert DayOf("Asia/Kolkata").of(ms("2026-05-20T18:30:00+00:00")) == "2026-05-21"


def test_apia_skips_the_30th_of_december_2011() -> None:
    apia = DayOf("Pacific/Apia")
    assert apia.of(ms("2011-12-30T09:59:59+00:00")) == "2011-12-29"
    assert apia.of(ms("2011-12-30T10:00:00+00:00")) == "2011-12-31"


def test_a_clock_set_back_at_one_minute_past_midnight_gives_the_day_before_again() -> None:
    st_johns = DayOf("America/St_Johns")  # until 2011 its clocks changed at 00:01
    changes = ms("2010-11-07T02:31:00+00:00")
    for _ in range(2):  # the second time by the table, if it had learnt the quarter hour
        assert st_johns.of(changes - 60_000) == "2010-11-07"
        assert st_johns.of(changes - 1) == "2010-11-07"
        assert st_johns.of(changes) == "2010-11-06"
        assert st_johns.of(changes + 59 * 60_000) == "2010-11-07"


def test_the_table_of_quarter_hours_does_not_outgrow_its_limit() -> None:
    day_of = DayOf("Asia/Shanghai", slots_max=10)
    for hour in range(100):
        assert day_of.of(hour * 3_600_000) == f"1970-01-0{1 + (hour + 8) // 24}"
        assert 0 < len(day_of._days) <= 10


def test_instants_outside_the_calendar_are_refused() -> None:
    for far in (10**15, -(10**15), 10**20):
        with pytest.raises(OutOfCalendar):
            DayOf("Asia/Shanghai").of(far)
    first = ms("0001-01-01T00:00:00+00:00")
    assert DayOf("UTC").of(first) == "0001-01-01"
    with pytest.raises(OutOfCalendar):
        DayOf("America/New_York").of(first)


@pytest.mark.parametrize("name", ["", "Asia", "Asia/Nowhere", "/etc/passwd", "../UTC", "Asia/Shang\0hai", "\ud800"])
def test_what_the_zone_database_does_not_know_is_no_zone(name: str) -> None:
    assert not zone_exists(name)
    with pytest.raises(UnknownZone):
        DayOf(name)


def test_a_zone_exists_exactly_if_events_may_name_it() -> None:
    strange = {"asia/shanghai", "localtime", "posixrules", "posix/UTC", "zone.tab", "tzdata.zi", "UTC ", "Asia/", ""}
    every = strange | _zones() | available_timezones()
    assert {name for name in every if zone_exists(name)} == {name for name in every if may_be_named(name)}
    assert all(map(zone_exists, _zones()))


def may_be_named(name: str) -> bool:
    try:
        return zone_text(name) == name
    except BadZone:
        return False


def test_zones_exist() -> None:
    assert all(map(zone_exists, ("UTC", "Asia/Shanghai", "Pacific/Chatham", "America/Argentina/Buenos_Aires")))
