"""The law of the product: the same facts give the same boards, in whatever order, pieces and lives they are read."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.partition import PartitionState
from events.codec import read_line
from events.facts import Rejected
from tests.histories.generator import Line, history
from tests.histories.live import CONTROL_TYPES, RULES, Live, straight, stumbling
from tests.histories.strategies import histories
from tests.oracle.oracle import Oracle, boards

law = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
randoms = st.randoms(use_true_random=False)
LONG_SEEDS = range(12)


def expected(oracle: Oracle) -> dict[str, str]:
    """The oracle's boards that list anybody, to their digests."""
    return {name: oracle.digest(name) for name in oracle.all_board_names() if oracle.board(name)}


@given(histories())
@law
async def test_the_boards_equal_the_oracles(lines: list[Line]) -> None:
    live, oracle = await straight(lines), boards(lines)
    assert await live.digests() == expected(oracle)
    assert live.outcomes == oracle.outcomes


@given(histories(), randoms)
@law
async def test_any_order_and_any_repetition_give_the_same_boards_and_documents(
    lines: list[Line], rnd: random.Random
) -> None:
    again = [*lines, *rnd.choices(lines, k=len(lines) // 2)] if lines else []
    rnd.shuffle(again)
    first, second = await straight(lines), await straight(again)
    assert await second.digests() == await first.digests()
    assert await second.documents() == await first.documents()


@given(histories(), randoms)
@law
async def test_chunks_flushes_restarts_and_compaction_at_any_point_change_nothing(
    lines: list[Line], rnd: random.Random
) -> None:
    live, oracle = await stumbling(lines, rnd), boards(lines)
    assert await live.digests() == expected(oracle)
    assert live.outcomes == oracle.outcomes


@given(histories(), randoms, st.integers(2, 4))
@law
async def test_several_partitions_equal_one(lines: list[Line], rnd: random.Random, partition_count: int) -> None:
    live, oracle = await stumbling(lines, rnd, partition_count), boards(lines)
    assert await live.digests() == expected(oracle)
    assert live.outcomes == oracle.outcomes
    assert await live.documents() == await (await straight(lines)).documents()


async def test_long_histories_keep_the_law() -> None:
    for seed in LONG_SEEDS:
        rnd = random.Random(seed)
        lines = history(rnd, 250)
        live, oracle = await stumbling(lines, rnd, 1 + seed % 3), boards(lines)
        assert await live.digests() == expected(oracle), f"seed {seed}"
        assert live.outcomes == oracle.outcomes, f"seed {seed}"


async def test_the_state_after_a_restart_writes_the_same_rows_again() -> None:
    for seed in LONG_SEEDS:
        live: Live = await straight(history(random.Random(seed), 80))
        [partition] = live.partitions
        before = {key: partition.state.again(key) for key, _ in partition.changelog if not key.startswith(b"L")}
        partition.restart()
        assert {key: partition.state.again(key) for key in before} == before, f"seed {seed}"


@given(histories(30))
@law
def test_the_codec_refuses_what_the_oracle_refuses(lines: list[Line]) -> None:
    for line in lines:
        oracle, state = boards([line]), PartitionState(0, RULES)
        refused = ""
        try:
            fact = read_line(line)
            if fact.type not in CONTROL_TYPES:
                state.apply(fact)  # judges currency and time
        except Rejected as rejected:
            refused = str(rejected)
        assert bool(refused) == bool(oracle.dead), f"{refused or 'taken'}, but {oracle.dead or 'taken'}: {line!r}"
