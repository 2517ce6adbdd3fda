"""Facts in one line, for the tests of the domain."""

from __future__ import annotations

from typing import Any

from domain.cells import Cell
from domain.standings import Entry
from events import contract
from events.facts import Fact
from projections.ports import BoardEntry


def _fact(type_name: str, data: contract.Contract, recorded_ms: int) -> Fact:
    return Fact(type_name, "/hr", "key", data, 0, recorded_ms)


def placed(unit_id: str, parent_id: str | None = None, on: str = "2026-01-01", *, at: int = 0, **fields: Any) -> Fact:
    """A placement; its level is the first part of the unit's id, so that ``store-1`` is a store."""
    fields = {"name": f"name of {unit_id}", "level": unit_id.split("-")[0]} | fields
    data = contract.UnitPlaced(unit_id=unit_id, parent_id=parent_id, effective_on=on, **fields)
    return _fact("unit.placed.v1", data, at)


def closed(unit_id: str, on: str) -> Fact:
    return _fact("unit.closed.v1", contract.UnitClosed(unit_id=unit_id, effective_on=on), 0)


def led(unit_id: str, rep_id: str, on: str, **fields: Any) -> Fact:
    data = contract.UnitLed(unit_id=unit_id, rep_id=rep_id, effective_on=on, **fields)
    return _fact("unit.led.v1", data, 0)


def calendar(unit_id: str, on: str = "2026-01-01", **fields: Any) -> Fact:
    return _fact("calendar.set.v1", contract.CalendarSet(unit_id=unit_id, effective_on=on, **fields), 0)


def period_closed(year: int) -> Fact:
    return _fact("period.closed.v1", contract.PeriodClosed(year=year), 0)


def skipped(offset: int) -> Fact:
    data = contract.RecordSkipped(topic="standings.sales.v1", partition=3, offset=offset, reason="poison")
    return _fact("record.skipped.v1", data, 0)


def joined(rep_id: str, unit_id: str, on: str = "2026-01-01", *, at: int = 0, **fields: Any) -> Fact:
    fields = {"display_name": f"name of {rep_id}"} | fields
    data = contract.RepJoined(rep_id=rep_id, unit_id=unit_id, effective_on=on, **fields)
    return _fact("rep.joined.v1", data, at)


def left(rep_id: str, on: str, **fields: Any) -> Fact:
    return _fact("rep.left.v1", contract.RepLeft(rep_id=rep_id, effective_on=on, **fields), 0)


def target(value: int, revision: int = 0, *, of: str = "rep-1", at: int = 0, **fields: Any) -> Fact:
    """A target of a rep for the revenue of May, unless the fields say otherwise."""
    fields = {"bucket": "2026-05", "metric": "revenue", "reason": "plan", "set_by": "boss"} | fields
    data = contract.TargetSet(subject=_subject(of), value=value, revision=revision, **fields)
    return _fact("target.set.v1", data, at)


def withdrawn(revision: int = 0, *, of: str = "rep-1", at: int = 0, **fields: Any) -> Fact:
    fields = {"bucket": "2026-05", "metric": "revenue", "reason": "plan", "set_by": "boss"} | fields
    data = contract.TargetWithdrawn(subject=_subject(of), revision=revision, **fields)
    return _fact("target.withdrawn.v1", data, at)


def _subject(subject_id: str) -> contract.Subject:
    return contract.Subject(type="rep" if subject_id.startswith("rep") else "unit", id=subject_id)


def sold(member_id: str, revenue: int, lines: int = 1) -> Entry:
    """An entry of a revenue board: one piece a line."""
    return BoardEntry(member_id, revenue, Cell(revenue, lines, lines, lines), None)


def attained(member_id: str, revenue: int, goal: int) -> Entry:
    """An entry of an attainment-revenue board."""
    return BoardEntry(member_id, revenue * 1_000_000 // goal, Cell(revenue, 1, 1, 1), goal)
