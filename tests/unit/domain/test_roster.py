"""The roster, by example."""

from __future__ import annotations

import json
from itertools import permutations

import pytest

from domain.roster import Roster
from events.facts import Fact
from tests.unit.domain.build import joined, left, placed


def roster_of(*facts: Fact) -> Roster:
    roster = Roster()
    for fact in facts:
        roster.apply(fact)
    return roster


def test_a_reps_home_is_the_unit_it_joined_last_by_that_day() -> None:
    roster = roster_of(joined("rep-1", "store-2", "2026-05-01"), joined("rep-1", "store-1", "2026-01-01"))
    assert roster.home("rep-1", "2025-12-31") is None
    assert roster.home("rep-1", "2026-04-30") == "store-1"
    assert roster.home("rep-1", "2026-05-01") == "store-2"
    assert roster.home("rep-9", "2026-05-01") is None


def test_leaving_ends_the_presence_on_its_day_but_not_the_home() -> None:
    roster = roster_of(joined("rep-1", "store-1", "2026-01-01"), left("rep-1", "2026-03-01"))
    assert not roster.present("rep-1", "2025-12-31")
    assert roster.present("rep-1", "2026-02-28")
    assert not roster.present("rep-1", "2026-03-01")
    assert roster.home("rep-1", "2026-03-01") == "store-1"
    assert roster.left_on("rep-1") == "2026-03-01"


def test_who_joins_again_is_present_again() -> None:
    roster = roster_of(
        left("rep-1", "2026-03-01"), joined("rep-1", "store-2", "2026-04-01"), joined("rep-1", "store-1")
    )
    assert [roster.present("rep-1", f"2026-0{month}-15") for month in (2, 3, 4)] == [True, False, True]


def test_a_correction_wins_over_what_it_corrects_in_either_order() -> None:
    typo, right = joined("rep-1", "store-1"), joined("rep-1", "store-2", revision=1)
    for first, second in permutations((typo, right)):
        assert roster_of(first, second).home("rep-1", "2026-05-01") == "store-2"
    assert roster_of(typo).apply(right) == "applied"
    assert roster_of(right).apply(typo) == "superseded"
    assert roster_of(right).apply(right) == "duplicate"


def test_the_display_name_is_the_newest_and_without_one_the_id() -> None:
    roster = roster_of(
        joined("rep-1", "s", "2026-05-01", display_name="王芳"), joined("rep-1", "s", display_name="王方")
    )
    assert roster.display_name("rep-1") == "王芳"
    assert roster.display_name("rep-9") == "rep-9"


def test_the_day_of_hire_is_the_newest_one_named() -> None:
    roster = roster_of(joined("rep-1", "s", "2026-05-01"), joined("rep-1", "s", hired_on="2025-12-24"))
    assert roster.hired_on("rep-1") == "2025-12-24"
    assert roster.hired_on("rep-9") is None


def test_a_roster_comes_back_from_its_documents() -> None:
    roster = roster_of(
        joined("rep-2", "s", at=4), joined("rep-1", "s", hired_on="2025-12-24"), left("rep-1", "2026-03-01")
    )
    assert roster.rep_ids() == ["rep-1", "rep-2"]
    documents = {rep_id: json.dumps({"facts": roster.rep_facts(rep_id)}) for rep_id in roster.rep_ids()}
    again = Roster.from_documents(documents)
    assert {rep_id: again.rep_facts(rep_id) for rep_id in again.rep_ids()} == {
        rep_id: roster.rep_facts(rep_id) for rep_id in roster.rep_ids()
    }
    assert again.apply(left("rep-1", "2026-03-01")) == "duplicate"


def test_other_facts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unit\.placed"):
        roster_of().apply(placed("store-1"))


def test_who_joins_and_leaves_on_one_day_is_gone() -> None:
    roster = roster_of(joined("rep-1", "store-1", "2026-03-01"), left("rep-1", "2026-03-01"))
    assert not roster.present("rep-1", "2026-03-01")
    assert roster.home("rep-1", "2026-03-01") == "store-1"
