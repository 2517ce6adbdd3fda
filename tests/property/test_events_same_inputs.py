"""The struct of the hot path and the contract class accept and refuse the same JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from events.canonical import canonical_data
from events.facts import Rejected
from events.json_text import depth
from events.judging import DataReader, as_struct, judge
from events.limits import DEPTH_MAX
from events.registry import EVENT_TYPES, EventType
from events.structs import checks_of, struct_of
from tests.unit.events.examples import DATA
from tests.unit.events.nearly import VALUES, nearly_data, written

READERS = {row.short: DataReader(row) for row in EVENT_TYPES}
STRUCT_DECODERS = {row.short: msgspec.json.Decoder(struct_of(row.contract)) for row in EVENT_TYPES}


def names_given_twice(text: bytes) -> bool:
    """Whether any object in the JSON has a name twice."""
    twice = False

    def see(members: list[tuple[str, Any]]) -> None:
        nonlocal twice
        twice = twice or len({name for name, _ in members}) < len(members)

    json.loads(text, object_pairs_hook=see, parse_int=str)
    return twice


def names_not_a_number(text: bytes) -> bool:
    """Whether it holds a NaN or Infinity, which pydantic reads as JSON."""
    seen: list[str] = []
    json.loads(text, parse_constant=seen.append, parse_int=str)
    return bool(seen)


def by_struct(row: EventType, text: bytes) -> Any:
    """What the struct and its checks alone say; None = refused."""
    try:
        data = STRUCT_DECODERS[row.short].decode(text)
        for name, check in checks_of(row.contract):
            check(getattr(data, name))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return data


def by_class(row: EventType, text: bytes) -> Any:
    """What the contract class alone says; None = refused."""
    try:
        return row.contract.model_validate_json(text)
    except ValidationError:
        return None


def agree(row: EventType, text: bytes) -> None:
    fast, sure = by_struct(row, text), by_class(row, text)
    if (fast is None) != (sure is None):
        assert fast is None, "the struct accepts what the class refuses"
        assert names_given_twice(text), "the struct refuses what the class accepts"
    if fast is not None:
        assert fast == as_struct(sure)
        assert canonical_data(fast) == canonical_data(sure)
    try:
        read = READERS[row.short].read(text)[0]
    except Rejected:
        read = None
    assert (read is None) == (sure is None or depth(text) > DEPTH_MAX or names_not_a_number(text))


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
@settings(max_examples=80, deadline=None)
@given(st.data())
def test_struct_and_class_accept_and_refuse_the_same_json(row: EventType, data: st.DataObject) -> None:
    agree(row, data.draw(nearly_data(DATA[row.short])))


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
def test_every_nasty_value_in_every_field_is_judged_alike(row: EventType) -> None:
    example_data = DATA[row.short]
    for field in example_data:
        for value in VALUES:
            members = [(n, value if n == field else json.dumps(v)) for n, v in example_data.items()]
            agree(row, written(members))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60))
@example(b"")
@example(b"\xef\xbb\xbf{}")
@example(b'{"year":2024}\x00')
@example(b'\xff{"year":2024}')
@example(b'{"year":2024,"\xff":1}')
@example(b'{"year":NaN,"year":2024}')
def test_any_bytes_are_judged_alike(text: bytes) -> None:
    for row in EVENT_TYPES:
        agree(row, text)


def test_of_a_name_given_twice_the_last_one_counts_whatever_the_first_was() -> None:
    row = next(row for row in EVENT_TYPES if row.short == "period.closed.v1")
    read: Callable[[bytes], Any] = DataReader(row).read
    assert read(b'{"year":"x","year":2024}')[0].year == 2024
    assert read(b'{"year":2023,"year":2024}')[0].year == 2024
    with pytest.raises(Rejected):
        read(b'{"year":2024,"year":"x"}')
    with pytest.raises(Rejected):
        judge(row.contract, b'{"year":2024,"year":null}')
