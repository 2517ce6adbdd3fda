"""Partitions share trees: a step leaves the tree it starts from as it was, and says what a tree of one's own would."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.org import OrgTree
from domain.shared_trees import STEPS_KEPT, empty_tree, step
from events.facts import Fact
from tests.property.test_org_facts import ASKED, UNITS, org_facts
from tests.unit.domain.build import period_closed, placed

ZONE = "Asia/Shanghai"

facts = st.none() | org_facts | st.builds(period_closed, st.integers(2024, 2026))
steps = st.lists(st.lists(facts, max_size=5), max_size=6)


def everything(tree: OrgTree) -> list[Any]:
    """All that a partition may ask a tree."""
    return [
        [[tree.chain(unit, day) for day in ASKED] for unit in UNITS],
        [[tree.selling_days(unit, "2026-01-30", "2026-02-16"), tree.zone(unit), tree.reaches(unit)] for unit in UNITS],
        [tree.unit_facts(unit) for unit in tree.unit_ids()],
        [(end_ms, [zones.zone(unit) for unit in UNITS]) for end_ms, zones in tree.frozen_zones],
        [tree.closing.year, tree.closing.effect_ms, tree.closed_years()],
    ]


@given(steps)
def test_steps_say_what_a_tree_of_ones_own_says(walked: list[list[Fact | None]]) -> None:
    own, shared = OrgTree(ZONE), empty_tree(ZONE)
    for some in walked:
        taken = step(shared, some)
        shared = taken.after
        assert list(taken.outcomes) == ["dead_lettered" if fact is None else own.apply(fact) for fact in some]
        assert everything(shared) == everything(own)


@given(steps, st.lists(facts, max_size=5), st.lists(facts, max_size=5))
def test_a_step_changes_no_tree_that_was_there(
    walked: list[list[Fact | None]], one: list[Fact | None], other: list[Fact | None]
) -> None:
    before = empty_tree(ZONE)
    for some in walked:
        before = step(before, some).after
    known = everything(before)
    first = step(before, one).after
    known_first = everything(first)
    step(before, other)
    step(first, other)
    assert everything(before) == known
    assert everything(first) == known_first
    assert everything(empty_tree(ZONE)) == everything(OrgTree(ZONE))


def test_the_same_step_is_taken_once_and_only_the_last_ones_are_kept() -> None:
    start, some = empty_tree(ZONE), [placed("store-1", "city-1"), None]
    first = step(start, some)
    assert step(start, list(some)) is first
    assert step(start, [placed("store-1", "city-1"), None]) is not first, "equal facts are others"
    for number in range(STEPS_KEPT):
        step(start, [placed(f"store-{number}")])
    assert step(start, some) is not first
