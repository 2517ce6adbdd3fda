"""Every record of a piece has one outcome; a fault of ours names its record."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from domain.partition import PartitionState, Rules
from processors.admission import Admission, SkippedRecords
from processors.engine.workshop import Folded, FoldFailed
from processors.reducing import Reducer
from processors.topics import TopicNames
from tests.unit.processors.records import Record, sale, skip

RULES = Rules("CNY", "Asia/Shanghai")


class Stage:
    """A reducer of a deployment with one partition, and what it told the metrics."""

    def __init__(self) -> None:
        self.told: Counter[tuple[str, str]] = Counter()
        self.reducer = Reducer(Admission(TopicNames("standings"), 1, SkippedRecords()), self.told.update)
        self.state = PartitionState(0, RULES)


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_each_record_is_accounted_once(stage: Stage) -> None:
    poison = Record("standings.sales.v1", 0, 3, None, b"[]")
    piece = [sale(), sale(), sale(revision=1), sale(amount_minor=7), sale(currency="USD"), poison]
    folded = stage.reducer.reduce(stage.state, "sales", iter(piece))
    assert (folded.record_count, folded.last) == (6, 3)
    assert [redirect.reason for redirect in folded.redirects] == ["currency_unknown", "not_cloudevent"]
    assert stage.state.accounting.as_dict() == {
        "read": 6, "applied": 2, "duplicate": 1, "superseded": 1, "forwarded": 0, "dead_lettered": 2,
    }  # fmt: skip


def test_metrics_count_by_type_and_outcome(stage: Stage) -> None:
    stage.reducer.reduce(stage.state, "sales", [sale(), sale(currency="USD"), Record("t", 0, 0, b"k", b"x")])
    stage.reducer.tell(stage.state)
    stage.reducer.tell(stage.state)
    assert stage.told == {
        ("sale.recorded.v1", "applied"): 1,
        ("sale.recorded.v1", "dead_lettered"): 1,
        ("unreadable", "dead_lettered"): 1,
    }


class Broken(PartitionState):
    """A state with a fault."""

    def apply(self, fact: Any) -> None:
        raise ZeroDivisionError


def test_a_fault_of_ours_names_the_record(stage: Stage) -> None:
    with pytest.raises(FoldFailed, match=r"standings\.sales\.v1-0@0: ZeroDivisionError"):
        stage.reducer.reduce(Broken(0, RULES), "sales", [sale()])


def test_a_control_record_that_skips_says_so(stage: Stage) -> None:
    told = stage.reducer.control(skip("standings.sales.v1", 0, 0))
    assert told.skips
    folded = stage.reducer.reduce(stage.state, "sales", [sale()])
    assert [redirect.reason for redirect in folded.redirects] == ["skipped"]


def test_nothing_folded_is_told_as_nothing(stage: Stage) -> None:
    assert stage.reducer.reduce(stage.state, "sales", iter(())) == Folded(0, -1, [])
