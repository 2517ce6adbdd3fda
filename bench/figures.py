"""What a leg found, and how figures of several runs become one."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Leg:
    """One thing measured.

    Attributes:
        name: of the leg.
        events: source records behind the figure.
        cpu_seconds: user and system, of the processes that do the work.
        wall_seconds: beside it.
        peak_rss_mb: of the biggest of these processes.
        equals_oracle: whether its boards are the oracle's; None = it makes no boards.
        more: figures of its own.
        runs: events per CPU second of every run, if there were several; the leg is then their median.
    """

    name: str
    events: int
    cpu_seconds: float
    wall_seconds: float
    peak_rss_mb: int
    equals_oracle: bool | None = None
    more: dict[str, Any] = field(default_factory=dict)
    runs: tuple[float, ...] = ()

    @property
    def per_cpu_second(self) -> float:
        """The primary figure: events per CPU second."""
        return self.events / self.cpu_seconds

    @property
    def us_per_event(self) -> float:
        """The same, turned over: microseconds of CPU for one event."""
        return 1e6 * self.cpu_seconds / self.events

    @property
    def spread(self) -> float:
        """(greatest - least) / median of the runs."""
        return (max(self.runs) - min(self.runs)) / statistics.median(self.runs) if self.runs else 0.0

    def as_json(self) -> dict[str, Any]:
        """What the JSON object says of a leg."""
        said: dict[str, Any] = {
            "name": self.name,
            "events": self.events,
            "cpu_seconds": round(self.cpu_seconds, 3),
            "wall_seconds": round(self.wall_seconds, 3),
            "peak_rss_mb": self.peak_rss_mb,
            "equals_oracle": self.equals_oracle,
        }
        if self.runs:
            said["runs"] = [round(run, 1) for run in self.runs]
        return said | ({"more": self.more} if self.more else {})


def median_of(legs: Sequence[Leg]) -> Leg:
    """The run in the middle, with what all runs gave; it is equal to the oracle only if every run was."""
    ordered = sorted(legs, key=lambda leg: leg.per_cpu_second)
    middle = ordered[(len(ordered) - 1) // 2]
    equal = None if middle.equals_oracle is None else all(leg.equals_oracle for leg in legs)
    runs = tuple(leg.per_cpu_second for leg in legs) if len(legs) > 1 else ()
    return Leg(
        middle.name,
        middle.events,
        middle.cpu_seconds,
        middle.wall_seconds,
        middle.peak_rss_mb,
        equal,
        middle.more,
        runs,
    )
