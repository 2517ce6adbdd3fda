"""O1's idea of closed years: which lines come too late. Written from docs/reference/semantics.md, section 7, alone."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.oracle.schema import Bad, days_of, instant_ms

EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
DELAY_MS = 10_000
Placements = Mapping[str, list[dict[str, Any]]]


class Said(NamedTuple):
    """A line that was read: what kind of fact, its key and rank, its data, and when it was recorded."""

    kind: str
    key: tuple[Any, ...]
    rank: tuple[Any, ...]
    data: dict[str, Any]
    recorded: int


class Close(NamedTuple):
    year: int
    recorded: int


def end_of(year: int) -> int:
    """When the year is over everywhere, UTC milliseconds."""
    return instant_ms(f"{year + 1}-01-01T12:00:00Z")


def closes_of(said: Sequence[Said | None]) -> list[Close]:
    """The closes that close something, the earliest first."""
    found: list[Close] = []
    for line in sorted((s for s in said if s and s.kind == "period.closed.v1"), key=lambda s: s.recorded):
        if not found or line.data["year"] > found[-1].year:
            found.append(Close(line.data["year"], line.recorded))
    return found


def closed_to(closes: Sequence[Close], recorded: int, delay: int) -> int:
    """The last year closed to what was recorded then; 0 if none."""
    return max((close.year for close in closes if close.recorded + delay < recorded), default=0)


def arrange(said: Sequence[Said | None], kind: str, owner: str) -> Placements:
    """The winning facts of a kind by whom they are about, earliest day first."""
    best: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for line in said:
        if line is not None and line.kind == kind:
            best[line.key] = max(line.rank, best.get(line.key, line.rank))
    arranged: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for key in sorted(best):
        data = json.loads(best[key][1])
        arranged[data[owner]].append(data)
    return arranged


def zone_of(unit: str, placements: Placements) -> str | None:
    """The zone of a unit by some placements; None if they tell none."""
    met: set[str] = set()
    while unit in placements and unit not in met:
        met.add(unit)
        for placement in placements[unit]:
            if placement["time_zone"] is not None:
                return str(placement["time_zone"])
        if placements[unit][0]["parent_id"] is None:
            break
        unit = placements[unit][0]["parent_id"]
    return None


class Years:
    """Closed years, and the zones that they froze."""

    def __init__(self, said: Sequence[Said | None], default_zone: str) -> None:
        self.closes = closes_of(said)
        self.default_zone = default_zone
        self.late = [line is not None and self.dated_late(line) for line in said]
        counted = [None if late else line for line, late in zip(said, self.late, strict=True)]
        self.now = arrange(counted, "unit.placed.v1", "unit_id")
        self.frozen = [
            arrange([line for line in counted if line and line.recorded <= close.recorded], "unit.placed.v1", "unit_id")
            for close in self.closes
        ]
        self.judge_lines(counted)

    def dated_late(self, line: Said) -> bool:
        """Facts about units, reps and targets."""
        delay = 0 if line.kind.startswith("unit.") else DELAY_MS
        last = f"{closed_to(self.closes, line.recorded, delay)}-12-31"
        if line.kind.startswith("target."):
            return days_of(line.data["bucket"])[0].isoformat() <= last
        return "effective_on" in line.data and line.data["effective_on"] <= last

    def frozen_zone(self, unit: str, occurred: int) -> str | None:
        """The unit's zone by the first close of a year that was not over before the instant; None if there is none."""
        for close, frozen in zip(self.closes, self.frozen, strict=True):
            if occurred < end_of(close.year):
                return zone_of(unit, frozen) or self.default_zone
        return None

    def day(self, unit: str, occurred: int) -> dt.date:
        """The business day of a sale."""
        zone = self.frozen_zone(unit, occurred) or zone_of(unit, self.now) or self.default_zone
        return (EPOCH + dt.timedelta(milliseconds=occurred)).astimezone(ZoneInfo(zone)).date()

    def judge_lines(self, counted: Sequence[Said | None]) -> None:
        """Sales and voids: those recorded before a close took effect first."""
        by_year: dict[int, list[int]] = defaultdict(list)
        for at, line in enumerate(counted):
            if line is not None and line.key[0] in ("line", "void"):
                by_year[closed_to(self.closes, line.recorded, DELAY_MS)].append(at)
        best: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        void: set[tuple[Any, ...]] = set()
        for year in sorted(by_year):
            in_time: list[Said] = []
            for at in by_year[year]:
                line = counted[at]
                assert line is not None
                known = None if line.key[1:] in void else best.get(line.key[1:])
                days = [self.day(rank[2], rank[1]).year for rank in (known, line.rank) if rank]
                self.late[at] = any(day <= year for day in days)
                if not self.late[at]:
                    in_time.append(line)
            for line in in_time:
                if line.key[0] == "void":
                    void.add(line.key[1:])
                else:
                    best[line.key[1:]] = max(line.rank, best.get(line.key[1:], line.rank))


def refuse_early(year: int, recorded: int) -> None:
    """A year that is not over everywhere can't be closed."""
    if recorded < end_of(year):
        raise Bad("in_the_future")
