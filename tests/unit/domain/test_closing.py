"""Which years are closed to what, and which facts touch them."""

from __future__ import annotations

import doctest
from typing import Any

import pytest

import domain.closing
from domain.closing import Closing, FrozenZones, TooLate, is_closed, last_whole_day, refuse_late_control
from domain.limits import CLOSE_DELAY_MS
from events.facts import Rejected
from events.instants import instant_ms
from tests.unit.domain.build import calendar, closed, led, period_closed, placed, skipped

FEBRUARY = instant_ms("2026-02-01T00:00:00Z")


def closes(*said: tuple[int, int]) -> Closing:
    closing = Closing()
    for year, recorded_ms in said:
        closing.add(year, recorded_ms)
    return closing


def test_a_close_takes_effect_for_what_is_recorded_after_the_delay() -> None:
    closing = closes((2025, FEBRUARY))
    assert closing.year_for(FEBRUARY + CLOSE_DELAY_MS) == 0
    assert closing.year_for(FEBRUARY + CLOSE_DELAY_MS + 1) == 2025
    assert closing.year == 2025, "on the control stream at once"


def test_closing_a_year_closes_those_before_it_and_of_two_closes_the_first_counts() -> None:
    closing = closes((2025, FEBRUARY))
    assert not closing.add(2025, FEBRUARY + 5)
    assert not closing.add(2024, FEBRUARY + 6)
    assert closing.year_for(FEBRUARY + CLOSE_DELAY_MS + 2) == 2025
    assert closing.add(2026, FEBRUARY + 7)
    assert [closing.year_for(FEBRUARY + CLOSE_DELAY_MS + after) for after in (0, 1, 7, 8)] == [0, 2025, 2025, 2026]


def test_a_clock_that_was_set_back_closes_no_year_earlier() -> None:
    closing = closes((2024, FEBRUARY), (2025, FEBRUARY - 60_000))
    assert closing.year_for(FEBRUARY) == 0
    assert closing.year_for(FEBRUARY + CLOSE_DELAY_MS + 1) == 2025


@pytest.mark.parametrize(
    ("at", "next_effect"),
    [
        (0, FEBRUARY + CLOSE_DELAY_MS),
        (FEBRUARY + CLOSE_DELAY_MS, FEBRUARY + CLOSE_DELAY_MS),
        (FEBRUARY + CLOSE_DELAY_MS + 1, FEBRUARY + 9 + CLOSE_DELAY_MS),
        (FEBRUARY + 10 + CLOSE_DELAY_MS, 2**63 - 1),
    ],
)
def test_the_next_effect_is_the_instant_after_which_more_is_closed(at: int, next_effect: int) -> None:
    assert closes((2024, FEBRUARY), (2025, FEBRUARY + 9)).next_effect_ms(at) == next_effect


@pytest.mark.parametrize(
    ("bucket", "gone"),
    [("2025-12-31", True), ("2026-01-01", False), ("2025-W52", True), ("2026-W01", False), ("2025-12", True),
     ("2025-Q4", True), ("2025", True), ("2024", True), ("2026", False)],
)  # fmt: skip
def test_a_bucket_is_closed_when_its_last_day_is(bucket: str, gone: bool) -> None:
    assert is_closed(bucket, 2025) is gone


def test_the_last_days_of_a_year_stay_while_their_week_reaches_into_the_next() -> None:
    assert [last_whole_day(year) for year in (2022, 2023, 2025, 2028)] == [
        "2022-12-25", "2023-12-31", "2025-12-28", "2028-12-31",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "fact",
    [placed("store-1", "area-1", "2025-12-31"), closed("store-1", "2025-01-01"), led("store-1", "r1", "2024-06-01"),
     calendar("store-1", "2025-06-01")],
)  # fmt: skip
def test_a_fact_about_a_unit_that_is_true_in_a_closed_year_is_too_late(fact: Any) -> None:
    refuse_late_control(fact, Closing())
    with pytest.raises(TooLate) as late:
        refuse_late_control(fact, closes((2025, FEBRUARY)))
    assert late.value.year == 2025
    assert late.value.board.startswith("store-1/rep/revenue/20")


@pytest.mark.parametrize("fact", [placed("store-1", "area-1", "2026-01-01"), skipped(3)])
def test_what_is_true_only_after_the_closed_year_is_in_time(fact: Any) -> None:
    refuse_late_control(fact, closes((2025, FEBRUARY)))


def test_a_year_that_is_not_over_everywhere_can_not_be_closed() -> None:
    over = instant_ms("2026-01-01T12:00:00Z")
    refuse_late_control(period_closed(2025)._replace(recorded_ms=over), Closing())
    with pytest.raises(Rejected, match="2025 is over everywhere from 2026-01-01T12:00Z on"):
        refuse_late_control(period_closed(2025)._replace(recorded_ms=over - 1), Closing())


def test_frozen_zones_follow_first_parents_and_end_in_the_default() -> None:
    zones = FrozenZones({"ny": "America/New_York"}, {"s1": "ny", "a": "b", "b": "a"}, "Asia/Shanghai")
    assert [zones.zone(unit) for unit in ("ny", "s1", "a", "unknown")] == [
        "America/New_York", "America/New_York", "Asia/Shanghai", "Asia/Shanghai",
    ]  # fmt: skip


def test_the_examples_in_the_module_are_true() -> None:
    assert doctest.testmod(domain.closing).failed == 0
