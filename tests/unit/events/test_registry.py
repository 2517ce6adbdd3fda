"""The table of event types, their structs and their schemas."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it ships no types

from events import reasons, schemas
from events.canonical import canonical_data
from events.codec import read_line
from events.facts import Rejected
from events.judging import READERS, as_struct
from events.registry import BY_SHORT, BY_TYPE, EVENT_TYPES, NEWEST, EventType, event_type, is_known_name
from events.structs import struct_of
from events.upcasting import SaleRecordedV0, sale_recorded_v1
from tests.unit.events.examples import DATA, TIME_MS, key_of, line

every_type = pytest.mark.parametrize("row", EVENT_TYPES, ids=lambda row: row.short)


@every_type
def test_every_type_has_an_example_that_is_read(row: EventType) -> None:
    fact = read_line(line(row.short))
    assert fact.type == NEWEST[row.name].short
    assert fact.key == key_of(row.short)
    assert fact.occurred_ms == (TIME_MS if row.instant_field else 0)


@every_type
def test_a_key_comes_from_the_field_that_the_table_names(row: EventType) -> None:
    data = row.contract.model_validate_json(json.dumps(DATA[row.short]))
    assert row.key_of(data) == row.key_of(as_struct(data)) == key_of(row.short)


@every_type
def test_a_struct_has_the_fields_and_defaults_of_its_class(row: EventType) -> None:
    struct = struct_of(row.contract)
    assert struct.__struct_fields__ == tuple(row.contract.model_fields)
    required = {name: value for name, value in DATA[row.short].items() if row.contract.model_fields[name].is_required()}
    data = row.contract.model_validate_json(json.dumps(required))
    assert canonical_data(READERS[row.type].read(json.dumps(required).encode())[0]) == canonical_data(
        as_struct(data) if row.upcast is None else row.upcast(data)
    )
    with pytest.raises(AttributeError):
        as_struct(data).line = 1


def test_types_are_found_by_full_and_short_name_and_no_other() -> None:
    assert event_type("sale.recorded.v1") is BY_TYPE["dev.standings.sale.recorded.v1"] is BY_SHORT["sale.recorded.v1"]
    assert event_type("sale.recorded") is None
    assert is_known_name("dev.standings.sale.recorded.v77")
    assert not is_known_name("sale.recorded.v1")
    assert not is_known_name("dev.standings.sale.recorded")
    assert not is_known_name("dev.standings.sale.recorded.vX")


def test_only_the_newest_version_of_a_name_has_no_upcast() -> None:
    assert {row.short for row in EVENT_TYPES if row.upcast is None} == {row.short for row in NEWEST.values()}
    for row in NEWEST.values():
        assert row.version == max(other.version for other in EVENT_TYPES if other.name == row.name)


def test_an_old_sale_is_read_as_a_new_one() -> None:
    fact = read_line(line("sale.recorded.v0"))
    assert fact.type == "sale.recorded.v1"
    assert fact.data.__class__ is struct_of(BY_SHORT["sale.recorded.v1"].contract)
    expected = DATA["sale.recorded.v1"] | {"line": 2, "revision": 3}
    for optional in ("product_id", "category", "channel", "returns"):
        expected[optional] = None
    assert json.loads(canonical_data(fact.data)) == expected
    assert fact.occurred_ms == TIME_MS
    old = SaleRecordedV0.model_validate_json(json.dumps(DATA["sale.recorded.v0"]))
    assert as_struct(sale_recorded_v1(old)) == fact.data


def test_a_bad_old_sale_is_judged_by_its_own_version() -> None:
    with pytest.raises(Rejected) as caught:
        read_line(line("sale.recorded.v0", data=DATA["sale.recorded.v1"]))
    assert caught.value.reason == reasons.MISSING_FIELD


@every_type
def test_the_committed_schema_takes_the_example_and_no_other_field(row: EventType) -> None:
    schema = json.loads((schemas.FOLDER / f"{row.short}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    validator.validate(DATA[row.short])
    assert not validator.is_valid(DATA[row.short] | {"x": 1})
    for name in schema["required"]:
        assert not validator.is_valid({n: value for n, value in DATA[row.short].items() if n != name})


def test_the_committed_schemas_are_those_of_the_contract() -> None:
    committed = {path.name: path.read_text(encoding="utf-8") for path in schemas.FOLDER.glob("*.json")}
    assert committed == schemas.schema_files(), "run `python -m events.schemas` and commit what changed"


def test_schemas_of_types_that_are_gone_are_removed(tmp_path: Path) -> None:
    folder = tmp_path / "schemas"
    folder.mkdir()
    (folder / "sale.gone.v1.json").write_text("{}")
    schemas.write(folder)
    assert {path.name for path in folder.iterdir()} == set(schemas.schema_files())


def test_every_reason_has_a_meaning() -> None:
    codes = {value for name, value in vars(reasons).items() if name.isupper() and isinstance(value, str)}
    assert codes == set(reasons.MEANINGS)
