"""Retained sales: what they cost in memory, and a changelog that holds them, for a recovery to read.

``python -m bench.retained SALES [BOOTSTRAP_SERVERS PREFIX]`` folds generated sales straight into the states of twelve
partitions, as one worker holds them, and prints one JSON line. With servers it then writes the states to the changelog
as compaction would leave it: every ledger blob, and every cell row once.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import json
import random
import sys
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import psutil
from aiokafka import AIOKafkaProducer

from bench.limits import RULES
from bench.services import run_module
from bench.stage import PARTITIONS, home_of
from bench.workload import FIRST_AT, PERIOD, ZIPF, organisation, units
from domain.partition import PartitionState
from events.codec import read_line
from events.contract import SaleRecorded
from events.facts import Fact
from processors.engine.changelog import Row, ledger_key, state_batch
from processors.engine.writer import ChangelogWriter
from processors.process_memory import keep_large_arrays_apart
from processors.topics import STATE_BYTES_MAX, TopicNames, ensure_topics

REPS = 10_000
FLUSH_SALES = 2_000
"""Sales of a partition between two flushes: so many lines stand in a ledger blob."""

LEDGER = b"L"
DRAWN_AT_ONCE = 20_000
BATCH_WEIGHT_MAX = 4 << 20


def measure(sales: int, servers: str = "", names: TopicNames | None = None) -> dict[str, Any]:
    """Fold in a process of its own, and write the changelog if there are servers.

    Raises:
        LegFailed: it did not come to its end.
    """
    more = [servers, names.prefix] if names is not None else []
    return run_module("bench.retained", str(sales), *more)


def facts(count: int, seed: int = 1) -> Iterator[tuple[int, Fact]]:
    """(home partition, sale): each a line of its own, reps by Zipf, over the workload's thirty days."""
    draw, dice = random.Random(seed), np.random.default_rng(seed)
    stores = [unit for unit, level, _ in units() if level == "store"]
    homes = [draw.choice(stores) for _ in range(REPS)]
    weights = np.cumsum(1.0 / np.arange(1, REPS + 1) ** ZIPF)
    names = [f"rep-{rep:07d}" for rep in range(REPS)]
    partitions = [home_of("sales", name.encode()) for name in names]
    first_ms, step_ms = int(FIRST_AT.timestamp() * 1000), PERIOD / timedelta(milliseconds=1) / count
    for start in range(0, count, DRAWN_AT_ONCE):
        size = min(DRAWN_AT_ONCE, count - start)
        reps = np.searchsorted(weights, dice.random(size) * weights[-1]).tolist()
        amounts = dice.integers(1_000, 500_000, size).tolist()
        products = dice.integers(0, 500, size).tolist()
        at = (FIRST_AT + timedelta(milliseconds=int(step_ms * start))).isoformat(timespec="seconds")
        for number, rep, amount, product in zip(itertools.count(start), reps, amounts, products, strict=False):
            ms = first_ms + int(step_ms * number)
            sale = SaleRecorded(
                sale_id=f"S-{number:09d}",
                rep_id=names[rep],
                unit_id=homes[rep],
                occurred_at=at,
                amount_minor=amount,
                currency="CNY",
                quantity=1 + number % 3,
                product_id=f"sku-{product:04d}",
            )
            yield partitions[rep], Fact("sale.recorded.v1", f"/pos/{homes[rep]}", names[rep], sale, ms, ms)


def fold(count: int) -> tuple[list[PartitionState], dict[str, Any]]:
    """The states of all partitions after so many sales, and what memory they took."""
    keep_large_arrays_apart()  # as a worker that has recovered
    control = [read_line(line) for line in organisation()]
    states = [PartitionState(partition, RULES) for partition in range(PARTITIONS)]
    for state in states:
        state.control(control)
        state.flush()
    gc.collect()
    before = psutil.Process().memory_info().rss
    pending = [0] * PARTITIONS
    for partition, fact in facts(count):
        states[partition].apply(fact)
        pending[partition] += 1
        if pending[partition] == FLUSH_SALES:
            pending[partition] = 0
            states[partition].flush()
    for state in states:
        state.flush()
    gc.collect()
    grown = psutil.Process().memory_info().rss - before
    held = sum(state.sales.line_count for state in states)
    return states, {"retained_sales": held, "bytes_per_sale": grown / held, "rss_before_mb": before >> 20}


async def write(states: Sequence[PartitionState], servers: str, names: TopicNames) -> int:
    """Append the states to an empty changelog; returns the number of its records."""
    producer = AIOKafkaProducer(
        bootstrap_servers=servers,
        acks="all",
        enable_idempotence=True,
        max_batch_size=STATE_BYTES_MAX,
        max_request_size=STATE_BYTES_MAX,
    )
    await producer.start()
    try:
        writer = ChangelogWriter(lambda: producer, names.changelog)
        control_end = sum(1 for _ in organisation()) - 1
        written = await asyncio.gather(*(_write(writer, state, control_end) for state in states))
        return sum(written)
    finally:
        await producer.stop()


async def _write(writer: ChangelogWriter, state: PartitionState, control_end: int) -> int:
    epoch = await writer.claim(state.partition, "bench")
    base = epoch + 1
    cells = itertools.chain.from_iterable(state.sales.cell_rows(FLUSH_SALES))
    rows = itertools.chain(state.ledger_rows(FLUSH_SALES), cells, state.fact_rows())
    while batch := list(_some(rows)):
        batch = [
            (ledger_key(epoch, base + at) if key[:1] == LEDGER else key, value) for at, (key, value) in enumerate(batch)
        ]
        records = state_batch(epoch, base, batch, {"control": control_end})
        await (await writer.append(state.partition, records))
        base += len(records)
    return base


def _some(rows: Iterator[tuple[bytes, bytes]]) -> Iterator[Row]:
    weight = 0
    for key, value in rows:
        yield key, value
        weight += len(key) + len(value)
        if weight > BATCH_WEIGHT_MAX:
            return


def main(arguments: Sequence[str]) -> None:
    """Fold, write if told so, and say what was found."""
    states, found = fold(int(arguments[0]))
    if len(arguments) > 1:
        servers, names = arguments[1], TopicNames(arguments[2])
        ensure_topics(servers, names.prefix, PARTITIONS)
        found["changelog_records"] = asyncio.run(write(states, servers, names))
    print(json.dumps(found))


if __name__ == "__main__":
    main(sys.argv[1:])
