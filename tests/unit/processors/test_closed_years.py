"""Records that come too late become dead letters that name the command to see the boards with them."""

from __future__ import annotations

import asyncio
import doctest
from dataclasses import replace
from typing import Any, cast

import pytest

import processors.operator_commands
import processors.skipping
from domain.limits import CLOSE_DELAY_MS, CONTROL_AGE_MS_MAX
from domain.partition import PartitionState, Rules
from events.instants import instant_ms
from processors.admission import Admission, SkippedRecords
from processors.dead_letters import DeadLetter
from processors.engine.control import ControlRecord, ControlStream
from processors.redirects import Redirect
from processors.reducing import Reducer
from processors.source_fold import ControlPrefix
from processors.topics import TopicNames
from tests.unit.processors.records import Record, record, sale, skip

NAMES = TopicNames("standings")
CLOSED = instant_ms("2026-02-01T00:00:00Z")
LATE = CLOSED + CLOSE_DELAY_MS + 1
COMMAND = "standings replay --bootstrap-servers kafka:9092 --reopen 2025 --board"


def closing(offset: int, year: int = 2025, at: int = CLOSED) -> Record:
    return replace(record("period.closed.v1", {"year": year}, offset=offset), timestamp=at)


def placed(offset: int, day: str, at: int = CLOSED + 1) -> Record:
    data = {"unit_id": "store-1", "name": "s", "level": "store", "effective_on": day}
    return replace(record("unit.placed.v1", data, offset=offset), timestamp=at)


def joined(day: str) -> Record:
    data = {"rep_id": "rep-1", "display_name": "Li", "unit_id": "store-1", "effective_on": day}
    return record("rep.joined.v1", data)


def letter_of(redirect: Redirect) -> DeadLetter:
    return DeadLetter.read(
        Record(redirect.topic, redirect.partition, 0, redirect.key, redirect.value, tuple(redirect.headers))
    )


class Stage:
    """A deployment with one partition whose year 2025 is closed."""

    def __init__(self, names: TopicNames = NAMES) -> None:
        self.told: list[dict[Any, int]] = []
        admission = Admission(names, 1, SkippedRecords(), "kafka:9092")
        self.reducer = Reducer(admission, lambda outcomes: self.told.append(dict(outcomes)))
        self.state = PartitionState(0, Rules("CNY", "Asia/Shanghai"), retires=True)
        close = self.reducer.control(closing(0))
        self.state.control([close.fact])

    def reduce(self, source: str, *records: Record) -> list[DeadLetter]:
        numbered = [replace(found, offset=at, timestamp=found.timestamp) for at, found in enumerate(records)]
        folded = self.reducer.reduce(self.state, source, iter(numbered))
        return [letter_of(redirect) for redirect in folded.redirects]


def test_a_late_sale_is_dead_lettered_with_the_command_that_shows_the_boards_with_it() -> None:
    stage = Stage()
    old = replace(sale(sale_id="old", occurred_at="2025-06-01T12:00:00+08:00", unit_id="店 3"), timestamp=LATE)
    new, dollars = replace(sale(), timestamp=LATE), replace(sale(currency="USD"), timestamp=LATE)
    letters = stage.reduce("sales", new, dollars, old, new)
    assert [(letter.offset, letter.reason) for letter in letters] == [(1, "currency_unknown"), (2, "too_late")]
    assert letters[1].detail == f"2025 was closed before this was recorded; with it: {COMMAND} '店 3/rep/revenue/2025'"
    assert stage.told == [
        {
            ("sale.recorded.v1", "applied"): 1, ("sale.recorded.v1", "duplicate"): 1,
            ("sale.recorded.v1", "dead_lettered"): 2,
        }
    ]  # fmt: skip
    assert stage.state.accounting.read == 1 + 4, "the close, too"


def test_records_before_the_first_question_do_not_shift_which_record_is_meant() -> None:
    reducer = Reducer(Admission(NAMES, 1, SkippedRecords()), lambda _: None)
    state = PartitionState(0, Rules("CNY", "Asia/Shanghai"))
    reducer.reduce(state, "sales", [replace(sale(sale_id=f"S{at}"), offset=at) for at in range(3)])
    state.control([reducer.control(closing(0)).fact])
    old = replace(sale(occurred_at="2025-06-01T12:00:00+08:00"), timestamp=LATE, offset=3)
    folded = reducer.reduce(state, "sales", [old])
    assert [letter_of(redirect).offset for redirect in folded.redirects] == [3]


def test_a_late_void_names_a_board_of_the_reps_home() -> None:
    stage = Stage()
    stage.reduce("reps", joined("2025-01-01"))
    sold = replace(sale(occurred_at="2025-06-01T12:00:00+08:00"), timestamp=CLOSED)
    void = {"sale_id": "S1", "line": 1, "rep_id": "rep-1", "occurred_at": "2025-06-01T12:00:00Z", "reason": "x"}
    voided = record("sale.voided.v1", {**void, "voided_at": "2026-03-01T00:00:00Z"})
    letters = stage.reduce("sales", sold, replace(voided, timestamp=LATE))
    assert [(letter.offset, letter.detail.rpartition(" ")[2]) for letter in letters] == [
        (1, "store-1/rep/revenue/2025")
    ]


def test_a_late_rep_fact_is_dead_lettered_too_and_another_prefix_is_in_the_command() -> None:
    stage = Stage(TopicNames("north"))
    [letter] = stage.reduce("reps", replace(joined("2025-12-31"), timestamp=LATE))
    assert letter.reason == "too_late"
    assert f"STANDINGS_KAFKA__TOPIC_PREFIX=north {COMMAND} store-1/rep/revenue/2025" in letter.detail


def test_what_stands_before_the_close_on_the_control_stream_is_in_time_whatever_the_clocks() -> None:
    read = Reducer(Admission(NAMES, 1, SkippedRecords()), lambda _: None).control
    told = [read(r) for r in (placed(0, "2025-01-01", at=CLOSED + 99), closing(1), placed(2, "2025-01-01", at=CLOSED))]
    assert [record.fact is None for record in told] == [False, False, True]
    assert told[2].letter is not None
    assert letter_of(told[2].letter).reason == "too_late"


def test_a_close_before_the_year_is_over_is_dead_lettered_and_closes_nothing() -> None:
    read = Reducer(Admission(NAMES, 1, SkippedRecords()), lambda _: None).control
    told = [read(closing(0, 2026)), read(placed(1, "2026-01-01"))]
    assert told[0].letter is not None
    assert letter_of(told[0].letter).reason == "in_the_future"
    assert told[1].fact is not None


def test_a_close_that_is_skipped_was_never_sent() -> None:
    records = [closing(0), placed(1, "2025-01-01"), replace(skip(NAMES.control, 0, 0), offset=2)]
    prefix = ControlPrefix.of(records, NAMES, 1)
    assert [fact and fact.type for fact in prefix.facts] == [None, "unit.placed.v1", "record.skipped.v1"]


@pytest.mark.parametrize(("year", "late"), [(None, True), (2025, False), (2024, False), (2026, True)])
def test_a_prefix_that_is_read_with_a_year_reopened_leaves_its_close_out(year: int | None, late: bool) -> None:
    prefix = ControlPrefix.of([closing(0), placed(1, "2025-01-01")], NAMES, 1, year)
    assert (prefix.facts[1] is None) is late
    assert (prefix.facts[0] is not None) is late


class Broker:
    """A control topic as the stream's consumer sees it."""

    def __init__(self) -> None:
        self.end, self.now, self.answers = 3, 100.0, True

    async def chunks(self, _: float) -> dict[Any, Any]:
        await asyncio.sleep(0)
        return {}

    async def position(self, _: Any) -> int:
        return 3

    async def end_offsets(self, tps: Any) -> dict[Any, int]:
        if not self.answers:
            await asyncio.Event().wait()
        return dict.fromkeys(tps, self.end)


def stream_of(broker: Broker) -> ControlStream:
    def read(record: Any) -> ControlRecord:
        raise AssertionError(record)

    stream = ControlStream("kafka:9092", NAMES.control, read, lambda: broker.now)
    stream._consumer = stream._reader = cast(Any, broker)  # the places where `start` puts connected ones
    return stream


async def test_the_control_stream_is_fresh_only_for_a_while_after_it_was_read_to_its_end() -> None:
    broker = Broker()
    stream = stream_of(broker)
    waiting = asyncio.create_task(stream.fresh())
    await asyncio.sleep(0)
    assert not waiting.done()
    await stream.poll()
    await waiting
    broker.now += CONTROL_AGE_MS_MAX / 1000
    await stream.fresh()
    broker.now += 0.001
    broker.end = 4  # something came that was not read yet
    waiting = asyncio.create_task(stream.fresh())
    await stream.poll()
    assert not waiting.done()
    waiting.cancel()


async def test_a_broker_that_does_not_answer_leaves_the_stream_stale_and_is_asked_again() -> None:
    broker = Broker()
    stream = stream_of(broker)
    broker.answers = False
    await stream.poll()
    assert not stream._is_fresh
    broker.answers = True
    await stream.poll()
    await stream.fresh()


def test_the_examples_of_commands_are_true() -> None:
    assert doctest.testmod(processors.operator_commands) == (0, 2)
    assert doctest.testmod(processors.skipping) == (0, 1)
