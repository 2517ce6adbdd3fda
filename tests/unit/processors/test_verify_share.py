"""What verify expects of a partition: what it adds to each group at the offsets that the group names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any, cast

from domain.boards import BoardGroup, DocumentGroup, Group
from domain.cells import Cell
from domain.partition import Rules
from processors.log_reader import LogReader
from processors.shares import Folded
from processors.topics import TopicNames
from processors.verify_share import Stops, VerifyShare
from tests.unit.processors.fake_log import FakeLog
from tests.unit.processors.records import Record, record, sale
from tests.unit.processors.test_parts import Heard

RULES = Rules("CNY", "Asia/Shanghai")
NAMES = TopicNames("standings")
DAY, YEAR = BoardGroup("store-1", "rep", "2026-01-01"), BoardGroup("store-1", "rep", "2026")
UNITS = DocumentGroup("units")


def sales(count: int) -> list[Record]:
    return [replace(sale(sale_id=f"S{at}", amount_minor=10**at), offset=at) for at in range(count)]


def placed() -> Record:
    data = {"unit_id": "store-1", "name": "u", "level": "store", "effective_on": "2026-01-01"}
    return record("unit.placed.v1", data)


async def expected(stops: Stops, *, buckets: frozenset[str] = frozenset()) -> tuple[dict[Group, Any], list[Folded]]:
    """Revenue of the one rep by group, or documents, and what was told last."""
    log = FakeLog({("sales", 0): sales(8), ("control", 0): [placed()]})
    heard, share = Heard(), VerifyShare("nowhere:1", NAMES, 1, {0: stops}, RULES, buckets)
    await share.fold(cast(LogReader, log), heard)
    found: dict[Group, Any] = defaultdict(list)
    for change in heard.changes:
        found[change.group] += [*change.cells.values(), *change.documents]
    return dict(found), [told for told in heard.told if isinstance(told, Folded)]


def sold(*places: int) -> list[Cell]:
    return [Cell(sum(10**at for at in places), len(places), len(places), len(places))]


async def test_a_group_is_told_at_its_own_offsets_and_all_others_at_the_versions() -> None:
    early, late = {"sales": 1, "control": 0}, {"sales": 6, "control": 0}
    stops = Stops({"sales": 4, "control": 0}, ((late, frozenset({YEAR})), (early, frozenset({DAY}))))
    found, folded = await expected(stops)
    assert found[DAY] == sold(0, 1)
    assert found[YEAR] == sold(0, 1, 2, 3, 4, 5, 6)
    assert found[BoardGroup("store-1", "rep", "2026-01")] == sold(0, 1, 2, 3, 4)
    assert found[UNITS] == ["store-1"]
    assert [(told.offsets, told.read_count, told.accounting["applied"]) for told in folded] == [(stops.end, 6, 6)]


async def test_what_no_board_shows_yet_is_told_as_nothing() -> None:
    found, folded = await expected(Stops({}, (({"sales": 0}, frozenset({DAY, UNITS})),)))
    assert found == {DAY: sold(0)}
    assert [(told.offsets, told.read_count) for told in folded] == [({}, 0)]


async def test_only_the_groups_of_the_wanted_buckets_are_told() -> None:
    found, _ = await expected(Stops({"sales": 7, "control": 0}, ()), buckets=frozenset({"2026"}))
    assert {group.bucket for group in found if not isinstance(group, DocumentGroup)} == {"2026"}
    assert UNITS not in found
    assert found[YEAR] == sold(*range(8))
