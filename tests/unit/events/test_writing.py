"""What emit and the writers send, and that it is read as it was written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from events.codec import encode_record, read_line, read_record, to_line, to_record
from events.facts import Fact
from events.registry import EVENT_TYPES, EventType
from events.writing import Outgoing
from tests.unit.events.examples import DATA, SOURCE, TIME_MS, event, key_of, line


def read(sent: Outgoing, appended_ms: int = 7) -> Fact:
    return read_record(sent.topic, sent.key, sent.value, sent.headers, appended_ms)


def test_emit_sends_data_byte_for_byte_even_if_it_is_bad() -> None:
    text = line("sale.recorded.v1").replace(b'"quantity": 2', b'"quantity" :  2e0, "q":"\\u00e9"')
    sent = to_record(text)
    assert sent[:2] == ("sales", b"rep-1")
    assert b'"quantity" :  2e0, "q":"\\u00e9"' in sent.value
    assert sent.value in text
    assert dict(sent.headers) == {
        "ce_specversion": b"1.0",
        "ce_id": b"S-1/1/0",
        "ce_source": SOURCE.encode(),
        "ce_type": b"dev.standings.sale.recorded.v1",
        "ce_subject": b"rep-1",
        "ce_time": b"2026-05-21T10:15:29+08:00",
        "ce_recordedtime": b"2026-05-21T10:15:31+08:00",
        "ce_partitionkey": b"rep-1",
        "content-type": b"application/json",
    }


def test_emit_routes_by_type_and_keys_by_partitionkey() -> None:
    for row in EVENT_TYPES:
        assert to_record(line(row.short))[:2] == (row.topic, key_of(row.short).encode())


def test_emit_sends_no_header_for_an_attribute_that_is_null() -> None:
    text = json.dumps(event("sale.recorded.v1") | {"subject": None, "recordedtime": None, "datacontenttype": None})
    headers = dict(to_record(text.encode()).headers)
    assert not {"ce_subject", "ce_recordedtime"} & headers.keys()
    assert headers["content-type"] == b"application/json"


def test_emit_takes_the_content_type_from_datacontenttype() -> None:
    for said, sent in (("text/json", b"text/json"), (None, b"application/json")):
        assert dict(to_record(line("sale.recorded.v1", datacontenttype=said)).headers)["content-type"] == sent


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
def test_what_is_written_is_read(row: EventType) -> None:
    said: dict[str, Any] = {"id": "1", "source": SOURCE, "time": "2026-05-21T10:15:29+08:00", "subject": "x"}
    written = read_line(to_line(row.short, DATA[row.short], **said))
    assert written.data == read_line(line(row.short)).data
    assert written.key == key_of(row.short)
    assert read(encode_record(row.type, DATA[row.short], **said), TIME_MS) == written
    if row.upcast is None:
        assert read(encode_record(row, written.data, **said), TIME_MS) == written, "a struct is data too"


def test_a_writer_refuses_what_breaks_the_contract() -> None:
    said: Sequence[Any] = ("sale.recorded.v1", DATA["sale.recorded.v1"] | {"line": -1})
    for write in (encode_record, to_line):
        with pytest.raises(ValueError, match="greater than or equal to 0"):
            write(*said, id="1", source=SOURCE)
    with pytest.raises(KeyError):
        encode_record("sale.sold.v1", {}, id="1", source=SOURCE)


def test_a_writer_leaves_absent_fields_out() -> None:
    sent = encode_record("period.closed.v1", {"year": 2024}, id="1", source="/ops")
    assert sent.value == b'{"year":2024}'
    bare = {name: value for name, value in DATA["rep.joined.v1"].items() if name != "hired_on"}
    assert b"hired_on" not in encode_record("rep.joined.v1", bare, id="1", source="/hr").value
