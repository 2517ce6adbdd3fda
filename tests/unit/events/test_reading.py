"""Reading records and lines: what counts, and the reason for what does not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from events import limits
from events.codec import read_line, read_record, to_record
from events.facts import Fact, Rejected
from events.json_text import depth
from events.origin import ORIGIN_HEADER, Origin
from events.registry import EVENT_TYPES, EventType
from events.writing import Outgoing
from tests.unit.events.examples import DATA, SOURCE, TIME_MS, event, key_of, line, sale

STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def read(sent: Outgoing, appended_ms: int = 7) -> Fact:
    return read_record(sent.topic, sent.key, sent.value, sent.headers, appended_ms)


def with_header(sent: Outgoing, name: str, value: bytes | None) -> Outgoing:
    headers = [(n, v) for n, v in sent.headers if n != name]
    return sent._replace(headers=headers if value is None else [*headers, (name, value)])


def reason_of_line(text: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        read_line(text)
    return caught.value.reason


def reason_of_record(sent: Outgoing) -> str:
    with pytest.raises(Rejected) as caught:
        read(sent)
    return caught.value.reason


# What counts


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
def test_a_fact_is_the_same_in_binary_mode_structured_mode_and_a_file(row: EventType) -> None:
    text = line(row.short)
    in_file = read_line(text)
    assert in_file.recorded_ms == TIME_MS + 2000
    binary = read(to_record(text))
    assert binary == in_file._replace(recorded_ms=7)
    assert read_record(row.topic, None, text, STRUCTURED, 7) == binary
    assert read_record(row.topic, None, text, [], 7) == binary, "no headers at all"


def test_a_sale_carries_what_was_said() -> None:
    fact = read(to_record(line("sale.recorded.v1")))
    assert fact[:3] == ("sale.recorded.v1", SOURCE, "rep-1")
    assert fact[4:] == (TIME_MS, 7)
    assert {name: getattr(fact.data, name) for name in DATA["sale.recorded.v1"]} == DATA["sale.recorded.v1"]


def test_defaults_are_filled_in_and_null_is_absent() -> None:
    data = read_line(sale(line=None, revision=None, product_id=None)).data
    assert (data.line, data.revision, data.product_id) == (1, 0, None)
    null = json.dumps(event("sale.recorded.v1", data=DATA["sale.recorded.v1"] | {"product_id": None})).encode()
    assert read_line(null).data.product_id is None


@pytest.mark.parametrize(
    ("changes", "recorded_ms"),
    [
        ({}, TIME_MS + 2000),
        ({"recordedtime": None}, TIME_MS),
        ({"recordedtime": None, "time": "2026-05-21T00:00:00Z"}, 1_779_321_600_000),
        ({"recordedtime": None, "time": None}, TIME_MS),
    ],
)
def test_in_a_file_recorded_time_is_recordedtime_else_time_else_when_it_occurred(
    changes: dict[str, Any], recorded_ms: int
) -> None:
    assert read_line(line("sale.recorded.v1", **changes)).recorded_ms == recorded_ms


def test_a_file_fact_without_any_time_was_recorded_at_zero() -> None:
    assert read_line(line("rep.left.v1", recordedtime=None, time=None)).recorded_ms == 0


def test_on_kafka_recorded_time_is_the_brokers_unless_an_origin_is_named() -> None:
    sent = to_record(line("sale.recorded.v1"))
    assert read(sent, 99).recorded_ms == 99
    origin = Origin("standings.sales.v1", 3, 42, 55)
    name, value = origin.header()
    assert Origin.parse(value) == origin
    assert read(with_header(sent, name, value), 99).recorded_ms == 55
    assert read(with_header(sent, ORIGIN_HEADER, b"not ours"), 99).recorded_ms == 99


@pytest.mark.parametrize(
    "value", [b"", b"a/b/c/d", b"t/1/2", b"t/1/2/3/4", b"t/-1/2/3", b"t/1/2/99999999999999999999", b"\xff/1/2/3"]
)
def test_an_origin_that_says_nothing_is_refused(value: bytes) -> None:
    with pytest.raises(ValueError, match="topic/partition/offset"):
        Origin.parse(value)


def test_unknown_extensions_are_carried_and_never_judged() -> None:
    text = line("sale.recorded.v1", sequence=17, odd=[1], traceparent="00-ab", flag=True)
    sent = to_record(text)
    headers = dict(sent.headers)
    assert (headers["ce_sequence"], headers["ce_flag"], headers["ce_odd"]) == (b"17", b"true", b"[1]")
    assert read(sent).data == read_line(text).data
    assert read(with_header(sent, "ce_odd", b"\xff")).data == read_line(text).data


def test_the_partitionkey_attribute_names_the_key_and_the_kafka_key_stands_in_for_it() -> None:
    sent = to_record(line("sale.recorded.v1"))
    assert read(sent._replace(key=b"other")).key == "rep-1"
    assert read(with_header(sent, "ce_partitionkey", None)._replace(key=b"other")).key == "other"


def test_of_a_repeated_header_the_last_one_counts() -> None:
    sent = to_record(line("sale.recorded.v1"))
    assert read(sent._replace(headers=[*sent.headers, ("ce_source", b"/other")])).source == "/other"


def test_control_characters_and_64_characters_of_any_script_are_text() -> None:
    assert read_line(sale(sale_id="\x00\x1f\x7f")).data.sale_id == "\x00\x1f\x7f"
    assert read_line(sale(sale_id="😀" * 64)).data.sale_id == "😀" * 64


def test_the_largest_numbers_are_taken() -> None:
    data = read_line(sale(amount_minor=-(10**11), quantity=10**6, line=0, revision=2**31 - 1)).data
    assert (data.amount_minor, data.quantity, data.line, data.revision) == (-(10**11), 10**6, 0, 2**31 - 1)


# What can't count: data


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rep_id": None}, "missing_field"),
        ({"x": 1}, "unknown_field"),
        ({"line": "1"}, "wrong_type"),
        ({"line": 1.0}, "wrong_type"),
        ({"line": True}, "wrong_type"),
        ({"rep_id": 5}, "wrong_type"),
        ({"product_id": 5}, "wrong_type"),
        ({"line": -1}, "out_of_range"),
        ({"revision": -1}, "out_of_range"),
        ({"amount_minor": 10**11 + 1}, "out_of_range"),
        ({"amount_minor": 10**400}, "out_of_range"),
        ({"quantity": -(10**6) - 1}, "out_of_range"),
        ({"rep_id": ""}, "out_of_range"),
        ({"rep_id": "x" * 65}, "out_of_range"),
        ({"currency": "cny"}, "out_of_range"),
        ({"currency": "CNY\n"}, "out_of_range"),
        ({"occurred_at": "2026-02-30T10:15:29+08:00"}, "out_of_range"),
        ({"occurred_at": "2026-05-21T10:15:29"}, "out_of_range"),
        ({"product_id": {"a": [[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}}, "too_deep"),
    ],
)
def test_a_sale_that_breaks_the_contract_is_refused_with_a_reason(changes: dict[str, Any], reason: str) -> None:
    text = sale(**changes)
    assert reason_of_line(text) == reason
    assert reason_of_record(to_record(text)) == reason


@pytest.mark.parametrize(
    ("short", "changes", "reason"),
    [
        ("target.set.v1", {"subject": {"type": "team", "id": "x"}}, "out_of_range"),
        ("target.set.v1", {"subject": {"type": 5, "id": "x"}}, "wrong_type"),
        ("target.set.v1", {"subject": {"type": "rep"}}, "missing_field"),
        ("target.set.v1", {"subject": {"type": "rep", "id": "x", "y": 1}}, "unknown_field"),
        ("target.set.v1", {"subject": "rep"}, "wrong_type"),
        ("target.set.v1", {"bucket": "2025-W53"}, "out_of_range"),
        ("target.set.v1", {"metric": "profit"}, "out_of_range"),
        ("target.set.v1", {"value": 9 * 10**12 + 1}, "out_of_range"),
        ("target.set.v1", {"value": -1}, "out_of_range"),
        ("target.withdrawn.v1", {"value": 1}, "unknown_field"),
        ("unit.placed.v1", {"effective_on": "2026-02-29"}, "out_of_range"),
        ("unit.placed.v1", {"time_zone": "Asia/Peking"}, "out_of_range"),
        ("unit.placed.v1", {"level": "rep"}, "out_of_range"),
        ("unit.placed.v1", {"level": "a/b"}, "out_of_range"),
        ("rep.joined.v1", {"hired_on": "01-01-2026"}, "out_of_range"),
        ("calendar.set.v1", {"weekdays": [0]}, "out_of_range"),
        ("calendar.set.v1", {"holidays": ["2026-02-30"]}, "out_of_range"),
        ("calendar.set.v1", {"holidays": "2026-02-03"}, "wrong_type"),
        ("period.closed.v1", {"year": 1969}, "out_of_range"),
        ("sale.voided.v1", {"voided_at": "yesterday"}, "out_of_range"),
        ("record.skipped.v1", {"offset": -1}, "out_of_range"),
    ],
)
def test_every_type_is_judged_by_its_own_contract(short: str, changes: dict[str, Any], reason: str) -> None:
    assert reason_of_line(line(short, data=DATA[short] | changes)) == reason


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (b"", "missing_field"),
        (b"null", "wrong_type"),
        (b"[]", "wrong_type"),
        (b"{", "not_json"),
        (b'{"sale_id":NaN}', "not_json"),
        (b"\xff", "not_json"),
        (b'{"sale_id":"\\ud800"}', "not_json"),
        (b"[" * 50_000, "too_deep"),
        (b'{"a":' * 10_000, "too_deep"),
        (b" " * limits.RECORD_BYTES_MAX + b"{}", "too_big"),
    ],
)
def test_a_value_that_is_no_data_is_refused_with_a_reason(value: bytes, reason: str) -> None:
    assert reason_of_record(to_record(line("sale.recorded.v1"))._replace(value=value)) == reason


def test_depth_is_that_of_the_deepest_place_wherever_it_is() -> None:
    assert depth(b'{"a":[[]],"b":[],"c":"[[[["}') == 3
    assert depth(b"]]][[") == 0
    assert reason_of_line(sale(x=[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]], y=[1])) == "too_deep"


def test_brackets_inside_texts_are_no_depth() -> None:
    assert read_line(sale(sale_id='[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{{{{{{\\"[[[[')).data.rep_id == "rep-1"


def test_the_detail_names_the_field_and_is_bounded() -> None:
    with pytest.raises(Rejected) as caught:
        read_line(sale(x="y" * 10_000, line=-1))
    assert caught.value.detail.startswith("data.line: ")
    assert len(caught.value.detail) <= limits.DETAIL_CHARS_MAX


# What can't count: the envelope


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"specversion": None}, "not_cloudevent"),
        ({"specversion": "0.3"}, "not_cloudevent"),
        ({"id": None}, "not_cloudevent"),
        ({"id": ""}, "not_cloudevent"),
        ({"id": "x" * 257}, "not_cloudevent"),
        ({"source": None}, "not_cloudevent"),
        ({"source": 5}, "not_cloudevent"),
        ({"type": None}, "not_cloudevent"),
        ({"time": "yesterday"}, "not_cloudevent"),
        ({"recordedtime": "2026-05-21 10:15:29Z"}, "not_cloudevent"),
        ({"datacontenttype": "application/cloudevents+json"}, "not_cloudevent"),
        ({"type": "dev.standings.sale.sold.v1"}, "unknown_type"),
        ({"type": "sale.recorded.v1"}, "unknown_type"),
        ({"type": "dev.standings.sale.recorded.v2"}, "unknown_version"),
        ({"type": "dev.standings.sale.recorded.v01"}, "unknown_version"),
        ({"partitionkey": None}, "no_key"),
        ({"partitionkey": ""}, "no_key"),
        ({"partitionkey": 5}, "no_key"),
        ({"data": None}, "missing_field"),
    ],
)
def test_an_envelope_is_judged_alike_in_a_file_and_on_kafka(changes: dict[str, Any], reason: str) -> None:
    text = line("sale.recorded.v1", **changes)
    assert reason_of_line(text) == reason
    assert reason_of_record(to_record(text)) == reason


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
def test_an_event_without_a_key_lands_on_the_sales_topic_and_is_refused_for_that(row: EventType) -> None:
    sent = to_record(line(row.short, partitionkey=None))
    assert sent == Outgoing("sales", None, line(row.short, partitionkey=None), [])
    assert reason_of_record(sent) == "no_key"


def test_a_binary_record_without_a_kafka_key_has_no_key() -> None:
    sent = to_record(line("sale.recorded.v1"))
    assert reason_of_record(sent._replace(key=None)) == "no_key"
    assert reason_of_record(sent._replace(key=b"")) == "no_key"
    assert reason_of_record(with_header(sent, "ce_partitionkey", None)._replace(key=b"\xff")) == "no_key"


def test_a_structured_record_needs_the_attribute_whatever_the_kafka_key() -> None:
    text = line("sale.recorded.v1", partitionkey=None)
    with pytest.raises(Rejected) as caught:
        read_record("sales", b"rep-1", text, STRUCTURED, 7)
    assert caught.value.reason == "no_key"


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
@pytest.mark.parametrize("topic", ["sales", "targets", "reps", "control"])
def test_a_type_counts_in_its_own_topic_only(row: EventType, topic: str) -> None:
    sent = to_record(line(row.short))._replace(topic=topic)
    if topic == row.topic:
        assert read(sent).key == key_of(row.short)
    else:
        assert reason_of_record(sent) == "wrong_topic"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("ce_specversion", None, "not_cloudevent"),
        ("ce_specversion", b"2.0", "not_cloudevent"),
        ("ce_id", None, "not_cloudevent"),
        ("ce_id", b"", "not_cloudevent"),
        ("ce_id", b"\xff", "not_cloudevent"),
        ("ce_source", b"", "not_cloudevent"),
        ("ce_type", None, "not_cloudevent"),
        ("ce_type", b"dev.standings.x.v1", "unknown_type"),
        ("ce_time", b"yesterday", "not_cloudevent"),
        ("ce_recordedtime", b"\xff", "not_cloudevent"),
        ("content-type", b"application/cloudevents+json", "not_cloudevent"),
        ("content-type", b"application/cloudevents-batch+json", "not_cloudevent"),
        ("content-type", b"application/cloudevents+avro", "not_cloudevent"),
    ],
)
def test_headers_are_judged(name: str, value: bytes | None, reason: str) -> None:
    sent = to_record(line("sale.recorded.v1"))
    read(sent)  # what is remembered of a good record must not help a bad one
    assert reason_of_record(with_header(sent, name, value)) == reason


def test_a_binary_record_needs_no_content_type() -> None:
    assert read(with_header(to_record(line("sale.recorded.v1")), "content-type", None)).key == "rep-1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "not_json"),
        (b"not json", "not_json"),
        (b"{", "not_json"),
        (b"[]", "not_cloudevent"),
        (b"null", "not_cloudevent"),
        (b"[1,]", "not_json"),
        (b"17", "not_cloudevent"),
        (b"[1e400]", "not_cloudevent"),
        (b'{"specversion":"1.0","x":NaN}', "not_json"),
        (b"{}", "not_cloudevent"),
        (b'{"specversion":"1.0"', "not_json"),
        (b"[" * 50_000, "too_deep"),
        (b"x" * 70_000, "too_big"),
        (b"x" * 300_000, "too_big"),
        (b'\xef\xbb\xbf{"specversion":"1.0"}', "not_json"),
        (b'{"\xff":1}', "not_json"),
        (None, "not_json"),
    ],
)
def test_a_line_that_is_no_event_is_sent_unchanged_and_refused_with_a_reason(text: bytes | None, reason: str) -> None:
    if text is None:
        with pytest.raises(Rejected) as caught:
            read_record("sales", None, None, [], 7)
        assert caught.value.reason == reason
        return
    assert to_record(text) == Outgoing("sales", None, text, [])
    assert reason_of_line(text) == reason
    assert reason_of_record(to_record(text)) == reason
