"""The organisation and the roster depend on the set of facts, never on their order or repetition."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.org import OrgTree
from domain.roster import Roster
from events import contract
from events.canonical import canonical_data
from events.facts import Fact
from tests.unit.domain.build import calendar, closed, joined, led, left, placed

UNITS = ("a", "b", "c", "d", "e")
DAYS = ("2026-01-01", "2026-02-01", "2026-02-15", "2026-03-01")
ASKED = ("2025-12-31", *DAYS, "2026-02-14", "2030-01-01")
ZONES = (None, None, "Asia/Urumqi", "Europe/London")

Found = dict[str, dict[str, contract.UnitPlaced]]
"""Unit to day to the placement that counts."""

unit_ids = st.sampled_from(UNITS)
days = st.sampled_from(DAYS)
revisions = st.integers(0, 2)
times = st.integers(0, 5)

placements = st.builds(
    lambda unit_id, parent_id, on, at, **fields: placed(unit_id, parent_id, on, at=at, **fields),
    unit_ids,
    st.none() | unit_ids,
    days,
    at=times,
    level=st.sampled_from(("store", "city")),
    name=st.sampled_from(("x", "y")),
    time_zone=st.sampled_from(ZONES),
    revision=revisions,
)
org_facts = st.one_of(
    placements,
    placements,
    placements,
    st.builds(closed, unit_ids, days),
    st.builds(
        lambda unit, rep, day, revision: led(unit, rep, day, revision=revision), unit_ids, unit_ids, days, revisions
    ),
    st.builds(
        lambda unit, day, off, revision: calendar(unit, day, holidays=off, revision=revision),
        unit_ids,
        days,
        st.lists(days, max_size=2).map(tuple),
        revisions,
    ),
)
rep_facts = st.one_of(
    st.builds(
        lambda rep, unit, on, at, revision: joined(rep, unit, on, at=at, revision=revision),
        st.sampled_from(("r", "s")),
        unit_ids,
        days,
        times,
        revisions,
    ),
    st.builds(
        lambda rep, day, revision: left(rep, day, revision=revision), st.sampled_from(("r", "s")), days, revisions
    ),
)


def another_history(facts: list[Fact]) -> st.SearchStrategy[list[Fact]]:
    """The same set of facts in another order, some of them again."""
    again = st.lists(st.sampled_from(facts), max_size=6) if facts else st.just([])
    return again.flatmap(lambda repeated: st.permutations(facts + repeated))


def two_histories(facts: st.SearchStrategy[Fact]) -> st.SearchStrategy[tuple[list[Fact], list[Fact]]]:
    lists = st.lists(facts, max_size=14)
    return lists.flatmap(lambda known: st.tuples(st.just(known), another_history(known)))


def tree_of(facts: list[Fact], ask_between: bool = False) -> OrgTree:
    tree = OrgTree("Asia/Shanghai")
    for fact in facts:
        tree.apply(fact)
        if ask_between:  # what is remembered must be forgotten in time
            everything_of(tree)
    return tree


def everything_of(tree: OrgTree) -> dict[str, Any]:
    """All that a tree says."""
    return {
        "chains": {(unit, day): tree.chain(unit, day) for unit in UNITS for day in ASKED},
        "children": {(unit, day): tree.children(unit, day) for unit in UNITS for day in ASKED},
        "names": {(unit, day): tree.name(unit, day) for unit in UNITS for day in ASKED},
        "levels": {(unit, day): tree.level(unit, day) for unit in UNITS for day in ASKED},
        "leaders": {(unit, day): tree.leader(unit, day) for unit in UNITS for day in ASKED},
        "cycles": {day: tree.cycles(day) for day in ASKED},
        "zones": {unit: tree.zone(unit) for unit in UNITS},
        "reaches": {unit: tree.reaches(unit) for unit in UNITS},
        "closed": {unit: tree.closed_on(unit) for unit in UNITS},
        "selling days": {unit: tree.selling_days(unit, "2026-01-25", "2026-03-05") for unit in UNITS},
        "facts": {unit: tree.unit_facts(unit) for unit in tree.unit_ids()},
    }


@given(two_histories(org_facts))
def test_any_order_and_repetition_of_the_facts_gives_the_same_organisation(
    histories: tuple[list[Fact], list[Fact]],
) -> None:
    one, other = histories
    assert everything_of(tree_of(one)) == everything_of(tree_of(other, ask_between=True))


@given(st.lists(org_facts, max_size=14))
def test_an_organisation_comes_back_from_its_documents(facts: list[Fact]) -> None:
    tree = tree_of(facts)
    documents = {unit: json.dumps({"facts": tree.unit_facts(unit)}, ensure_ascii=False) for unit in tree.unit_ids()}
    assert everything_of(OrgTree.from_documents("Asia/Shanghai", documents)) == everything_of(tree)


def placements_that_count(facts: list[Fact]) -> Found:
    """Unit to day to the placement with the greatest revision and text, found the slow way."""
    found: Found = {}
    for fact in facts:
        if fact.type == "unit.placed.v1":
            by_day = found.setdefault(fact.data.unit_id, {})
            known = by_day.get(fact.data.effective_on)
            ranked = (fact.data.revision, canonical_data(fact.data).encode())
            if known is None or ranked > (known.revision, canonical_data(known).encode()):
                by_day[fact.data.effective_on] = fact.data
    return found


def slow_chain(
    found: dict[str, dict[str, contract.UnitPlaced]], unit_id: str, day: str
) -> list[tuple[str, str | None]]:
    chain: list[tuple[str, str | None]] = []
    at: str | None = unit_id
    while at is not None and at not in [unit for unit, _ in chain]:
        past = [when for when in found.get(at, {}) if when <= day]
        placement = found[at][max(past)] if past else None
        chain.append((at, placement.level if placement else None))
        at = placement.parent_id if placement else None
    return chain


def slow_zone(found: Found, unit_id: str, met: tuple[str, ...] = ()) -> str:
    if unit_id in met or not found.get(unit_id):
        return "Asia/Shanghai"
    by_day = [found[unit_id][day] for day in sorted(found[unit_id])]
    for placement in by_day:
        if placement.time_zone is not None:
            return placement.time_zone
    first_parent = by_day[0].parent_id
    return "Asia/Shanghai" if first_parent is None else slow_zone(found, first_parent, (*met, unit_id))


@given(st.lists(org_facts, max_size=14))
def test_chains_and_zones_are_those_found_the_slow_way(facts: list[Fact]) -> None:
    tree, found = tree_of(facts), placements_that_count(facts)
    for unit_id in UNITS:
        assert tree.zone(unit_id) == slow_zone(found, unit_id)
        for day in ASKED:
            assert list(tree.chain(unit_id, day)) == slow_chain(found, unit_id, day)


@given(st.lists(org_facts, max_size=14), placements)
def test_a_placement_changes_only_units_that_reach_its_unit(facts: list[Fact], fact: Fact) -> None:
    tree = tree_of(facts)
    before = everything_of(tree)
    tree.apply(fact)
    after = everything_of(tree)
    for unit_id in UNITS:
        if fact.data.unit_id not in before["reaches"][unit_id]:
            assert before["zones"][unit_id] == after["zones"][unit_id]
            for day in ASKED:
                assert before["chains"][unit_id, day] == after["chains"][unit_id, day]


@given(st.lists(org_facts, max_size=14))
def test_a_chain_goes_only_where_its_unit_reaches_and_holds_no_unit_twice(facts: list[Fact]) -> None:
    tree = tree_of(facts)
    for unit_id in UNITS:
        for day in ASKED:
            units = [unit for unit, _ in tree.chain(unit_id, day)]
            assert len(set(units)) == len(units)
            assert set(units) <= tree.reaches(unit_id)


@given(st.lists(org_facts, max_size=14))
def test_a_unit_is_a_child_of_exactly_the_unit_above_it(facts: list[Fact]) -> None:
    tree = tree_of(facts)
    circles = {day: {unit for circle in tree.cycles(day) for unit in circle} for day in ASKED}
    for unit_id in UNITS:
        for day in ASKED:
            parents = [parent for parent in UNITS if unit_id in tree.children(parent, day)]
            above = [unit for unit, _ in tree.chain(unit_id, day)][1:2]
            assert parents == (above or [unit_id] if unit_id in circles[day] else above)


@given(two_histories(rep_facts))
def test_any_order_and_repetition_of_the_facts_gives_the_same_roster(histories: tuple[list[Fact], list[Fact]]) -> None:
    rosters = []
    for facts in histories:
        roster = Roster()
        for fact in facts:
            roster.apply(fact)
        rosters.append(roster)
    documents = {rep: json.dumps({"facts": rosters[0].rep_facts(rep)}) for rep in rosters[0].rep_ids()}
    rosters.append(Roster.from_documents(documents))
    said = [
        (
            [(roster.home(rep, day), roster.present(rep, day)) for rep in "rs" for day in ASKED],
            [(roster.display_name(rep), roster.left_on(rep), roster.rep_facts(rep)) for rep in roster.rep_ids()],
        )
        for roster in rosters
    ]
    assert said[0] == said[1] == said[2]
