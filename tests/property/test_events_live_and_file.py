"""A line means the same, read from a file or sent by ``emit`` and read from Kafka."""

from __future__ import annotations

from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from events.codec import _read_line_with_care, read_line, read_record, to_record
from events.facts import Fact, Rejected
from events.plain_lines import NOT_PLAIN, PlainLines
from events.registry import EVENT_TYPES
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


@settings(max_examples=400, deadline=None)
@given(nearly_lines())
@example(line("sale.recorded.v1", time=None, recordedtime=None))
@example(line("sale.recorded.v1", recordedtime=None))
@example(line("sale.recorded.v1", time="yesterday", recordedtime="2026-05-21T10:15:31Z"))
@example(line("sale.recorded.v1", datacontenttype=None))
@example(line("rep.left.v1", time=None, recordedtime=None))
@example(b'{"type":"dev.standings.rep.left.v1",' + line("sale.recorded.v1")[1:])
@example(line("sale.recorded.v1", subject="x" * 66_000))
@example(line("sale.recorded.v1", subject=[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]))
@example(line("sale.recorded.v1", odd="\u5b57").replace(b"\\u", b"\xff"))
def test_a_plain_line_means_what_it_means_when_it_is_read_with_care(text: bytes) -> None:
    try:
        plain = PlainLines().read(text)
    except NOT_PLAIN:
        return
    assert plain == _read_line_with_care(text)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.sampled_from([row.short for row in EVENT_TYPES if row.upcast is None]), max_size=12))
def test_what_the_examples_say_is_plain_in_any_order_of_types(shorts: list[str]) -> None:
    lines = PlainLines()
    for short in shorts:
        assert lines.read(line(short)) == _read_line_with_care(line(short))


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=300), nearly_lines()))
def test_to_record_never_raises(text: bytes) -> None:
    sent = to_record(text)
    assert sent.value == text or sent.key
