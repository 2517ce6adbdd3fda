"""The rows of a board, by example."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

import pytest

from domain.boards import AttainmentGroup, BoardName
from domain.cells import Cell
from domain.digest import digest
from domain.standings import Entry, absent, per_day, previous_ranks, standings
from projections.ports import AttainmentView, BoardEntry
from tests.unit.domain.build import attained, sold

MAY = BoardName("cn/1", "rep", "revenue", "2026-05")
ATTAINMENT = BoardName("cn/1", "rep", "attainment-revenue", "2026-05")


def goals(whole: Mapping[str, Cell], targets: Mapping[str, Mapping[str, int]]) -> AttainmentView:
    named = {member_id: dict(by_metric) for member_id, by_metric in targets.items()}
    return AttainmentView(AttainmentGroup("rep", "2026-05"), {}, dict(whole), named)


def test_rows_stand_in_total_order_with_shared_ranks() -> None:
    rows = standings(MAY, [sold("c", 5), sold("b", 9), sold("a", 5), sold("d", 1)])
    assert [(row.rank, row.member_id) for row in rows] == [(1, "b"), (2, "a"), (2, "c"), (4, "d")]
    assert [row.rank for row in standings(MAY, [sold("c", 5), sold("a", 5), sold("d", 1)], policy="dense")] == [1, 1, 2]


def test_the_gap_is_the_distance_to_the_next_higher_score() -> None:
    rows = standings(MAY, [sold("a", 9), sold("b", 9), sold("c", 5), sold("d", 5), sold("e", -1)])
    assert [row.gap_above for row in rows] == [None, None, 4, 4, 6]


def test_contributions_are_parts_of_all_scores() -> None:
    rows = standings(MAY, [sold("a", 5), sold("b", 2), sold("c", -1)])
    assert [row.contribution_ppm for row in rows] == [833_333, 333_333, -166_667]


@pytest.mark.parametrize("revenues", [(0, 0), (5, -5), (1, -9)])
def test_there_are_no_contributions_to_a_sum_that_is_not_above_zero(revenues: tuple[int, ...]) -> None:
    rows = standings(MAY, [sold(f"rep-{n}", revenue) for n, revenue in enumerate(revenues)])
    assert [row.contribution_ppm for row in rows] == [None] * len(revenues)


def test_a_sales_board_shows_the_whole_total_over_the_target_of_its_metric() -> None:
    whole = {"a": Cell(50, 7, 3, 3), "b": Cell(80, 1, 1, 1)}
    view = goals(whole, {"a": {"revenue": 200, "count": 6}, "b": {"quantity": 9}, "c": {"revenue": 7}})
    entries = [sold("a", 30), sold("b", 20), sold("c", 10)]
    rows = standings(MAY, entries, goals=view)
    assert [(row.target, row.attainment_ppm, row.remaining) for row in rows] == [
        (200, 250_000, 150),
        (None, None, None),
        (7, 0, 7),
    ]
    by_count = standings(BoardName("cn/1", "rep", "count", "2026-05"), entries[:1], goals=view)
    assert [(row.target, row.attainment_ppm, row.remaining) for row in by_count] == [(6, 500_000, 3)]


def test_an_attainment_board_shows_its_own_targets_and_no_contributions() -> None:
    rows = standings(ATTAINMENT, [attained("a", 50, 200), attained("b", 90, 80), attained("c", 0, 10)])
    shown = [
        (r.member_id, r.score, r.target, r.attainment_ppm, r.remaining, r.contribution_ppm, r.gap_above) for r in rows
    ]
    assert shown == [
        ("b", 1_125_000, 80, 1_125_000, 0, None, None),
        ("a", 250_000, 200, 250_000, 150, None, 875_000),
        ("c", 0, 10, 0, 10, None, 250_000),
    ]


def test_an_attainment_entry_without_a_target_is_a_fault() -> None:
    with pytest.raises(ValueError, match="without a target"):
        standings(ATTAINMENT, [sold("a", 5)])
    with pytest.raises(ValueError, match="without a target"):
        previous_ranks(ATTAINMENT, [sold("a", 5)], {})


def test_members_have_a_kind_and_a_name() -> None:
    [row] = standings(MAY, [sold("a", 1)], names={"a": "王芳"}.__getitem__)
    assert (row.member_kind, row.display_name) == ("rep", "王芳")
    [row] = standings(BoardName("cn/1", "store", "revenue", "2026-05"), [sold("s", 1)])
    assert (row.member_kind, row.display_name) == ("unit", "s")


def test_an_absent_member_has_no_rank_but_its_target() -> None:
    row = absent(MAY, "a", goals=goals({"a": Cell(50, 1, 1, 1)}, {"a": {"revenue": 200}}), names=str.upper)
    assert (row.rank, row.display_name, row.score, row.cell) == (None, "A", 0, Cell())
    assert (row.target, row.attainment_ppm, row.remaining) == (200, 250_000, 150)
    assert (absent(MAY, "b").target, absent(MAY, "b").attainment_ppm, absent(MAY, "b").gap_above) == (None, None, None)


def test_json_has_amounts_as_strings_and_ranks_and_parts_as_numbers() -> None:
    view = goals({"b": Cell(3, 1, 1, 1)}, {"b": {"revenue": 9_000_000_000_000}})
    [_, row] = standings(MAY, [sold("a", 2**60), sold("b", 3)], goals=view)
    assert row.as_json() == {
        "rank": 2,
        "member_id": "b",
        "member_kind": "rep",
        "display_name": "b",
        "score": "3",
        "cell": {"revenue": "3", "quantity": "1", "count": "1", "lines": "1"},
        "target": "9000000000000",
        "attainment_ppm": 0,
        "contribution_ppm": 0,
        "gap_above": str(2**60 - 3),
        "remaining": "8999999999997",
    }
    assert absent(MAY, "c").as_json()["rank"] is None
    assert absent(MAY, "c").as_json()["target"] is None


def test_the_previous_rank_is_that_of_the_board_without_today() -> None:
    entries = [sold("a", 100, 2), sold("b", 90, 3), sold("c", 80, 2), sold("new", 70, 1)]
    today = {"a": Cell(60, 1, 1, 1), "b": Cell(-10, 1, -1, 1), "new": Cell(70, 1, 1, 1)}
    assert previous_ranks(MAY, entries, today) == {"a": 3, "b": 1, "c": 2, "new": None}


def test_previous_ranks_follow_the_tie_policy() -> None:
    entries = [sold("a", 5), sold("b", 5), sold("c", 1)]
    assert previous_ranks(MAY, entries, {}) == {"a": 1, "b": 1, "c": 3}
    assert previous_ranks(MAY, entries, {}, "dense") == {"a": 1, "b": 1, "c": 2}
    assert previous_ranks(MAY, entries, {}, "ordinal") == {"a": 1, "b": 2, "c": 3}


def test_the_metric_of_the_board_makes_the_previous_score() -> None:
    name = BoardName("cn/1", "rep", "quantity", "2026-05")
    entries = [BoardEntry("a", 9, Cell(1, 9, 2, 2), None), BoardEntry("b", 8, Cell(5, 8, 2, 2), None)]
    assert previous_ranks(name, entries, {"a": Cell(0, 5, 1, 1)}) == {"a": 2, "b": 1}


def test_on_an_attainment_board_everyone_with_a_target_has_a_previous_rank() -> None:
    entries = [attained("a", 90, 100), attained("b", 40, 80), attained("c", 0, 10)]
    today = {"a": Cell(90, 1, 1, 1), "b": Cell(20, 1, 0, 0)}
    assert previous_ranks(ATTAINMENT, entries, today) == {"a": 2, "b": 1, "c": 2}


def test_a_day_board_has_no_previous_ranks() -> None:
    day = BoardName("cn/1", "rep", "revenue", "2026-05-21")
    assert previous_ranks(day, [sold("a", 5)], {}) == {"a": None}


def test_amounts_a_day_are_rounded_up_over_the_days_left() -> None:
    assert [per_day(100, days) for days in (1, 3, 7, 200)] == [100, 34, 15, 1]
    assert per_day(-7, 2) == -3
    assert per_day(100, 0) is None
    assert per_day(100, -1) is None
    assert per_day(None, 5) is None


def test_the_digest_is_the_hash_of_the_canonical_text() -> None:
    text = (
        '["cn/1/rep/revenue/2026-05",[["1","王芳","9",["9","1","1","1"],null],["2","a","-5",["-5","2","2","2"],null]]]'
    )
    assert digest(MAY, [sold("a", -5, 2), sold("王芳", 9)]) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_the_digest_of_an_attainment_board_holds_the_targets() -> None:
    text = '["cn/1/rep/attainment-revenue/2026-05",[["1","a","250000",["50","1","1","1"],"200"]]]'
    assert digest(ATTAINMENT, [attained("a", 50, 200)]) == "sha256:" + hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("show", [lambda e: standings(MAY, e, policy="ordinal"), lambda e: list(reversed(e))])
def test_the_digest_depends_on_neither_order_nor_tie_policy(show: Callable[[list[Entry]], list[Entry]]) -> None:
    entries = [sold("a", 5), sold("b", 5), sold("c", 1)]
    assert digest(MAY, show(entries)) == digest(MAY, entries)


def test_the_digest_does_not_depend_on_targets_that_a_sales_board_shows_besides() -> None:
    entries = [sold("a", 5)]
    rows = standings(MAY, entries, goals=goals({}, {"a": {"revenue": 9}}))
    assert rows[0].target == 9
    assert digest(MAY, rows) == digest(MAY, entries)


def test_an_empty_board_has_a_digest_of_its_own() -> None:
    text = b'["cn/1/rep/revenue/2026-05",[]]'
    assert digest(MAY, []) == "sha256:" + hashlib.sha256(text).hexdigest()
