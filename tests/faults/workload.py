"""What is produced while faults happen: a company of its own, and among its sales the histories of ``tests.histories``.

Seeded and endless. The company has a wide board (some hundred reps) and narrow ones; the histories draw from small
pools, so that facts collide. Both move units about. Everything goes as ``emit`` would send it, now and then otherwise:
in structured mode, to a wrong partition, under a wrong key, or as something that can't count at all.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

from events.writing import to_record
from tests.histories.generator import RAW, event, history

REPS = [f"rep-{number:03d}" for number in range(240)]
SHOPS = [f"shop-{number}" for number in range(10)]
AREAS = ("east", "west", "north")
DAYS = ("2026-05-14", "2026-05-15", "2026-05-31", "2026-06-01")
MOVE_DAYS = ("2026-05-01", "2026-05-15", "2026-06-01")
BOARDS = (
    "hq/rep/revenue/2026",  # wide: everybody
    "hq/rep/attainment-revenue/2026-05",
    "hq/shop/quantity/2026-Q2",
    "hq/area/attainment-count/2026-05",
    "east/rep/count/2026-W20",
    "shop-3/rep/revenue/2026-05-15",  # narrow
    "s1/rep/revenue/2026",  # of the histories
    "north/store/count/2026-05",
    "bj/rep/attainment-revenue/2026-05",
)
"""What the observer polls: large and small, reps and units, totals and attainment."""

HISTORY_SIZE = 60
CONTROL_SHARE_KEPT = 0.1  # of a history's org facts: each makes every line's place be judged again
RECENT_MAX = 500


class Send(NamedTuple):
    """A record to send. Topic is logical; no partition means that of the key."""

    topic: str
    partition: int | None
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def as_emitted(line: bytes) -> Send:
    """A line as ``standings emit`` sends it."""
    made = to_record(line)
    return Send(made.topic, None, made.key, made.value, made.headers)


class Workload:
    """An endless history.

    Args:
        seed: everything follows from it.
        partitions: of the deployment.
    """

    def __init__(self, seed: int, partitions: int) -> None:
        self._rnd = random.Random(seed)
        self._partitions = partitions
        self._number = 0
        self._recent: deque[Send] = deque(maxlen=RECENT_MAX)
        self._stream = self._draw()

    def opening(self) -> list[Send]:
        """The company as it stands before the first sale."""
        lines = [self._place("hq", "nation", None)]
        lines += [self._place(area, "area", "hq") for area in AREAS]
        lines += [self._place(shop, "shop", AREAS[number % 3]) for number, shop in enumerate(SHOPS)]
        for rep in REPS:
            lines.append(self._join(rep, "2025-01-01"))
            lines.append(self._target("rep", rep, "revenue"))
        lines += [self._target("unit", unit, metric) for unit in (*AREAS, *SHOPS) for metric in ("revenue", "count")]
        return [*map(as_emitted, lines), Send("control", 0, b"control", b"{broken", [])]

    def some(self, count: int) -> list[Send]:
        """The next records."""
        return [next(self._stream) for _ in range(count)]

    # ---------------------------------------------------------------- drawing

    def _draw(self) -> Iterator[Send]:
        rnd = self._rnd
        while True:
            dice = rnd.random()
            if dice < 0.80:
                yield from self._sale()
            elif dice < 0.81:
                yield as_emitted(rnd.choice((self._move(), self._join(rnd.choice(REPS), rnd.choice(MOVE_DAYS)))))
            elif dice < 0.83:
                kind, subject = rnd.choice((("rep", rnd.choice(REPS)), ("unit", rnd.choice(SHOPS))))
                yield as_emitted(self._target(kind, subject, rnd.choice(("revenue", "count"))))
            elif dice < 0.84:
                yield Send("sales", rnd.randrange(self._partitions), None, rnd.choice(RAW), [])
            elif dice < 0.88 and self._recent:
                yield rnd.choice(self._recent)
            else:
                yield from self._collisions()

    def _collisions(self) -> Iterator[Send]:
        """A few lines of a history, with few of its org facts."""
        rnd = self._rnd
        for send in map(as_emitted, rnd.sample(history(rnd, HISTORY_SIZE), 6)):
            if send.topic != "control" or rnd.random() < CONTROL_SHARE_KEPT:
                yield self._bent(send)

    def _sale(self) -> Iterator[Send]:
        """A sale, with what may come of it."""
        rnd = self._rnd
        number = self._next()
        rep = rnd.choice(REPS)
        data: dict[str, Any] = {
            "sale_id": f"W{number}",
            "rep_id": rep,
            "unit_id": rnd.choice(SHOPS),
            "occurred_at": f"{rnd.choice(DAYS)}T{rnd.randrange(24):02}:30:00+08:00",
            "amount_minor": rnd.randrange(1, 100_000),
            "currency": "CNY" if rnd.random() < 0.99 else "USD",
            "quantity": rnd.randrange(1, 4),
        }
        lines = [event("sale.recorded.v1", data, rep, source="/pos", number=number)]
        dice = rnd.random()
        if dice < 0.04:
            changed = {**data, "revision": 1, "unit_id": rnd.choice(SHOPS), "amount_minor": rnd.randrange(1, 100_000)}
            lines.append(event("sale.recorded.v1", changed, rep, source="/pos", number=number))
        elif dice < 0.08:
            void = {"line": 1, **{name: data[name] for name in ("sale_id", "rep_id", "occurred_at")}}
            void |= {"reason": "mistake", "voided_at": "2026-06-02T00:00:00Z"}
            lines.append(event("sale.voided.v1", void, rep, source="/pos", number=number))
        rnd.shuffle(lines)
        for line in lines:
            if rnd.random() < 0.1:
                headers = [("content-type", b"application/cloudevents+json; charset=UTF-8")]
                yield Send("sales", None, rep.encode(), line, headers)
            else:
                yield self._bent(as_emitted(line))

    def _bent(self, send: Send) -> Send:
        """Sometimes on a wrong partition or under a wrong key."""
        self._recent.append(send)
        dice = self._rnd.random()
        if send.topic != "control" and dice < 0.03:
            return send._replace(partition=self._rnd.randrange(self._partitions))
        if send.topic == "sales" and dice < 0.04:
            return send._replace(key=b"another key")
        return send

    # ---------------------------------------------------------------- facts of the company

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _place(self, unit: str, level: str, parent: str | None, effective_on: str = "2025-01-01") -> bytes:
        number = self._next()
        data: dict[str, Any] = {
            "unit_id": unit,
            "name": unit,
            "level": level,
            "effective_on": effective_on,
            "revision": number,
        }
        if parent is not None:
            data["parent_id"] = parent
        return event("unit.placed.v1", data, "control", number=number)

    def _move(self) -> bytes:
        rnd = self._rnd
        return self._place(rnd.choice(SHOPS), "shop", rnd.choice(AREAS), rnd.choice(MOVE_DAYS))

    def _join(self, rep: str, effective_on: str) -> bytes:
        number = self._next()
        data: dict[str, Any] = {
            "rep_id": rep,
            "display_name": rep.title(),
            "unit_id": self._rnd.choice(SHOPS),
            "revision": number,
        }
        data |= {"effective_on": effective_on}
        return event("rep.joined.v1", data, rep, number=number)

    def _target(self, kind: str, subject: str, metric: str) -> bytes:
        number = self._next()
        data = {"subject": {"type": kind, "id": subject}, "bucket": "2026-05", "metric": metric, "revision": number}
        data |= {"value": self._rnd.randrange(1, 1_000_000), "reason": "plan", "set_by": "boss"}
        return event("target.set.v1", data, subject, number=number)
