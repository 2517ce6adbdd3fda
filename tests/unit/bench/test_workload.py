"""The workload is the same for every contestant, and holds every kind of trouble; the peers do the same job."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

from bench.checks import PEER_BOARDS, Truth, revenues_of
from bench.peers import task
from bench.retained import facts
from bench.workload import Workload, organisation, sales, units

SMALL = Workload(events=1_500, reps=60)


def test_the_same_seed_gives_the_same_stream_and_another_seed_another_one() -> None:
    assert list(sales(SMALL)) == list(sales(SMALL))
    assert list(sales(SMALL)) != list(sales(SMALL._replace(seed=2)))


def test_a_workload_has_exactly_the_records_that_were_asked_for() -> None:
    assert len(list(sales(SMALL))) == SMALL.events


def test_a_short_workload_has_duplicates_voids_before_and_after_their_sale_amendments_and_late_sales() -> None:
    lines = list(sales(SMALL))
    seen, sold, kinds = set[bytes](), set[str](), Counter[str]()
    newest = ""
    for line in lines:
        event = json.loads(line)
        data = event["data"]
        kinds["duplicate"] += line in seen
        seen.add(line)
        recorded = f"{event['source']} {data['sale_id']}"
        if event["type"].endswith("voided.v1"):
            kinds["void after" if recorded in sold else "void before"] += 1
        else:
            sold.add(recorded)
            kinds["amendment"] += data["revision"] > 0
            kinds["late"] += data["occurred_at"] < newest
            newest = max(newest, data["occurred_at"])
    assert all(kinds[kind] for kind in ("duplicate", "void before", "void after", "amendment", "late")), kinds
    assert kinds["duplicate"] > 0.03 * SMALL.events, "they come soon enough to be in it"


def test_a_sale_changes_35_totals() -> None:
    tree: dict[str, list[Any]] = {unit: [level, parent] for unit, level, parent in units()}
    effect = task.Effect("store-7", "2026-05-20", 100)
    found = list(task.totals(tree, "rep-1", effect))
    assert len(set(found)) == len(found) == 35


def test_what_a_peer_adds_up_is_what_the_oracle_says() -> None:
    lines = list(sales(SMALL))
    truth = Truth.of([*organisation(), *lines])
    assert revenues_of(added_up(lines)) == truth.revenues
    assert all(truth.revenues[name] for name in PEER_BOARDS)


def test_the_comparison_with_the_oracle_notices_a_single_sale_that_is_missing() -> None:
    lines = list(sales(SMALL))
    truth = Truth.of([*organisation(), *lines])
    assert revenues_of(added_up(lines[:-1])) != truth.revenues


def added_up(lines: Iterable[bytes]) -> dict[str, dict[str, int]]:
    """The totals that a peer keeps, by its own steps, without any store."""
    tree: dict[str, list[Any]] = {unit: [level, parent] for unit, level, parent in units()}
    known: dict[str, task.Line] = {}
    sums: dict[str, Counter[str]] = defaultdict(Counter)
    for text in lines:
        event = json.loads(text)
        kind, data = event["type"].encode(), event["data"]
        if not task.is_readable(kind, data):
            continue
        name = task.identity(event["source"], data)
        line, effects = task.corrected(known.get(name), kind, data)
        if line is not None:
            known[name] = line
        for effect in effects:
            for level, bucket, member in task.totals(tree, data["rep_id"], effect):
                sums[f"{level} {bucket}"][member] += effect.amount
    return {board: dict(members) for board, members in sums.items()}


def test_what_a_line_adds_does_not_depend_on_the_order_of_its_records() -> None:
    sale = {"revision": 0, "occurred_at": "2026-05-01T09:00:00+08:00", "unit_id": "store-1", "amount_minor": 100}
    amended = {**sale, "revision": 1, "amount_minor": 70}
    records: list[tuple[bytes, dict[str, Any]]] = [(task.RECORDED, sale), (task.RECORDED, amended), (task.VOIDED, {})]
    for some, total in ((records[:1], 100), (records[:2], 70), (records, 0)):
        for order in itertools.permutations([*some, some[0]]):
            assert added(order) == total


def added(order: Iterable[tuple[bytes, dict[str, Any]]]) -> int:
    line: task.Line | None = None
    total = 0
    for kind, data in order:
        changed, effects = task.corrected(line, kind, data)
        line = changed or line
        total += sum(effect.amount for effect in effects)
    return total


def test_retained_sales_are_lines_of_their_own_and_the_same_every_time() -> None:
    made = list(facts(500))
    assert made == list(facts(500))
    assert len({(fact.source, fact.data.sale_id) for _, fact in made}) == 500
