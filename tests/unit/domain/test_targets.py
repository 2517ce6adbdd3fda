"""Targets, by example."""

from __future__ import annotations

import json

import pytest

from domain.targets import Targets, document_id
from events.facts import Fact
from tests.unit.domain.build import placed, target, withdrawn

MAY = ("rep", "rep-1", "2026-05")


def targets_of(*facts: Fact, facts_max: int = 64) -> Targets:
    targets = Targets(facts_max)
    for fact in facts:
        targets.apply(fact)
    return targets


def test_the_highest_revision_counts() -> None:
    targets = targets_of(target(300, 3), target(100, 1), target(200, 2))
    assert targets.value(*MAY, "revenue") == 300
    assert targets.of(*MAY) == {"revenue": 300}


def test_no_target_is_zero() -> None:
    assert targets_of().value(*MAY, "revenue") == 0
    assert targets_of().of(*MAY) == {}
    assert targets_of(target(0)).of(*MAY) == {}
    assert targets_of(target(100)).value(*MAY, "quantity") == 0


def test_a_withdrawal_wins_over_a_target_of_its_revision_and_loses_to_a_later_one() -> None:
    targets = targets_of(withdrawn(1), target(9_000_000_000_000, 1))
    assert targets.value(*MAY, "revenue") == 0
    assert targets.apply(target(100, 2)) == "applied"
    assert targets.value(*MAY, "revenue") == 100


def test_of_equal_revisions_the_greater_text_counts() -> None:
    # …"value":9} is greater than …"value":10} as text.
    assert targets_of(target(9), target(10)).value(*MAY, "revenue") == 9
    assert targets_of(target(10), target(9)).value(*MAY, "revenue") == 9


def test_outcomes_compare_with_the_fact_that_counts() -> None:
    targets = targets_of()
    assert targets.apply(target(100, 1)) == "applied"
    assert targets.apply(target(100, 1)) == "duplicate"
    assert targets.apply(target(90, 0)) == "superseded"
    assert targets.apply(target(90, 0)) == "superseded"
    assert targets.apply(withdrawn(1)) == "applied"
    assert targets.apply(target(100, 1)) == "superseded"


def test_subjects_buckets_and_metrics_have_targets_of_their_own() -> None:
    targets = targets_of(
        target(1), target(2, metric="count"), target(3, bucket="2026-Q2"), target(4, of="store-1"),
        target(5, of="rep-2"),
    )  # fmt: skip
    assert targets.of(*MAY) == {"count": 2, "revenue": 1}
    assert targets.of("rep", "rep-1", "2026-Q2") == {"revenue": 3}
    assert targets.of("unit", "store-1", "2026-05") == {"revenue": 4}
    assert targets.of("rep", "store-1", "2026-05") == {}
    assert set(targets.subjects()) == {
        MAY, ("rep", "rep-1", "2026-Q2"), ("unit", "store-1", "2026-05"), ("rep", "rep-2", "2026-05"),
    }  # fmt: skip


def test_the_history_keeps_every_revision_and_the_one_that_counts_comes_last() -> None:
    targets = targets_of(target(300, 3), withdrawn(2), target(100, 1), target(300, 3))
    history = [(fact["type"], fact["data"]["revision"]) for fact in targets.facts(*MAY)]
    assert history == [("target.set.v1", 1), ("target.withdrawn.v1", 2), ("target.set.v1", 3)]
    assert targets.original(*MAY, "revenue") == 100
    assert targets.original(*MAY, "quantity") == 0


def test_the_history_keeps_the_greatest_facts_up_to_its_limit() -> None:
    for order in (range(9), reversed(range(9)), (8, 0, 7, 1, 6, 2, 5, 3, 4, 0, 8)):
        targets = targets_of(*(target(100 + n, n) for n in order), facts_max=3)
        assert [fact["data"]["revision"] for fact in targets.facts(*MAY)] == [6, 7, 8]
        assert targets.apply(target(100, 0)) == "superseded"


def test_a_repeated_fact_keeps_the_earliest_recorded_time_also_in_the_history() -> None:
    targets = targets_of(
        target(2, 2, at=5), target(1, 1, at=9), target(2, 2, at=3), target(1, 1, at=7), target(1, 1, at=8)
    )
    assert [fact["recorded_ms"] for fact in targets.facts(*MAY)] == [7, 3]


def test_targets_come_back_from_their_documents() -> None:
    targets = targets_of(
        target(1, 1, of="rep|1", at=3), withdrawn(2, of="rep|1"), target(4, of="store/1", metric="count")
    )
    documents = {
        document_id(*key): json.dumps({"facts": targets.facts(*key), "stands": []}) for key in targets.subjects()
    }
    again = Targets.from_documents(documents)
    assert {key: again.facts(*key) for key in again.subjects()} == {
        key: targets.facts(*key) for key in targets.subjects()
    }
    assert again.apply(withdrawn(2, of="rep|1")) == "duplicate"


def test_other_facts_are_refused() -> None:
    with pytest.raises(ValueError, match=r"unit\.placed"):
        targets_of().apply(placed("store-1"))
