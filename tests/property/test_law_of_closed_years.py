"""The law with closed years: what comes too late follows from the facts alone, and what a closed year shows stays.

Lines stand as in a log: in the order in which they were recorded. A file may hold them in any order.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.accounting import DEAD_LETTERED
from domain.boards import BoardName
from domain.calendar import bucket_span
from domain.closing import ClosedTooLate
from domain.limits import CLOSE_DELAY_MS
from domain.partition import PartitionState
from events.codec import read_line
from events.facts import Rejected
from processors.replay import Workers
from tests.histories.closing import closed, closing_history, recorded_ms
from tests.histories.generator import Line, event
from tests.histories.live import RULES, digests, straight, stumbling
from tests.oracle.oracle import boards
from tests.property.test_replay_of_files import expected, replayed

law = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
randoms = st.randoms(use_true_random=False)
logs = st.builds(closing_history, randoms, st.integers(0, 60))
LONG_SEEDS = range(12)


@given(logs, st.integers(1, 3))
@law
async def test_the_boards_of_a_log_with_closes_equal_the_oracles(lines: list[Line], partition_count: int) -> None:
    live, oracle = await straight(lines, partition_count), boards(lines)
    assert await live.digests() == expected(oracle)
    assert live.outcomes == oracle.outcomes


@given(logs, randoms, st.integers(1, 3))
@law
async def test_retiring_flushes_restarts_and_snapshots_change_nothing(
    lines: list[Line], rnd: random.Random, partition_count: int
) -> None:
    live, oracle = await stumbling(lines, rnd, partition_count), boards(lines)
    assert await live.digests() == expected(oracle)
    assert live.outcomes == oracle.outcomes
    assert await live.documents() == await (await straight(lines)).documents()


@given(logs, randoms, st.integers(1, 3))
@law
async def test_a_file_in_any_order_gives_the_boards_of_the_log(
    lines: list[Line], rnd: random.Random, shares: int
) -> None:
    rnd.shuffle(lines)
    oracle, (store, told) = boards(lines), await replayed(lines, Workers(shares))
    assert await digests(store) == expected(oracle)
    assert told.accounting.counts[DEAD_LETTERED] == oracle.dead_lettered
    assert told.accounting.read == oracle.read


@given(logs)
@law
async def test_what_a_closed_year_shows_never_changes(lines: list[Line]) -> None:
    oracle = boards(lines)
    assert oracle.years is not None
    for close in oracle.years.closes:
        in_time = [line for line in lines if (recorded_ms(line) or 0) <= close.recorded + CLOSE_DELAY_MS]
        shown, now = [
            {name: digest for name, digest in (await live.digests()).items() if ends_by(name, close.year)}
            for live in (await straight(in_time), await straight(lines))
        ]
        assert now == shown


def ends_by(name: str, year: int) -> bool:
    return bucket_span(BoardName.parse(name).bucket)[1] <= f"{year}-12-31"


async def test_long_logs_keep_the_law_and_their_closed_years_leave_memory() -> None:
    left_count, dead = 0, Counter[str]()
    for seed in LONG_SEEDS:
        rnd = random.Random(seed)
        lines = closing_history(rnd, 200)
        live, oracle = await stumbling(lines, rnd, 1 + seed % 3), boards(lines)
        assert await live.digests() == expected(oracle), f"seed {seed}"
        assert live.outcomes == oracle.outcomes, f"seed {seed}"
        dead.update(oracle.dead)
        for partition in live.partitions:
            known = partition.state.sales.line_count  # a restart loaded everything
            await partition.flush()
            left_count += known - partition.state.sales.line_count
    assert left_count > 100
    assert dead["too_late"] > 100


async def test_a_reopened_year_is_as_if_it_had_never_been_closed() -> None:
    for seed in LONG_SEEDS:
        lines = closing_history(random.Random(seed), 100)
        store, _ = await replayed(lines, reopened=2025)
        without = [line for line in lines if not closes_from(line, 2025)]
        assert await digests(store) == expected(boards(without)), f"seed {seed}"


def closes_from(line: Line, year: int) -> bool:
    try:
        fact = read_line(line)
    except Rejected:
        return False
    return fact.type == "period.closed.v1" and fact.data.year >= year


def test_a_state_that_learns_of_a_close_too_late_stops_and_says_so() -> None:
    state = PartitionState(0, RULES)
    close = closed(2025, "2026-02-01T00:00:00Z")
    state.apply(read_line(sale_of("2025-06-01T12:00:00Z", "2026-02-01T00:00:10.001Z")))
    with pytest.raises(ClosedTooLate, match="close of 2025, recorded at 2026-02-01T00:00:00Z"):
        state.control([read_line(close)])
    in_time = PartitionState(0, RULES)
    in_time.apply(read_line(sale_of("2025-06-01T12:00:00Z", "2026-02-01T00:00:10Z")))
    in_time.control([read_line(close)])
    assert in_time.outcomes() == {("sale.recorded.v1", "applied"): 1}


def sale_of(occurred_at: str, recorded_at: str, **more: object) -> Line:
    data = {"sale_id": "S1", "rep_id": "r1", "unit_id": "s1", "occurred_at": occurred_at, "currency": "CNY"}
    numbers = {"amount_minor": 100, "quantity": 1}
    return event("sale.recorded.v1", {**data, **numbers, **more}, "r1", source="/pos", recorded_at=recorded_at)
