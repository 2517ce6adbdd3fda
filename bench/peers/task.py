"""What every peer has to do, apart from how: read a sale, correct its line, name its 35 totals. Standard library only.

A peer keeps revenue alone: rep x 5 buckets and unit with its 5 ancestors x 5 buckets. It is spared the control stream
(the tree of units is given), cells by scope, quantity, count, dead letters and reading boards at an instant.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta, timezone
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

ZONE = timezone(timedelta(hours=8))
RECORDED, VOIDED = b"dev.standings.sale.recorded.v1", b"dev.standings.sale.voided.v1"

Line = list[Any]
"""What is known of a sale line, as JSON can hold it: [void, revision, occurred_at, unit, amount], the greatest sale."""

NO_LINE: Line = [False, -1, "", "", 0]

Total = tuple[str, str, str]
"""(``rep`` or a level, bucket, member)."""


class Told(NamedTuple):
    """What the bench tells a peer: one JSON object as the only argument."""

    servers: str
    group: str
    topic: str
    events: int
    tree: dict[str, list[Any]]
    out: Path
    redis: str

    @classmethod
    def read(cls) -> Told:
        told = json.loads(sys.argv[1] if len(sys.argv) > 1 else os.environ["BENCH_PEER"])
        tree = json.loads(Path(told["tree"]).read_text("utf-8"))
        return cls(
            told["servers"], told["group"], told["topic"], told["events"], tree, Path(told["out"]), told["redis"]
        )


class Effect(NamedTuple):
    """An amount that a line adds to, or takes from, the totals of a unit and day."""

    unit: str
    day: str
    amount: int


def identity(source: str, data: Mapping[str, Any]) -> str:
    """A sale line's identity as one text."""
    return f"{source}|{data['sale_id']}|{data['line']}|{data['rep_id']}"


def corrected(known: Line | None, kind: bytes, data: Mapping[str, Any]) -> tuple[Line | None, list[Effect]]:
    """(the line as it is now, or None if nothing changed; what that does to the totals)."""
    void, *sale = known or NO_LINE
    if kind == VOIDED:
        if void:
            return None, []
        return [True, *sale], ([Effect(sale[2], day_of(sale[1]), -sale[3])] if sale[0] >= 0 else [])
    new = [data["revision"], data["occurred_at"], data["unit_id"], data["amount_minor"]]
    if new <= sale:
        return None, []
    if void:
        return [True, *new], []
    effects = [Effect(new[2], day_of(new[1]), new[3])]
    if sale[0] >= 0:
        effects.append(Effect(sale[2], day_of(sale[1]), -sale[3]))
    return [False, *new], effects


def is_readable(kind: bytes, data: Mapping[str, Any]) -> bool:
    """Whether the record can count; a peer's only check."""
    return kind == VOIDED or (kind == RECORDED and type(data["amount_minor"]) is int)


@cache
def _buckets(day: date) -> tuple[str, ...]:
    year, week, _ = day.isocalendar()
    return (day.isoformat(), f"{year}-W{week:02}", f"{day:%Y-%m}", f"{day.year}-Q{(day.month + 2) // 3}", f"{day.year}")


def day_of(occurred_at: str) -> str:
    """The business day."""
    return datetime.fromisoformat(occurred_at).astimezone(ZONE).date().isoformat()


@cache
def buckets(day: str) -> tuple[str, ...]:
    """The five buckets of a day."""
    return _buckets(date.fromisoformat(day))


def chain(tree: Mapping[str, list[Any]], unit: str | None) -> Iterator[tuple[str, str]]:
    """(level, unit) from a unit up to the nation."""
    while unit is not None:
        level, parent = tree[unit]
        yield level, unit
        unit = parent


def totals(tree: Mapping[str, list[Any]], rep: str, effect: Effect) -> Iterator[Total]:
    """The 35 totals that an effect changes."""
    for bucket in buckets(effect.day):
        yield "rep", bucket, rep
        for level, unit in chain(tree, effect.unit):
            yield level, bucket, unit


class Clock:
    """CPU and time of this process, from its first record to the last total written."""

    def __init__(self) -> None:
        self._started: tuple[float, float] | None = None

    def start(self) -> None:
        """Called with every record: only the first counts."""
        if self._started is None:
            self._started = time.process_time(), time.perf_counter()

    def stop(self) -> dict[str, Any]:
        """What it cost."""
        assert self._started is not None, "no record came"
        return {
            "cpu_seconds": time.process_time() - self._started[0],
            "wall_seconds": time.perf_counter() - self._started[1],
            "peak_rss_mb": peak_rss_mb(),
        }


def peak_rss_mb() -> int:
    """The most memory that this process ever held; ``getrusage`` counts what its parent held when it forked."""
    status = Path("/proc/self/status")  # Linux alone has it
    lines = status.read_text("utf-8").splitlines() if status.exists() else []
    return next((int(line.split()[1]) >> 10 for line in lines if line.startswith("VmHWM:")), 0)


def report(told: Told, cost: Mapping[str, Any], found: Iterable[tuple[Total, int]], **more: Any) -> None:
    """Write what it cost and the totals, for the bench to compare."""
    sums: dict[str, dict[str, int]] = {}
    for (kind, bucket, member), amount in found:
        board = sums.setdefault(f"{kind} {bucket}", {})
        board[member] = board.get(member, 0) + amount
    told.out.write_text(json.dumps({**cost, **more, "totals": sums}), encoding="utf-8")
