"""The demo organisation's facts as CloudEvents: who stands where, who leads what, and what everyone is to sell."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from cli.simulator.organisation import Organisation, Seller
from domain.calendar import bucket_span, buckets_of

Event = dict[str, Any]

PREFIX = "dev.standings."
FOUNDED_ON = "2020-01-01"
MONTHLY_TARGET_YUAN = 60_000
"""What a seller of average skill in an average store is to sell in a month."""
DAYS_A_MONTH = 30


def event(kind: str, source: str, subject: str, *, key: str, at: datetime, data: dict[str, Any], **more: str) -> Event:
    """A structured CloudEvent; ``id`` is derived from its content, so that the same fact has the same id."""
    time = at.isoformat(timespec="seconds")
    return {
        "specversion": "1.0",
        "id": more.pop("id", f"{kind}/{subject}"),
        "source": source,
        "type": PREFIX + kind,
        "subject": subject,
        "time": time,
        "recordedtime": time,
        "partitionkey": key,
        "datacontenttype": "application/json",
        "data": data,
    }


def organisation_events(organisation: Organisation, at: datetime, zone: str) -> Iterator[Event]:
    """Units, the persons responsible, and reps, as they have stood since the company was founded in a time zone."""
    for unit in organisation.units:
        placed = {"unit_id": unit.unit_id, "name": unit.name, "level": unit.level, "effective_on": FOUNDED_ON}
        if unit.parent_id is not None:
            placed["parent_id"] = unit.parent_id
        else:
            placed["time_zone"] = zone
        yield event("unit.placed.v1", "/hr", unit.unit_id, key="control", at=at, data=placed)
        led = {"unit_id": unit.unit_id, "rep_id": unit.leader_id, "effective_on": FOUNDED_ON}
        yield event("unit.led.v1", "/hr", unit.unit_id, key="control", at=at, data=led)
    for seller in organisation.sellers:
        joined_on = (at.date() - timedelta(days=seller.joined_days_ago)).isoformat()
        joined = {
            "rep_id": seller.rep_id,
            "display_name": seller.name,
            "unit_id": seller.unit_id,
            "effective_on": joined_on,
        }
        yield event("rep.joined.v1", "/hr", seller.rep_id, key=seller.rep_id, at=at, data=joined)


class TargetPlan:
    """Targets of every seller and unit: a month's is drawn, other periods' follow by their days.

    A unit's target is a little more or less than the sum of its people's, as it is in life.
    """

    def __init__(self, organisation: Organisation, seed: int) -> None:
        weights = {unit.unit_id: unit.weight for unit in organisation.units}
        parents = {unit.unit_id: unit.parent_id for unit in organisation.units}
        draw = random.Random(f"targets/{seed}")
        self._monthly: dict[tuple[str, str], float] = {}
        for seller in organisation.sellers:
            value = self._seller_target(seller, weights[seller.unit_id], draw)
            self._monthly["rep", seller.rep_id] = value
            unit: str | None = seller.unit_id
            while unit is not None:
                self._monthly["unit", unit] = self._monthly.get(("unit", unit), 0) + value
                unit = parents[unit]
        for unit_ in organisation.units:
            self._monthly["unit", unit_.unit_id] *= draw.uniform(0.97, 1.05)

    @staticmethod
    def _seller_target(seller: Seller, weight: float, draw: random.Random) -> float:
        # Planned from what a seller has shown, imperfectly: some are asked for too much, some for too little.
        asked: float = MONTHLY_TARGET_YUAN * weight * seller.skill**0.7 * draw.uniform(0.85, 1.35)
        return asked

    def events(self, buckets: tuple[str, ...], at: datetime) -> Iterator[Event]:
        """Target events of every subject for each of the buckets."""
        for bucket in buckets:
            first, last = (date.fromisoformat(day) for day in bucket_span(bucket))
            months = ((last - first).days + 1) / DAYS_A_MONTH
            step = 100 if months < 1 else 1000
            for (kind, subject_id), monthly in self._monthly.items():
                yuan = max(step, round(monthly * months / step) * step)
                data = {
                    "subject": {"type": kind, "id": subject_id},
                    "bucket": bucket,
                    "metric": "revenue",
                    "value": yuan * 100,
                    "revision": 0,
                    "reason": "plan",
                    "set_by": "sales-planning",
                }
                identity = f"target/{kind}/{subject_id}/{bucket}/revenue/0"
                yield event("target.set.v1", "/planning", subject_id, key=subject_id, at=at, data=data, id=identity)

    @staticmethod
    def buckets_around(day: date) -> tuple[str, ...]:
        """The day's five buckets."""
        return buckets_of(day.isoformat())
