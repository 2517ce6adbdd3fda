"""The organisation, by example. Rules: docs/reference/semantics.md, 1 to 3."""

from __future__ import annotations

import json

import pytest

from domain.limits import CHAIN_UNITS_MAX
from domain.org import OrgTree
from events.facts import Fact
from tests.unit.domain.build import calendar, closed, joined, led, period_closed, placed, skipped

DAY = "2026-05-21"


def tree_of(*facts: Fact, chains_max: int = 1_000) -> OrgTree:
    tree = OrgTree("Asia/Shanghai", chains_max)
    for fact in facts:
        tree.apply(fact)
    return tree


def units(tree: OrgTree, unit_id: str, day: str = DAY) -> list[str]:
    return [unit for unit, _ in tree.chain(unit_id, day)]


def test_a_chain_leads_from_the_unit_to_the_top_with_levels() -> None:
    tree = tree_of(placed("store-1", "city-1"), placed("city-1", "nation-1"), placed("nation-1"))
    assert tree.chain("store-1", DAY) == (("store-1", "store"), ("city-1", "city"), ("nation-1", "nation"))


def test_an_unknown_unit_stands_alone_without_a_level() -> None:
    tree = tree_of(placed("store-1", "city-1"))
    assert tree.chain("store-9", DAY) == (("store-9", None),)
    assert tree.chain("store-1", DAY) == (("store-1", "store"), ("city-1", None))
    assert tree.level("city-1", DAY) is None
    assert tree.name("city-1", DAY) == "city-1"


def test_a_placement_holds_from_its_day_on_until_the_next_one() -> None:
    tree = tree_of(placed("store-1", "city-1", "2026-02-01"), placed("store-1", "city-2", "2026-05-01", level="outlet"))
    assert tree.chain("store-1", "2026-01-31") == (("store-1", None),)
    assert tree.chain("store-1", "2026-02-01") == (("store-1", "store"), ("city-1", None))
    assert tree.chain("store-1", "2026-04-30") == (("store-1", "store"), ("city-1", None))
    assert tree.chain("store-1", "2026-05-01") == (("store-1", "outlet"), ("city-2", None))


def test_a_placement_that_comes_late_changes_chains_already_asked_for() -> None:
    tree = tree_of(placed("store-1", "city-1"), placed("city-1", "nation-1"))
    assert units(tree, "store-1") == ["store-1", "city-1", "nation-1"]
    tree.apply(placed("city-1", "nation-2", "2026-03-01"))
    assert units(tree, "store-1") == ["store-1", "city-1", "nation-2"]
    assert units(tree, "store-1", "2026-02-28") == ["store-1", "city-1", "nation-1"]


def test_of_one_unit_and_day_the_greatest_revision_counts_then_the_greatest_text() -> None:
    first, typo = placed("store-1", "city-1"), placed("store-1", "city-2", revision=1)
    tree = tree_of(typo)
    assert tree.apply(first) == "superseded"
    assert tree.apply(typo) == "duplicate"
    assert tree.apply(placed("store-1", "city-0", revision=2)) == "applied"
    assert units(tree, "store-1") == ["store-1", "city-0"]
    assert tree.apply(placed("store-1", "city-0!", revision=2)) == "superseded", """as text: city-0! before city-0"."""
    assert tree.apply(placed("store-1", "city-9", revision=2)) == "applied"


def test_texts_are_compared_with_the_absent_fields_filled_in() -> None:
    # {"effective_on":…,"level":…,"name":…,"parent_id":null…} against {…"parent_id":"city-1"…}: "n" is after '"'.
    tree = tree_of(placed("store-1", None))
    assert tree.apply(placed("store-1", "city-1")) == "superseded"
    assert units(tree, "store-1") == ["store-1"]


def test_a_repeated_fact_keeps_the_earliest_recorded_time() -> None:
    for times in ((5, 9, 3), (3, 5, 9), (9, 3, 5)):
        tree = tree_of(*(placed("store-1", "city-1", at=at) for at in times))
        assert [fact["recorded_ms"] for fact in tree.unit_facts("store-1")] == [3]


def test_a_chain_ends_before_a_unit_met_again_and_the_circle_is_listed() -> None:
    tree = tree_of(
        placed("a", "b"), placed("b", "c"), placed("c", "a"), placed("x", "b"), placed("self", "self"),
        placed("ok", "top"),
    )  # fmt: skip
    assert units(tree, "a") == ["a", "b", "c"]
    assert units(tree, "c") == ["c", "a", "b"]
    assert units(tree, "x") == ["x", "b", "c", "a"]
    assert units(tree, "self") == ["self"]
    assert tree.cycles(DAY) == [["a", "b", "c"], ["self"]]
    assert tree.cycles("2025-12-31") == []


def test_closing_a_unit_and_naming_its_leader_do_not_change_the_tree() -> None:
    tree = tree_of(placed("store-1", "city-1"), closed("store-1", "2026-03-01"), led("store-1", "rep-1", "2026-01-01"))
    assert units(tree, "store-1") == ["store-1", "city-1"]
    assert tree.children("city-1", DAY) == ["store-1"]
    assert tree.closed_on("store-1") == "2026-03-01"
    assert tree.closed_on("city-1") is None


def test_the_leader_of_a_day_is_the_last_one_named_by_then() -> None:
    tree = tree_of(led("store-1", "rep-2", "2026-04-01"), led("store-1", "rep-1", "2026-01-01"))
    assert tree.leader("store-1", "2025-12-31") is None
    assert tree.leader("store-1", "2026-03-31") == "rep-1"
    assert tree.leader("store-1", "2026-04-01") == "rep-2"
    assert tree.leader("store-9", DAY) is None


def test_children_are_those_of_the_day_by_id() -> None:
    tree = tree_of(
        placed("store-2", "city-1"), placed("store-10", "city-1"), placed("store-1", "city-1"),
        placed("store-1", "city-2", "2026-06-01"), placed("store-3", "city-1", revision=0),
        placed("store-3", "city-2", revision=1),
    )  # fmt: skip
    assert tree.children("city-1", DAY) == ["store-1", "store-10", "store-2"]
    assert tree.children("city-1", "2026-06-01") == ["store-10", "store-2"]
    assert tree.children("city-2", "2026-06-01") == ["store-1", "store-3"]
    assert tree.children("nowhere", DAY) == []


def test_a_name_is_the_days_name_and_before_the_first_placement_the_first_one() -> None:
    tree = tree_of(
        placed("store-1", on="2026-02-01", name="旧街口店"), placed("store-1", on="2026-05-01", name="新街口店")
    )
    assert tree.name("store-1", "2026-04-30") == "旧街口店"
    assert tree.name("store-1", "2026-05-01") == "新街口店"
    assert tree.name("store-1", "2026-01-01") == "旧街口店"


def test_the_zone_is_by_the_earliest_placement_that_names_one() -> None:
    tree = tree_of(
        placed("store-1", "city-1", "2026-01-01"),
        placed("store-1", "city-1", "2026-03-01", time_zone="Asia/Urumqi"),
        placed("store-1", "city-1", "2026-04-01", time_zone="Asia/Tokyo"),
        placed("city-1", None, "2026-01-01", time_zone="Europe/London"),
    )
    assert tree.zone("store-1") == "Asia/Urumqi"


def test_the_zone_is_else_that_of_the_parent_in_the_earliest_placement_of_all() -> None:
    tree = tree_of(
        placed("store-1", "city-1", "2026-01-01"), placed("store-1", "city-2", "2026-03-01"),
        placed("city-1", "region-1"), placed("region-1", time_zone="Asia/Urumqi"),
        placed("city-2", time_zone="Asia/Tokyo"),
    )  # fmt: skip
    assert tree.zone("store-1") == "Asia/Urumqi"
    tree.apply(placed("store-1", "city-2", "2025-12-01"))
    assert tree.zone("store-1") == "Asia/Tokyo"


def test_the_zone_is_else_the_deployments() -> None:
    tree = tree_of(placed("store-1", "city-1"), placed("a", "b"), placed("b", "a"), placed("x", "a"))
    assert [tree.zone(unit) for unit in ("store-1", "city-1", "nowhere", "a", "b", "x")] == ["Asia/Shanghai"] * 6
    tree.apply(placed("b", "a", revision=1, time_zone="Asia/Tokyo"))
    assert [tree.zone(unit) for unit in ("a", "b", "x")] == ["Asia/Tokyo"] * 3


def test_a_unit_reaches_everything_above_it_on_any_day() -> None:
    tree = tree_of(
        placed("store-1", "city-1"), placed("store-1", "city-2", "2026-06-01"), placed("city-1", "region-1"),
        placed("city-2", "region-2", "2020-01-01"), placed("store-1", "lost", "2026-07-01"),
        placed("store-1", "city-2", "2026-07-01", revision=1), placed("region-2", "store-1"),
    )  # fmt: skip
    assert tree.reaches("store-1") == {"store-1", "city-1", "city-2", "region-1", "region-2"}
    assert tree.reaches("region-1") == {"region-1"}
    tree.apply(placed("region-1", "nation-1"))
    assert "nation-1" in tree.reaches("store-1")


def test_more_chains_than_are_remembered_are_still_right() -> None:
    tree = tree_of(placed("store-1", "city-1"), placed("city-1", "nation-1"), chains_max=2)
    for _ in range(3):
        for unit_id in ("store-1", "city-1", "nation-1", "store-9"):
            assert units(tree, unit_id)[0] == unit_id
            assert units(tree, unit_id, "2020-01-01") == [unit_id]
        assert units(tree, "store-1") == ["store-1", "city-1", "nation-1"]


def test_without_a_calendar_every_day_is_a_selling_day() -> None:
    tree = tree_of(placed("store-1", "city-1"))
    assert tree.selling_days("store-1", "2026-05-01", "2026-05-31") == 31
    assert tree.selling_days("store-1", "2026-05-31", "2026-05-31") == 1
    assert tree.selling_days("store-1", "2026-06-01", "2026-05-31") == 0


def test_the_nearest_calendar_up_the_chain_of_the_day_applies() -> None:
    tree = tree_of(
        placed("store-1", "city-1"), placed("store-2", "city-1"), placed("city-1", "nation-1"),
        calendar(
            "nation-1", weekdays=(1, 2, 3, 4, 5), holidays=("2026-05-01", "2026-05-04"), extra_days=("2026-05-09",)
        ),
        calendar("store-1", "2026-05-16"),
    )  # fmt: skip
    assert tree.selling_days("city-1", "2026-05-01", "2026-05-31") == 21 - 2 + 1
    assert tree.selling_days("store-2", "2026-05-01", "2026-05-31") == 21 - 2 + 1
    assert tree.selling_days("store-1", "2026-05-01", "2026-05-15") == 11 - 2 + 1
    assert tree.selling_days("store-1", "2026-05-16", "2026-05-31") == 16
    assert tree.selling_days("store-9", "2026-05-01", "2026-05-31") == 31
    assert tree.selling_days("nation-1", "2025-12-01", "2025-12-31") == 31, "the calendar does not hold yet"


def test_selling_days_are_not_counted_over_ages() -> None:
    with pytest.raises(ValueError, match="3660 days"):
        tree_of().selling_days("store-1", "0001-01-01", "9999-12-31")


def test_closed_years_and_skipped_records_are_about_no_unit() -> None:
    tree = tree_of(period_closed(2024), period_closed(2023), skipped(7), skipped(9))
    assert tree.closed_years() == {2023, 2024}
    assert sorted(record["offset"] for record in tree.skipped_records()) == [7, 9]
    assert tree.apply(period_closed(2024)) == "duplicate"
    assert tree.apply(skipped(7)) == "duplicate"
    assert tree.unit_ids() == []


def test_a_tree_comes_back_from_its_documents() -> None:
    tree = tree_of(
        placed("store-:1", "city-1", name='a "name"\n店', time_zone="Asia/Urumqi", at=5),
        placed("store-:1", None, "2026-02-02"), closed("store/1", "2026-09-09"), led("city-1", "rep-1", "2026-01-01"),
        calendar("city-1", holidays=("2026-05-01",)),
    )  # fmt: skip
    documents = {unit_id: json.dumps({"facts": tree.unit_facts(unit_id)}) for unit_id in tree.unit_ids()}
    again = OrgTree.from_documents("Asia/Shanghai", documents)
    assert {unit_id: again.unit_facts(unit_id) for unit_id in again.unit_ids()} == {
        unit_id: tree.unit_facts(unit_id) for unit_id in tree.unit_ids()
    }
    assert again.zone("store-:1") == "Asia/Urumqi"
    assert again.apply(placed("store-:1", None, "2026-02-02")) == "duplicate"


def test_other_facts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"rep\.joined"):
        tree_of().apply(joined("rep-1", "store-1"))


def test_the_default_zone_must_exist() -> None:
    with pytest.raises(ValueError, match="Asia/Nowhere"):
        OrgTree("Asia/Nowhere")


def test_a_chain_ends_after_its_limit_of_units() -> None:
    facts = [placed(f"u{i}", f"u{i + 1}") for i in range(CHAIN_UNITS_MAX + 5)]
    tree = tree_of(*facts)
    assert [unit for unit, _ in tree.chain("u0", "2026-05-21")] == [f"u{i}" for i in range(CHAIN_UNITS_MAX)]
