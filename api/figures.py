"""Figures that need the day: the period and its selling days, and what a unit or rep has reached of its target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from api.org_day import OrgDay
from domain.attainment import PPM, attainment_ppm
from domain.calendar import bucket_kind, bucket_span
from domain.cells import EMPTY, Cell
from domain.standings import Goals, per_day


@dataclass(frozen=True, slots=True)
class Period:
    """A bucket as seen on a day, in the selling days of one unit.

    Attributes:
        bucket: the period.
        today: business day in the unit's zone.
        selling_day_count: of the whole period.
        selling_days_left: today and after.
        pace_ppm: share of the selling days due by the end of today; None if there are none.
    """

    bucket: str
    today: str
    selling_day_count: int
    selling_days_left: int
    pace_ppm: int | None

    @classmethod
    def of(cls, org: OrgDay, unit_id: str, bucket: str, today: str) -> Period:
        """The bucket on a day, for a unit."""
        first, last = bucket_span(bucket)
        count = org.selling_days(unit_id, first, last)
        left = org.selling_days(unit_id, max(today, first), last) if today <= last else 0
        due = org.selling_days(unit_id, first, min(today, last)) if today >= first else 0
        return cls(bucket, today, count, left, due * PPM // count if count else None)

    @property
    def phase(self) -> str:
        """``upcoming``, ``running`` or ``ended``."""
        first, last = bucket_span(self.bucket)
        return "upcoming" if self.today < first else "running" if self.today <= last else "ended"

    def as_json(self, time_zone: str) -> dict[str, Any]:
        """The ``period`` of an envelope."""
        first, last = bucket_span(self.bucket)
        return {
            "bucket": self.bucket,
            "kind": bucket_kind(self.bucket),
            "first_on": first,
            "last_on": last,
            "today_on": self.today,
            "time_zone": time_zone,
            "phase": self.phase,
            **self.days_json(),
        }

    def days_json(self) -> dict[str, Any]:
        """Selling days and pace."""
        return {
            "selling_day_count": self.selling_day_count,
            "selling_days_left": self.selling_days_left,
            "pace_ppm": self.pace_ppm,
        }


def progress(cell: Cell, metric: str, target: int | None, days_left: int) -> dict[str, Any]:
    """A total against its target."""
    total: int = getattr(cell, metric)
    remaining = None if target is None else max(0, target - total)
    return {
        "total": str(total),
        "cell": cell_json(cell),
        "target": text(target),
        "attainment_ppm": None if target is None else attainment_ppm(total, target),
        "remaining": text(remaining),
        "required_per_day": text(per_day(remaining, days_left)),
    }


def children_target(org: OrgDay, unit_id: str, metric: str, goals: Goals) -> dict[str, Any]:
    """The sum of the direct children's targets, and how far it is from the unit's own."""
    targets = [t for child in org.children(unit_id) if (t := target_of(goals, child, metric)) is not None]
    own = target_of(goals, unit_id, metric)
    below = sum(targets) if targets else None
    gap = None if own is None or below is None else own - below
    return {"children_target": text(below), "children_target_gap": text(gap)}


def unit_figures(org: OrgDay, unit_id: str, metric: str, goals: Goals, period: Period) -> dict[str, Any]:
    """What a unit has reached in a period."""
    cell = goals.whole.get(unit_id, EMPTY)
    target = target_of(goals, unit_id, metric)
    return {
        "bucket": period.bucket,
        "metric": metric,
        **progress(cell, metric, target, period.selling_days_left),
        **children_target(org, unit_id, metric, goals),
        **period.days_json(),
    }


def target_of(goals: Goals, subject_id: str, metric: str) -> int | None:
    """A subject's target, None without one above 0."""
    return goals.targets.get(subject_id, {}).get(metric) or None


def cell_json(cell: Cell) -> dict[str, str]:
    """A cell for JSON."""
    return {name: str(value) for name, value in cell._asdict().items()}


def text(value: int | None) -> str | None:
    """An integer that may need 64 bits, for JSON."""
    return None if value is None else str(value)
