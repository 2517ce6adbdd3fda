"""What replay and verify read of the control stream and of the sources, and how far they say they are."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from domain.accounting import DEAD_LETTERED
from domain.partition import Rules
from processors.log_reader import LogReader
from processors.source_fold import ControlPrefix, SourceFold, ends_of
from processors.topics import TopicNames
from tests.unit.processors.fake_log import FakeLog
from tests.unit.processors.records import Record, record, sale

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


def fold_of(records: list[Record]) -> tuple[SourceFold, FakeLog]:
    log = FakeLog({("sales", 0): records, ("control", 0): [placed(0)]})
    control = ControlPrefix.of([placed(0)], NAMES, 1)
    rules = Rules("CNY", "Asia/Shanghai")
    return SourceFold(0, 1, rules, reader=cast(LogReader, log), control=control, names=NAMES), log


async def test_a_fold_moves_forward_in_steps_and_says_offsets_and_records() -> None:
    # Offsets 3 and 4 hold no record: compaction, or the mark of a transaction.
    records = [replace(sale(sale_id=f"S{at}"), offset=at) for at in (0, 1, 2, 5, 6)] + [
        replace(sale(), offset=7, value=b"")
    ]
    fold, _ = fold_of(records)
    told: list[tuple[int, int]] = []

    async def progress(offsets: int, count: int) -> None:
        told.append((offsets, count))

    for end, read in ((1, 3), (5, 5), (5, 5), (7, 7)):
        await fold.advance({"sales": end, "control": 0}, progress)
        assert fold.read_count == read
    assert [sum(column) for column in zip(*told, strict=True)] == [8, 6]
    assert fold.state.accounting.read == 7
    assert fold.state.accounting.counts[DEAD_LETTERED] == 1


async def test_the_ends_of_a_partition_name_the_last_offsets_and_no_empty_source() -> None:
    _, log = fold_of([replace(sale(), offset=41)])
    reader = cast(LogReader, log)
    assert await ends_of(reader, 0, 3) == {"sales": 41, "control": 2}
    assert await ends_of(reader, 1, 0) == {}
