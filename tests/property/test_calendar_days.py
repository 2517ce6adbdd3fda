"""The quick way from an instant to its day agrees with the zone database; buckets hold their days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.calendar import SLOT_MS, BadBucket, DayOf, bucket_kind, bucket_span, buckets_of

ZONES = (
    "Asia/Shanghai", "Asia/Kathmandu", "Asia/Kolkata", "Australia/Lord_Howe", "Australia/Adelaide", "Pacific/Chatham",
    "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Marquesas", "America/St_Johns", "America/New_York",
    "America/Santiago",
    "America/Sao_Paulo", "Europe/London", "Europe/Dublin", "Africa/Casablanca", "Africa/Monrovia", "Africa/Cairo",
    "Asia/Tehran", "Asia/Beirut", "Asia/Amman", "Asia/Urumqi", "Atlantic/Azores", "America/Havana", "UTC",
)  # fmt: skip
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_MS = 0
LAST_MS = 4_133_980_799_999  # the end of 2100
DAY_MS = 86_400_000

instants = st.integers(FIRST_MS, LAST_MS)
days = st.dates(date(1970, 1, 1), date(2100, 12, 31))

# One table per zone for the whole run: what it learnt from earlier instants must be right for later ones.
SEASONED = {zone: DayOf(zone) for zone in ZONES}


def by_the_database(zone: str, instant_ms: int) -> str:
    return (EPOCH + timedelta(milliseconds=instant_ms)).astimezone(ZoneInfo(zone)).date().isoformat()


def assert_agrees(zone: str, instant_ms: int) -> None:
    expected = by_the_database(zone, instant_ms)
    assert SEASONED[zone].of(instant_ms) == expected, f"{zone} at {instant_ms}, first asked"
    assert SEASONED[zone].of(instant_ms) == expected, f"{zone} at {instant_ms}, asked again"
    assert DayOf(zone).of(instant_ms) == expected


@given(st.sampled_from(ZONES), instants)
@example("Africa/Monrovia", 44 * 60_000)  # offset -0:44:30 until 1972
def test_the_day_of_any_instant_is_the_zone_databases(zone: str, instant_ms: int) -> None:
    assert_agrees(zone, instant_ms)


@given(st.sampled_from(ZONES), instants, st.lists(st.integers(-SLOT_MS, SLOT_MS), max_size=8))
def test_the_days_around_an_instant_are_the_zone_databases(zone: str, instant_ms: int, steps: list[int]) -> None:
    for step in (0, *steps):
        if FIRST_MS <= instant_ms + step <= LAST_MS:
            assert_agrees(zone, instant_ms + step)


@given(st.sampled_from(ZONES), days, st.integers(-90 * 60_000, 90 * 60_000))
def test_the_days_around_a_local_midnight_are_the_zone_databases(zone: str, day: date, step_ms: int) -> None:
    midnight = datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))
    instant_ms = (midnight - EPOCH) // timedelta(milliseconds=1) + step_ms
    if FIRST_MS <= instant_ms <= LAST_MS:
        assert_agrees(zone, instant_ms)


def changes_of_the_clock(zone: str) -> list[int]:
    """The instants, to the second, at which the zone's offset changes between 1970 and 2038."""

    def offset(at_ms: int) -> timedelta | None:
        return (EPOCH + timedelta(milliseconds=at_ms)).astimezone(ZoneInfo(zone)).utcoffset()

    found = []
    for start in range(0, 25_000 * DAY_MS, DAY_MS):
        low, high = start, start + DAY_MS
        if offset(low) == offset(high):
            continue
        while high - low > 1_000:
            middle = (low + high) // 2_000 * 1_000
            low, high = (middle, high) if offset(middle) == offset(low) else (low, middle)
        found.append(high)
    return found


@pytest.mark.parametrize(
    "zone",
    ["America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia", "America/Sao_Paulo", "Africa/Monrovia", "Asia/Beirut"],
)
def test_every_quarter_hour_around_a_change_of_the_clock_is_right(zone: str) -> None:
    changes = changes_of_the_clock(zone)
    assert changes, zone
    day_of = DayOf(zone)
    for change in changes:
        steps = (-SLOT_MS, -60_000, -1, 0, 59_999, 60_000, SLOT_MS - 1, SLOT_MS, 3_600_000)
        for instant_ms in (change + step for step in steps):
            expected = by_the_database(zone, instant_ms)
            assert [day_of.of(instant_ms), day_of.of(instant_ms)] == [expected, expected], f"{zone} at {instant_ms}"


@given(days)
@example(date(2024, 2, 29))
@example(date(2026, 12, 28))
@example(date(2027, 1, 3))
def test_every_bucket_of_a_day_holds_the_day_and_is_told_by_its_kind(day: date) -> None:
    text = day.isoformat()
    buckets = buckets_of(text)
    assert [bucket_kind(bucket) for bucket in buckets] == ["day", "week", "month", "quarter", "year"]
    for bucket in buckets:
        first, last = bucket_span(bucket)
        assert first <= text <= last


@given(days, st.integers(0, 4))
def test_a_buckets_days_are_exactly_those_that_lie_in_it(day: date, kind: int) -> None:
    bucket = buckets_of(day.isoformat())[kind]
    first, last = map(date.fromisoformat, bucket_span(bucket))
    one = timedelta(days=1)
    assert buckets_of(first.isoformat())[kind] == buckets_of(last.isoformat())[kind] == bucket
    assert buckets_of((first - one).isoformat())[kind] != bucket
    assert buckets_of((last + one).isoformat())[kind] != bucket


@given(st.integers(1971, 2099))
def test_a_year_has_week_53_only_if_its_last_thursday_needs_it(year: int) -> None:
    has_it = date(year, 12, 28).isocalendar().week == 53
    if has_it:
        assert bucket_kind(f"{year}-W53") == "week"
    else:
        with pytest.raises(BadBucket):
            bucket_kind(f"{year}-W53")


@given(st.text(alphabet="0123456789-WQT ", max_size=12))
def test_a_text_is_a_bucket_exactly_if_it_is_a_bucket_of_its_first_day(text: str) -> None:
    try:
        first, last = bucket_span(text)
    except BadBucket:
        with pytest.raises(BadBucket):
            bucket_kind(text)
        return
    assert first <= last
    assert text in buckets_of(first)
