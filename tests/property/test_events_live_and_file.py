"""A line means the same, read from a file or sent by ``emit`` and read from Kafka."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.codec import read_line, read_record, to_record
from events.facts import Fact, Rejected
from tests.unit.events.examples import line
from tests.unit.events.nearly import nearly_lines


def verdict(read: Any) -> Any:
    """The fact, but for its recorded time; or the reason."""
    try:
        fact: Fact = read()
    except Rejected as rejected:
        return rejected.reason
    return fact._replace(recorded_ms=0)


@settings(max_examples=400, deadline=None)
@given(nearly_lines())
@example(line("sale.recorded.v1", data=None))
@example(line("unit.placed.v1", partitionkey=None))
@example(line("sale.recorded.v1", source="源" * 256))
@example(line("sale.recorded.v1", id="源" * 256))
@example(b"")
@example(b"[" * 70_000)
@example(b"x" * 70_000)
@example(line("sale.recorded.v1", subject="x" * 70_000))
@example(line("sale.recorded.v1", subject="x" * 70_000, partitionkey=None))
@example(line("sale.recorded.v1", data={"sale_id": "x" * 70_000}))
@example(line("sale.recorded.v1", subject="x" * 300_000))
@example(line("sale.recorded.v1", subject=[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]))
def test_a_line_has_one_verdict_in_a_file_and_on_kafka(text: bytes) -> None:
    sent = to_record(text)

    def live() -> Fact:
        return read_record(sent.topic, sent.key, sent.value, sent.headers, 0)

    first = verdict(live)
    assert verdict(live) == first, "what was read before must not matter"
    assert verdict(lambda: read_line(text)) == first


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), nearly_lines()))
def test_to_record_never_raises(text: bytes) -> None:
    sent = to_record(text)
    assert sent.value == text or sent.key
