"""What replay and verify read of the control stream."""

from __future__ import annotations

from processors.source_fold import ControlPrefix
from processors.topics import TopicNames
from tests.unit.processors.records import Record, record

NAMES = TopicNames("standings")


def placed(offset: int) -> Record:
    data = {"unit_id": f"u{offset}", "name": "u", "level": "store", "effective_on": "2026-01-01"}
    return record("unit.placed.v1", data, offset=offset)


def skip(skipped: int, *, offset: int) -> Record:
    data = {"topic": NAMES.control, "partition": 0, "offset": skipped, "reason": "trips the workers"}
    return record("record.skipped.v1", data, offset=offset)


def test_a_control_record_is_skipped_by_a_later_one_as_in_the_worker() -> None:
    prefix = ControlPrefix.of([placed(0), placed(1), skip(0, offset=2)], NAMES, 4)
    assert prefix.offsets == [0, 1, 2]
    assert [fact and fact.type for fact in prefix.facts] == [None, "unit.placed.v1", "record.skipped.v1"]


def test_an_unreadable_control_record_keeps_its_place() -> None:
    broken = Record(NAMES.control, 0, 0, b"control", b"{", ())
    prefix = ControlPrefix.of([broken, placed(1)], NAMES, 4)
    assert prefix.offsets == [0, 1]
    assert prefix.facts[0] is None
