"""Order, ranks and attainment, by example."""

from __future__ import annotations

import pytest

from domain.attainment import attainment_ppm
from domain.ranking import TiePolicy, order, ranks
from tests.unit.domain.build import sold


@pytest.mark.parametrize(
    ("policy", "expected"),
    [("competition", [1, 2, 2, 4, 4, 4, 7]), ("dense", [1, 2, 2, 3, 3, 3, 4]), ("ordinal", [1, 2, 3, 4, 5, 6, 7])],
)
def test_equal_scores_rank_by_the_policy(policy: TiePolicy, expected: list[int]) -> None:
    assert ranks([9, 7, 7, 0, 0, 0, -5], policy) == expected


def test_ranks_are_by_competition_unless_said_otherwise() -> None:
    assert ranks([5, 5, 1]) == [1, 1, 3]
    assert ranks([]) == []


def test_scores_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="descending"):
        ranks([1, 2])


def test_equal_scores_stand_by_the_bytes_of_their_ids() -> None:
    ids = ["b", "B", "a10", "a9", "é", "中", "\uffff", "𝄞"]
    entries = [sold(member_id, 5) for member_id in ids]
    assert [entry.member_id for entry in order(entries)] == ["B", "a10", "a9", "b", "é", "中", "\uffff", "𝄞"]


def test_scores_come_before_ids_and_the_highest_first() -> None:
    entries = [sold("a", -5), sold("b", 0), sold("c", 10**15), sold("d", 10**15 + 1)]
    assert [entry.member_id for entry in order(entries)] == ["d", "c", "b", "a"]


def test_attainment_is_rounded_down_also_below_zero() -> None:
    assert attainment_ppm(2, 3) == 666_666
    assert attainment_ppm(-2, 3) == -666_667
    assert attainment_ppm(9 * 10**15, 7) == 9 * 10**21 // 7


@pytest.mark.parametrize("target", [0, -1])
def test_without_a_target_there_is_no_attainment(target: int) -> None:
    with pytest.raises(ValueError, match="is none"):
        attainment_ppm(1, target)
