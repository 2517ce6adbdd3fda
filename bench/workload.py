"""The benchmark's workload: a seeded stream of sales that is the same for every contestant.

JSON of 200 to 260 bytes, reps by Zipf 1.1, six unit levels, 5 % duplicates, 2 % voids (one in five before its sale),
2 % amendments, 5 % late, 0.01 % poison. Home partitions are right, as a good producer's are.
"""

from __future__ import annotations

import bisect
import heapq
import itertools
import random
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import NamedTuple

import msgspec

from events.codec import Outgoing, to_record

ZIPF = 1.1
DUPLICATED, VOIDED, VOID_FIRST, AMENDED, LATE, POISON = 0.05, 0.02, 0.2, 0.02, 0.05, 0.0001
STORES_PER_PARENT = (10, 5, 4, 4, 3)  # stores an area, areas a city, cities a province, provinces a region, regions
LEVELS = ("store", "area", "city", "province", "region", "nation")
ZONE = timezone(timedelta(hours=8))
FIRST_AT = datetime(2026, 5, 1, 9, 0, tzinfo=ZONE)
PERIOD = timedelta(days=30)
TYPE = "dev.standings."


class Workload(NamedTuple):
    """How much of it.

    Attributes:
        events: records in the sales topic, duplicates and poison included.
        reps: how many sell.
        seed: same seed, same stream.
    """

    events: int = 1_000_000
    reps: int = 10_000
    seed: int = 1

    @property
    def late_max(self) -> int:
        """How many events late a late sale comes, at most: a short stream has its late sales too."""
        return min(50_000, max(2, self.events // 2))

    @property
    def delay_max(self) -> int:
        """How many events after its sale a void, an amendment or a duplicate comes, at most."""
        return min(5_000, max(2, self.events // 20))


def _line(kind: str, key: str, source: str, identity: str, at: datetime, data: dict[str, object]) -> bytes:
    time = at.isoformat(timespec="seconds")
    return msgspec.json.encode(
        {
            "specversion": "1.0",
            "id": identity,
            "source": source,
            "type": TYPE + kind,
            "time": time,
            "recordedtime": time,
            "partitionkey": key,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def units() -> list[tuple[str, str, str | None]]:
    """(unit, level, parent) from the nation down: one nation, 3 regions, 2,400 stores."""
    made: list[tuple[str, str, str | None]] = [("nation-0", "nation", None)]
    above = ["nation-0"]
    for level, per_parent in zip(reversed(LEVELS[:-1]), reversed(STORES_PER_PARENT), strict=True):
        below = [(f"{level}-{i}", above[i // per_parent]) for i in range(len(above) * per_parent)]
        made += [(unit, level, parent) for unit, parent in below]
        above = [unit for unit, _ in below]
    return made


def organisation() -> Iterator[bytes]:
    """The organisation, as lines."""
    for unit, level, parent in units():
        data: dict[str, object] = {"unit_id": unit, "name": unit, "level": level, "effective_on": "2026-01-01"}
        if parent is not None:
            data["parent_id"] = parent
        yield _line("unit.placed.v1", "control", "/hr", f"{unit}@2026-01-01", FIRST_AT, data)


def sales(workload: Workload) -> Iterator[bytes]:
    """Exactly ``workload.events`` lines of the sales topic, in order of arrival."""
    return itertools.islice(_endless_sales(workload), workload.events)


def _endless_sales(workload: Workload) -> Iterator[bytes]:
    draw = random.Random(workload.seed)
    stores = [unit for unit, level, _ in units() if level == "store"]
    weights = list(itertools.accumulate(1 / rank**ZIPF for rank in range(1, workload.reps + 1)))
    homes = [draw.choice(stores) for _ in range(workload.reps)]
    step = PERIOD / workload.events
    ties = itertools.count()
    waiting: list[tuple[int, int, bytes]] = []  # (arrives at event number, tie-breaker, line)
    for number in itertools.count():
        while waiting and waiting[0][0] <= number:
            yield heapq.heappop(waiting)[2]
        rep = bisect.bisect_left(weights, draw.random() * weights[-1])
        sold = _Sold(f"rep-{rep:07d}", homes[rep], FIRST_AT + step * number)
        for delay, line in _sale(draw, number, sold, workload):
            if delay == 0:
                yield line
            else:
                heapq.heappush(waiting, (number + delay, next(ties), line))


class _Sold(NamedTuple):
    """Who sold, where and when."""

    rep: str
    store: str
    at: datetime


def _sale(draw: random.Random, number: int, sold: _Sold, workload: Workload) -> Iterator[tuple[int, bytes]]:
    """(delay in events, line) of one sale and what becomes of it."""
    rep, store, at = sold
    source, sale_id = f"/pos/{store}", f"S-{number:09d}"
    delay_max = workload.delay_max
    data: dict[str, object] = {
        "sale_id": sale_id,
        "line": 1,
        "revision": 0,
        "rep_id": rep,
        "unit_id": store,
        "occurred_at": at.astimezone(ZONE).isoformat(timespec="seconds"),
        "amount_minor": draw.randrange(1_000, 500_000),
        "currency": "CNY",
        "quantity": draw.choice((1, 1, 2, 3)),
        "product_id": f"sku-{draw.randrange(500):04d}",
    }
    late = draw.randrange(1, workload.late_max) if draw.random() < LATE else 0
    sale = _line("sale.recorded.v1", rep, source, f"{sale_id}/1/0", at, data)
    fate = draw.random()
    void = _line("sale.voided.v1", rep, source, f"{sale_id}/1/void", at, _voided(data))
    if fate < VOIDED * VOID_FIRST:
        yield late, void
    yield late, sale
    if VOIDED * VOID_FIRST <= fate < VOIDED:
        yield late + draw.randrange(1, delay_max), void
    elif VOIDED <= fate < VOIDED + AMENDED:
        amended = {**data, "revision": 1, "amount_minor": draw.randrange(1_000, 500_000)}
        yield late + draw.randrange(1, delay_max), _line("sale.recorded.v1", rep, source, f"{sale_id}/1/1", at, amended)
    if draw.random() < DUPLICATED:
        yield late + draw.randrange(1, delay_max), sale
    if draw.random() < POISON:
        yield 0, _line("sale.recorded.v1", rep, source, f"{sale_id}/2/0", at, {**data, "amount_minor": "much"})


def _voided(data: dict[str, object]) -> dict[str, object]:
    kept = {name: data[name] for name in ("sale_id", "line", "rep_id", "occurred_at")}
    return {**kept, "reason": "cancelled", "voided_at": data["occurred_at"]}


def records(lines: Iterator[bytes]) -> Iterator[Outgoing]:
    """The lines as Kafka records in binary mode."""
    return map(to_record, lines)
