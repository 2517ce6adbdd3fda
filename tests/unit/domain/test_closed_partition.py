"""A partition with closed years: what is refused, what leaves memory, what stays right without it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from domain.boards import BoardGroup
from domain.closing import Retired, TooLate
from domain.entries import CellEntry
from domain.limits import CLOSE_DELAY_MS
from domain.partition import PartitionState, Rules
from domain.rows import CELLS, entries, row_key
from events import contract
from events.facts import Fact
from events.instants import instant_ms
from tests.unit.domain.build import joined, period_closed, placed, target

RULES = Rules("CNY", "Asia/Shanghai")
CLOSED = instant_ms("2026-02-01T00:00:00Z")
IN_TIME, LATE = CLOSED + CLOSE_DELAY_MS, CLOSED + CLOSE_DELAY_MS + 1


def sale(sale_id: str, occurred_at: str, at: int, *, amount: int = 100, unit: str = "store-1", **more: Any) -> Fact:
    data = contract.SaleRecorded(
        sale_id=sale_id, rep_id="rep-1", unit_id=unit, occurred_at=occurred_at, amount_minor=amount, currency="CNY",
        quantity=1, **more,
    )  # fmt: skip
    return Fact("sale.recorded.v1", "/pos", "rep-1", data, instant_ms(occurred_at), at)


def void(sale_id: str, at: int) -> Fact:
    noon = "2025-06-01T12:00:00Z"
    data = contract.SaleVoided(
        sale_id=sale_id, line=1, rep_id="rep-1", occurred_at=noon, reason="mistake", voided_at=noon
    )
    return Fact("sale.voided.v1", "/pos", "rep-1", data, instant_ms(noon), at)


CLOSE = period_closed(2025)._replace(recorded_ms=CLOSED)


def state_with(*facts: Fact, retires: bool = False) -> PartitionState:
    state = PartitionState(0, RULES, retires=retires)
    state.control([placed("store-1", on="2020-01-01"), CLOSE])
    for fact in facts:
        state.apply(fact)
    return state


def told(state: PartitionState) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    for (_, outcome), count in state.outcomes().items():
        outcomes[outcome] += count
    return outcomes


def revenue(state: PartitionState, unit: str, bucket: str) -> int:
    """What the rows of the next flush say of the only rep in a bucket; 0 if they say nothing."""
    said = [entry for key, value in state.flush()[1] for entry in entries(key, value)]
    cells = [e.cell for e in said if isinstance(e, CellEntry) and e.group == BoardGroup(unit, "rep", bucket)]
    return cells[-1].revenue if cells else 0


def test_a_late_sale_of_a_closed_year_is_refused_and_its_number_told() -> None:
    state = state_with(
        sale("S0", "2025-06-01T12:00:00Z", IN_TIME), sale("S1", "2026-01-05T12:00:00Z", LATE),
        sale("S2", "2025-06-01T12:00:00Z", LATE), void("S9", LATE), sale("S3", "2024-06-01T12:00:00Z", LATE),
    )  # fmt: skip
    assert state.refused() == [(2, 2025), (4, 2025)]
    assert told(state) == {"applied": 3, "dead_lettered": 2}
    assert state.accounting.as_dict()["dead_lettered"] == 2
    state.apply(sale("S4", "2025-06-01T12:00:00Z", LATE))
    assert state.refused() == [(0, 2025)], "numbered anew"


def test_the_business_day_decides_in_the_zone_of_the_unit() -> None:
    last_evening, next_morning = "2025-12-31T23:30:00+08:00", "2025-12-31T17:00:00Z"  # 01:00 in Shanghai
    state = state_with(sale("S1", last_evening, LATE), sale("S2", next_morning, LATE))
    assert state.refused() == [(0, 2025)]


def test_a_placement_after_the_close_moves_no_day_into_the_closed_year_or_out_of_it() -> None:
    morning = "2026-01-01T08:00:00+08:00"
    state = state_with(sale("S1", morning, LATE, amount=7))
    assert revenue(state, "store-1", "2026-01-01") == 7
    state.control([placed("store-1", on="2026-01-01", time_zone="America/New_York", at=LATE)])
    assert revenue(state, "store-1", "2025-12-31") == 0
    state.apply(sale("S2", morning, LATE + 5, amount=8))
    assert state.refused() == []
    assert revenue(state, "store-1", "2026-01-01") == 15
    state.apply(sale("S3", "2026-01-31T08:00:00+08:00", LATE + 5, amount=9))
    assert revenue(state, "store-1", "2026-01-30") == 9, "what is sold after the closed year follows the new zone"


@pytest.mark.parametrize("retires", [False, True])
def test_a_line_that_counts_in_a_closed_year_can_not_be_taken_out_of_it(retires: bool) -> None:
    state = state_with(sale("S1", "2025-06-01T12:00:00Z", IN_TIME), retires=retires)
    state.apply(sale("other", "2026-01-05T12:00:00Z", LATE))
    state.flush()
    assert state.sales.line_count == (1 if retires else 2)
    state.apply(sale("S1", "2026-01-05T12:00:00Z", LATE, revision=1))
    state.apply(void("S1", LATE))
    assert state.refused() == [(2, 2025), (3, 2025)]
    assert told(state) == {"applied": 2, "dead_lettered": 2}


@pytest.mark.parametrize("retires", [False, True])
def test_a_void_line_of_a_closed_year_touches_nothing(retires: bool) -> None:
    state = state_with(sale("S1", "2025-06-01T12:00:00Z", IN_TIME), void("S1", IN_TIME), retires=retires)
    state.apply(sale("other", "2026-01-05T12:00:00Z", LATE))
    state.flush()
    state.apply(sale("S1", "2026-01-05T12:00:00Z", LATE, revision=1))
    state.apply(void("S1", LATE))
    assert state.refused() == []
    assert told(state) == {"applied": 3, "superseded": 1, "duplicate": 1}


def test_in_a_partition_recorded_time_never_runs_back() -> None:
    state = state_with(sale("S1", "2026-01-05T12:00:00Z", LATE), sale("S2", "2025-06-01T12:00:00Z", IN_TIME))
    assert state.refused() == [(1, 2025)], "a forwarded record that comes after others is as late as they"


def test_late_targets_and_rep_facts_are_refused() -> None:
    state = state_with()
    with pytest.raises(TooLate) as late:
        state.apply(target(5, at=LATE, bucket="2025-Q4"))
    assert late.value.board == "UNIT/rep/attainment-revenue/2025-Q4"
    with pytest.raises(TooLate):
        state.apply(target(5, at=LATE, bucket="2026-W01"))  # begins on December 29
    with pytest.raises(TooLate):
        state.apply(joined("rep-1", "store-1", "2025-12-31", at=LATE))
    for fact in (
        target(5, at=IN_TIME, bucket="2025-Q4"),
        target(5, at=LATE, bucket="2026-W02"),
        joined("rep-1", "store-1", "2026-01-01", at=LATE),
        joined("rep-1", "store-1", "2025-06-01", at=IN_TIME),
    ):
        state.apply(fact)
    assert told(state) == {"applied": 4}


def test_a_closed_year_leaves_memory_at_the_flush_after_it_and_its_rows_are_never_said_again() -> None:
    state = state_with(
        sale("S1", "2025-06-01T12:00:00Z", IN_TIME), sale("S2", "2025-12-29T12:00:00Z", IN_TIME, amount=20),
        sale("S3", "2026-01-02T12:00:00Z", IN_TIME, amount=3), retires=True,
    )  # fmt: skip
    state.flush()
    assert (state.sales.left_year, state.sales.line_count) == (0, 3), "nothing recorded after the close came yet"
    state.apply(sale("S4", "2026-01-02T12:00:00Z", LATE, amount=4))
    _, flushed = state.flush()
    assert (state.sales.left_year, state.sales.line_count) == (2025, 3), "S2's week reaches into 2026"
    day = row_key(CELLS, "rep", "rep-1", "2025-06-01")
    with pytest.raises(Retired):
        state.again(day)
    assert (
        state.again(row_key(CELLS, "rep", "rep-1", "2026-01-02"))
        == dict(flushed)[row_key(CELLS, "rep", "rep-1", "2026-01-02")]
    )
    assert not [key for some in state.sales.cell_rows(10) for key, _ in some if key == day]
    state.apply(sale("S5", "2026-01-03T12:00:00Z", LATE, amount=5))
    assert revenue(state, "store-1", "2026-W01") == 20 + 3 + 4 + 5


def test_what_was_kept_of_a_closed_year_comes_back_from_the_rows_of_the_state() -> None:
    state = state_with(sale("S1", "2025-06-01T12:00:00Z", IN_TIME), retires=True)
    state.apply(sale("S2", "2026-01-02T12:00:00Z", LATE))
    state.flush()
    again = PartitionState(0, RULES, retires=True)
    for key, value in state.rows(1):
        again.load(key, value)
    again.plant([placed("store-1", on="2020-01-01"), CLOSE])
    assert (again.sales.left_year, again.sales.line_count, again.sold_ms) == (2025, 1, LATE)
    again.apply(void("S1", LATE))
    assert again.refused() == [(0, 2025)]
    with pytest.raises(Retired):
        again.again(row_key(CELLS, "rep", "rep-1", "2025-06-01"))


def test_an_org_move_leaves_closed_days_alone_and_moves_the_others() -> None:
    state = state_with(
        sale("S1", "2025-12-30T12:00:00Z", IN_TIME, amount=1), sale("S2", "2026-01-02T12:00:00Z", LATE, amount=2),
        retires=True,
    )  # fmt: skip
    state.flush()
    state.control([placed("store-1", "area-1", "2026-01-01", time_zone="Pacific/Auckland", at=LATE)])
    days = {key for key, _ in state.flush()[1] if key.startswith(CELLS)}
    assert days, "the sale of January moved"
    assert not days & {row_key(CELLS, kind, who, "2025-12-30") for kind, who in (("rep", "rep-1"), ("unit", "store-1"))}
