"""JSON that is nearly an event: examples changed a little, by tokens that parsers and bounds disagree about."""

from __future__ import annotations

import json
from typing import Any, Final

from hypothesis import strategies as st

from events.registry import EVENT_TYPES
from tests.unit.events.examples import DATA, event

# JSON texts without white space, one after the other.
_PLAIN: Final = r"""
null true false 0 -0 1 -1 7 8 1.0 1e2 1E0 -0.0 1.5 1e400 01 +1 - NaN Infinity -Infinity
999999999999999999999999999999 100000000000 100000000001 -100000000001 1000000 1000001 -1000001
9000000000000 9000000000001 2147483647 2147483648 9223372036854775807 9223372036854775808 1969 1970 9998 9999
"" "1" "x" "a , // "CNY" "cny" "CNY\n" "€€€" "ＣＮＹ" "\u0000" "\u001f" "\ud800" "\udc00x" "\ud83d\ude00" "\ud800\ud800" "\x" "\/"
"rep" "unit" "revenue" "amount" "2026-05" "2026-13" "2026-W53" "2025-W53" "2026-Q5" "2026-Q4" "1969" "9999"
"2026-02-30" "2024-02-29" "2026-2-3" "20260203" "٢٠٢٦-05-01" "Asia/Shanghai" "asia/shanghai" "../etc/passwd" "Mars/Base"
"2026-05-21T10:15:29+08:00" "2026-05-21T10:15:29.123Z" "2026-05-21T10:15:29" "2026-05-21T10:15:60Z" "2026-05-21T24:00:00Z"
"2026-05-21t10:15:29z" "1969-12-31T23:59:59Z" "1970-01-01T00:00:00+08:00" "9998-12-31T23:59:59-23:59" "2026-05-21T10:15:29+24:00"
[] {} [1] ["2026-05-21"] ["2026-02-30"] [1,1.0] [[]] [1,2,3,4,5,6,7,1] [0] [8] [null]
{"type":"rep"} {"type":"rep","id":"r","x":1} {"type":"rep","id":""} {"type":1,"id":"r"} {"type":"rep","type":"unit","id":"r"}
{"minor":1,"currency":"CNY"} {"minor":1,"currency":"cny"} {"minor":true,"currency":"CNY"}
""".split()  # noqa: E501, SIM905 - a table
_MADE: Final = [
    *["", " ", '"\x7f"', '"\x01"', '"\n"', '"2026-05-21 10:15:29Z"', "1" + "0" * 400, "1" + "0" * 5000],
    *['"' + char * count + '"' for char in ("x", "字", "😀", "\\u5b57") for count in (64, 65)],
    *["[" * 40 + "]" * 40, '{"a":' * 40 + "1" + "}" * 40, "[" * 3000, '["2026-05-21"' + ',"2026-05-21"' * 1000 + "]"],
]
VALUES: Final = [*_PLAIN, *_MADE]
NAMES: Final = ["x", "", "Line", "line ", "l\\u0069ne", "sale_id", "revision", "rep_id", "type", "字", "\\ud800"]
_VALUE: Final = st.sampled_from(VALUES)


def written(members: list[tuple[str, str]]) -> bytes:
    """A JSON object of these names and JSON texts, whatever they are."""
    return ("{" + ",".join(f'"{name}":{value}' for name, value in members) + "}").encode()


@st.composite
def nearly_data(draw: st.DrawFn, data: dict[str, Any]) -> bytes:
    """The JSON of an example: fields gone, given twice, with other values, new ones, bytes damaged."""
    if not draw(st.integers(0, 9)):
        return draw(_VALUE).encode()
    members = [(name, json.dumps(value, ensure_ascii=False)) for name, value in data.items()]
    for _ in range(draw(st.integers(0, 3))):
        _change(draw, members)
    return _damaged(draw, written(members)) if not draw(st.integers(0, 3)) else written(members)


def _change(draw: st.DrawFn, members: list[tuple[str, str]]) -> None:
    change = draw(st.sampled_from(["drop", "value", "value", "value", "again", "new", "text", "number"]))
    at = draw(st.integers(0, max(len(members) - 1, 0)))
    if change == "new" or not members:
        members.insert(at, (draw(st.sampled_from(NAMES)), draw(_VALUE)))
        return
    name = members[at][0]
    match change:
        case "drop":
            del members[at]
        case "again":
            members.insert(draw(st.integers(0, len(members))), (name, draw(_VALUE)))
        case "value":
            members[at] = name, draw(_VALUE)
        case "text":
            members[at] = name, json.dumps(draw(st.text(max_size=70)), ensure_ascii=draw(st.booleans()))
        case _:
            members[at] = name, str(draw(st.integers(-(10**14), 10**14)))


def _damaged(draw: st.DrawFn, text: bytes) -> bytes:
    at = draw(st.integers(0, len(text) - 1))
    return text[:at] + draw(st.binary(max_size=2)) + text[at + draw(st.integers(0, 1)) :]


ATTRIBUTES: Final = [
    *("specversion", "id", "source", "type", "subject", "time", "recordedtime", "partitionkey", "datacontenttype"),
    *("data", "data_base64", "sequence", "traceparent", "Odd name", "content-type", "ce_type", "字"),
]
ATTRIBUTE_VALUES: Final = [
    *VALUES,
    *('"1.0"', '"0.3"', '"control"', '"yesterday"', '"2026-05-21T10:15:29.123456+08:00"'),
    *('"dev.standings.sale.recorded.v1"', '"dev.standings.sale.recorded.v9"', '"dev.standings.unit.placed.v1"'),
    *('"dev.standings.sale.recorded.v01"', '"dev.standings.sold.v1"', '"sale.recorded.v1"'),
    *('"application/cloudevents+json"', '" Application/CloudEvents"', '"application/json; charset=utf-8"'),
    *('"' + char * count + '"' for char, count in (("s", 256), ("s", 257), ("字", 100), ("字", 256), ("字", 257))),
]


@st.composite
def nearly_lines(draw: st.DrawFn) -> bytes:
    """A line of JSONL, good or nearly."""
    short = draw(st.sampled_from([row.short for row in EVENT_TYPES]))
    members = [(name, json.dumps(value, ensure_ascii=False).encode()) for name, value in event(short).items()]
    if draw(st.booleans()):
        members = [(n, draw(nearly_data(DATA[short])) if n == "data" else value) for n, value in members]
    for _ in range(draw(st.integers(0, 2))):
        name = draw(st.sampled_from(ATTRIBUTES))
        if draw(st.booleans()):
            members = [(n, value) for n, value in members if n != name]
        if draw(st.booleans()):
            value = draw(st.sampled_from(ATTRIBUTE_VALUES)).encode()
            members.insert(draw(st.integers(0, len(members))), (name, value))
    text = b"{" + b",".join(b'"%s":%s' % (name.encode(), value) for name, value in members) + b"}"
    return text if draw(st.integers(0, 7)) else _damaged(draw, text)
