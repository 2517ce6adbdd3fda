"""Simulated sales: seasons of the day and week, and everything that goes wrong in a real shop, at realistic rates."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, tzinfo
from itertools import accumulate
from typing import Any, NamedTuple

from cli.simulator.facts import Event, event
from cli.simulator.organisation import Organisation, Seller

HOURS = (0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 4, 6, 8, 6, 6, 7, 7, 7, 9, 11, 9, 5, 2, 0)
"""How busy each hour of the day is."""
WEEKDAYS = (0.8, 0.8, 0.85, 0.9, 1.15, 1.6, 1.5)
"""How busy each day of the week is, Monday first."""
LINES_A_DAY = 0.7
TICKET_MINOR_MEDIAN = 180_000
PRODUCTS = tuple((f"sku-{n:03d}", category) for n in range(1, 61) for category in (("shoes", "coats", "bags")[n % 3],))
RECENT_MAX = 2000


class Rates(NamedTuple):
    """Shares of sale lines."""

    duplicated: float = 0.05
    voided: float = 0.02
    void_first: float = 0.2  # of the voids
    amended: float = 0.02
    late: float = 0.05
    returned: float = 0.015
    broken: float = 0.0001


class SalesSimulator:
    """Draws sales of the organisation's sellers.

    Args:
        organisation: who sells.
        seed: the same seed gives the same past days.
        zone: the company's time zone.
        currency: ISO 4217 code that amounts are in; the figures are the same in any.
        rates: what goes wrong, and how often.
    """

    def __init__(
        self,
        organisation: Organisation,
        seed: int,
        *,
        zone: tzinfo,
        currency: str,
        rates: Rates = Rates(),  # noqa: B008 - immutable
    ) -> None:
        self._seed, self._zone, self._currency, self._rates = seed, zone, currency, rates
        weights = {unit.unit_id: unit.weight for unit in organisation.units}
        self._sellers = organisation.sellers
        self._weights = {seller.rep_id: weights[seller.unit_id] for seller in self._sellers}
        self._cumulative_skill = list(accumulate(seller.skill for seller in self._sellers))
        self._recent: deque[dict[str, Any]] = deque(maxlen=RECENT_MAX)

    def past_day(self, day: date, until: datetime) -> Iterator[Event]:
        """Every event of a day's sales that occurred before ``until``, in the order in which they arrive."""
        draw = random.Random(f"{self._seed}/{day}")
        arrivals: list[tuple[datetime, int, Event]] = []
        for seller in self._sellers:
            busy = LINES_A_DAY * seller.skill * WEEKDAYS[day.weekday()]
            for n in range(_poisson(draw, busy)):
                occurred_at = self._moment(draw, day)
                if occurred_at < until:
                    sale_id = f"{day:%y%m%d}-{seller.rep_id[4:]}-{n}"
                    for at, made in self._sale(draw, seller, sale_id, occurred_at, until):
                        arrivals.append((at, len(arrivals), made))
        return (made for _, _, made in sorted(arrivals, key=lambda arrival: arrival[:2]))

    def live(self, draw: random.Random, sale_id: str, now: datetime) -> list[Event]:
        """The events of one sale that happens now."""
        seller = draw.choices(self._sellers, cum_weights=self._cumulative_skill)[0]
        occurred_at = now
        if draw.random() < self._rates.late:
            occurred_at = now - timedelta(hours=draw.uniform(1, 40))
        made = [sale for _, sale in self._sale(draw, seller, sale_id, occurred_at, now)]
        if self._recent and draw.random() < self._rates.amended:
            made.append(self._amended(draw, draw.choice(self._recent), now))
        return made

    def busy(self, now: datetime) -> float:
        """How busy this hour is, against the mean of an open hour; never nought, so that the demo always moves."""
        local = now.astimezone(self._zone)
        return max(0.4, HOURS[local.hour] / 6 * WEEKDAYS[local.weekday()])

    def _moment(self, draw: random.Random, day: date) -> datetime:
        hour = draw.choices(range(24), HOURS)[0]
        clock = time(hour, draw.randrange(60), draw.randrange(60), tzinfo=self._zone)
        return datetime.combine(day, clock)

    def _sale(
        self, draw: random.Random, seller: Seller, sale_id: str, occurred_at: datetime, until: datetime
    ) -> Iterator[tuple[datetime, Event]]:
        """(arrival, event) of a sale line and of what happens to it."""
        rates, arrived_at = self._rates, occurred_at
        if draw.random() < rates.late:
            arrived_at = min(until, occurred_at + timedelta(hours=draw.uniform(0.5, 30)))
        data = self._line(draw, seller, sale_id, occurred_at)
        sale = self._recorded(data, arrived_at)
        yield arrived_at, sale
        if draw.random() < rates.duplicated:
            yield min(until, arrived_at + timedelta(seconds=draw.uniform(1, 600))), sale
        fate = draw.random()
        if fate < rates.voided:
            first = draw.random() < rates.void_first
            at = arrived_at - timedelta(seconds=1) if first else arrived_at + timedelta(minutes=draw.uniform(1, 200))
            yield min(until, at), self._voided(data, min(until, at))
        elif fate < rates.voided + rates.amended:
            at = min(until, arrived_at + timedelta(minutes=draw.uniform(1, 300)))
            yield at, self._amended(draw, data, at)
        else:
            self._recent.append(data)
        if draw.random() < rates.broken:
            yield arrived_at, {**sale, "data": {**data, "amount_minor": "a lot"}}

    def _line(self, draw: random.Random, seller: Seller, sale_id: str, occurred_at: datetime) -> dict[str, Any]:
        product_id, category = draw.choice(PRODUCTS)
        amount = int(draw.lognormvariate(0, 0.7) * TICKET_MINOR_MEDIAN * self._weights[seller.rep_id]) // 1000 * 1000
        data: dict[str, Any] = {
            "sale_id": sale_id,
            "line": 1,
            "revision": 0,
            "rep_id": seller.rep_id,
            "unit_id": seller.unit_id,
            "occurred_at": occurred_at.isoformat(timespec="seconds"),
            "amount_minor": max(9_900, amount),
            "currency": self._currency,
            "quantity": draw.choice((1, 1, 1, 2, 2, 3)),
            "product_id": product_id,
            "category": category,
            "channel": draw.choice(("store", "store", "store", "mini-program")),
        }
        if draw.random() < self._rates.returned:
            data |= {"amount_minor": -data["amount_minor"], "quantity": -1, "returns": f"{sale_id}-before"}
        return data

    def _recorded(self, data: dict[str, Any], at: datetime) -> Event:
        identity = f"{data['sale_id']}/{data['line']}/{data['revision']}"
        source = f"/pos/{data['unit_id']}"
        return event("sale.recorded.v1", source, data["rep_id"], key=data["rep_id"], at=at, data=data, id=identity)

    def _amended(self, draw: random.Random, data: dict[str, Any], at: datetime) -> Event:
        amount = int(data["amount_minor"] * draw.choice((0.5, 0.8, 0.9, 0.9))) // 1000 * 1000
        amended = {**data, "revision": data["revision"] + 1, "amount_minor": amount}
        return self._recorded(amended, at)

    def _voided(self, data: dict[str, Any], at: datetime) -> Event:
        voided = {
            "sale_id": data["sale_id"],
            "line": data["line"],
            "rep_id": data["rep_id"],
            "occurred_at": data["occurred_at"],
            "reason": "cancelled at the counter",
            "voided_at": at.isoformat(timespec="seconds"),
        }
        source = f"/pos/{data['unit_id']}"
        identity = f"{data['sale_id']}/{data['line']}/void"
        return event("sale.voided.v1", source, data["rep_id"], key=data["rep_id"], at=at, data=voided, id=identity)


def _poisson(draw: random.Random, mean: float) -> int:
    """A Poisson draw by counting arrivals (mean below about 30)."""
    count, left = 0, draw.expovariate(1)
    while left < mean:
        count += 1
        left += draw.expovariate(1)
    return count
