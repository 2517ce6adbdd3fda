"""Targets and their history depend on the set of facts, never on their order or repetition."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from domain.targets import Targets, document_id
from events.canonical import canonical_data
from events.facts import Fact
from tests.unit.domain.build import target, withdrawn

SUBJECTS = ("rep-1", "store-1")
fields = {
    "of": st.sampled_from(SUBJECTS),
    "metric": st.sampled_from(("revenue", "count")),
    "bucket": st.sampled_from(("2026-05", "2026-Q2")),
    "reason": st.sampled_from(("plan", "appeal")),
    "at": st.integers(0, 5),
}
facts = st.one_of(
    st.builds(target, st.sampled_from((0, 9, 10, 100)), st.integers(0, 3), **fields),
    st.builds(withdrawn, st.integers(0, 3), **fields),
)


def targets_of(known: list[Fact], facts_max: int) -> Targets:
    targets = Targets(facts_max)
    for fact in known:
        targets.apply(fact)
    return targets


def everything_of(targets: Targets) -> dict[str, Any]:
    subjects = sorted(targets.subjects())
    return {
        "facts": {subject: targets.facts(*subject) for subject in subjects},
        "values": {subject: targets.of(*subject) for subject in subjects},
        "originals": {subject: targets.original(*subject, "revenue") for subject in subjects},
    }


@given(st.lists(facts, max_size=14), st.sampled_from((1, 2, 64)), st.data())
def test_any_order_and_repetition_of_the_facts_gives_the_same_targets(
    known: list[Fact], facts_max: int, data: st.DataObject
) -> None:
    repeated = data.draw(st.lists(st.sampled_from(known), max_size=6)) if known else []
    other = data.draw(st.permutations(known + repeated))
    assert everything_of(targets_of(known, facts_max)) == everything_of(targets_of(other, facts_max))


@given(st.lists(facts, max_size=14), st.sampled_from((1, 64)))
def test_the_target_in_force_is_the_greatest_fact_found_the_slow_way(known: list[Fact], facts_max: int) -> None:
    targets = targets_of(known, facts_max)
    best: dict[tuple[str, str, str, str], tuple[int, bool, bytes, int]] = {}
    for fact in known:
        key = (fact.data.subject.type, fact.data.subject.id, fact.data.bucket, fact.data.metric)
        gone = fact.type == "target.withdrawn.v1"
        ranked = (fact.data.revision, gone, canonical_data(fact.data).encode(), 0 if gone else fact.data.value)
        best[key] = max(best.get(key, ranked), ranked)
    for (kind, subject_id, bucket, metric), (*_, value) in best.items():
        assert targets.value(kind, subject_id, bucket, metric) == value
        assert targets.of(kind, subject_id, bucket).get(metric, 0) == value


@given(st.lists(facts, max_size=14))
def test_targets_come_back_from_their_documents(known: list[Fact]) -> None:
    targets = targets_of(known, 64)
    documents = {
        document_id(*subject): json.dumps({"facts": targets.facts(*subject)}) for subject in targets.subjects()
    }
    assert everything_of(Targets.from_documents(documents)) == everything_of(targets)
