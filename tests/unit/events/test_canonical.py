"""Canonical JSON."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.canonical import canonical_data, canonical_json
from events.codec import read_line
from events.judging import as_struct
from events.registry import EVENT_TYPES, EventType
from tests.unit.events.examples import DATA, sale

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def test_the_examples_of_rfc_8785_hold() -> None:
    strings = {"string": '€$\u000f\nA\'B"\\"/', "literals": [None, True, False]}
    assert canonical_json(strings).decode() == ('{"literals":[null,true,false],"string":"€$\\u000f\\nA\'B\\"\\\\\\"/"}')
    names = {"€": 1, "\r": 2, "\ufb33": 3, "1": 4, "😀": 5, "\x80": 6, "ö": 7}
    assert list(json.loads(canonical_json(names))) == ["\r", "1", "\x80", "ö", "€", "😀", "\ufb33"]


@settings(deadline=None)
@given(VALUES)
def test_canonical_json_is_json_of_the_same_value(value: Any) -> None:
    assert json.loads(canonical_json(value)) == value


@settings(deadline=None)
@given(VALUES)
def test_one_value_has_one_text(value: Any) -> None:
    other = json.loads(json.dumps(value, sort_keys=True, indent=3))
    assert canonical_json(other) == canonical_json(value)


@pytest.mark.parametrize("value", [1.0, {1: 2}, b"x", {"a": {1, 2}}, float("nan")])
def test_what_has_no_canonical_text_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, AttributeError)):
        canonical_json(value)


@pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)
def test_class_and_struct_have_the_same_canonical_text(row: EventType) -> None:
    data = row.contract.model_validate_json(json.dumps(DATA[row.short]))
    assert canonical_data(as_struct(data)) == canonical_data(data)
    assert json.loads(canonical_data(data)) == DATA[row.short]


def test_absent_and_default_fields_are_written_out() -> None:
    bare = read_line(sale(line=None, revision=None, product_id=None, category=None, channel=None, returns=None)).data
    assert canonical_data(bare) == (
        '{"amount_minor":129900,"category":null,"channel":null,"currency":"CNY","line":1,'
        '"occurred_at":"2026-05-21T10:15:29+08:00","product_id":null,"quantity":2,"rep_id":"rep-1","returns":null,'
        '"revision":0,"sale_id":"S-1","unit_id":"store-042"}'
    )
