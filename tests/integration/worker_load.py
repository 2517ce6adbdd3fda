"""A load for real workers: sales, targets, reps and org facts as producers send them, good and bad."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from events.codec import encode_record
from tests.integration.worker_stage import Outgoing

REPS = [f"rep-{number:03d}" for number in range(60)]
STORES = [f"store-{number}" for number in range(8)]
AREAS = ["area-0", "area-1", "area-2"]
CITIES = ["city-0", "city-1"]
DAYS = ["2026-01-30", "2026-01-31", "2026-02-01", "2026-03-01", "2026-03-02"]
POISON = [b"not json", b'{"sale_id": "S"', b"[]", b'{"a":' * 200, b'{"x": NaN}', b"x" * 70_000]


def _send(type_: str, data: dict[str, Any], number: int, *, partition: int | None = None) -> Outgoing:
    made = encode_record(type_, data, id=f"{type_}-{number}", source="/pos", time="2026-03-03T00:00:00Z")
    return made.topic, partition, made.key, made.value, made.headers


def place(
    unit_id: str, level: str, parent_id: str | None, effective_on: str = "2025-01-01", revision: int = 0
) -> Outgoing:
    data = {"unit_id": unit_id, "name": unit_id, "level": level, "effective_on": effective_on, "revision": revision}
    if parent_id is not None:
        data["parent_id"] = parent_id
    return _send("unit.placed.v1", data, revision)


def organisation() -> Iterator[Outgoing]:
    yield place("nation", "nation", None)
    for city in CITIES:
        yield place(city, "city", "nation")
    for number, area in enumerate(AREAS):
        yield place(area, "area", CITIES[number % 2])
    for number, store in enumerate(STORES):
        yield place(store, "store", AREAS[number % 3])
    yield "control", 0, b"control", b"{broken", []


def tripping() -> Outgoing:
    """A sale that the tests' faulty state trips over."""
    data = {"sale_id": "S-13", "rep_id": "rep-000", "unit_id": "store-1", "occurred_at": "2026-03-01T12:00:00+08:00"}
    return _send("sale.recorded.v1", {**data, "amount_minor": 1, "currency": "CNY", "quantity": 13}, 13)


def skip(topic: str, partition: int, offset: int) -> Outgoing:
    data = {"topic": topic, "partition": partition, "offset": offset, "reason": "trips an assertion"}
    return _send("record.skipped.v1", data, offset)


def moves(rnd: random.Random, count: int) -> Iterator[Outgoing]:
    for number in range(count):
        yield place(rnd.choice(STORES), "store", rnd.choice(AREAS), rnd.choice(DAYS), number + 1)


def people(rnd: random.Random) -> Iterator[Outgoing]:
    for number, rep in enumerate(REPS):
        data = {"rep_id": rep, "display_name": rep.title(), "unit_id": rnd.choice(STORES), "effective_on": "2025-01-01"}
        yield _send("rep.joined.v1", data, number)
        target = {"bucket": "2026-01", "metric": "revenue", "reason": "plan", "set_by": "boss"}
        subject = {"type": "rep", "id": rep} if number % 3 else {"type": "unit", "id": rnd.choice(STORES)}
        yield _send("target.set.v1", {"subject": subject, "value": 1000 + number, **target}, number)


def sales(rnd: random.Random, count: int, partitions: int) -> Iterator[Outgoing]:
    """Sales with amendments, voids before and after, duplicates, wrong partitions, wrong keys and poison."""
    for number in range(count):
        data = {
            "sale_id": f"S{number}",
            "rep_id": rnd.choice(REPS),
            "unit_id": rnd.choice(STORES),
            "occurred_at": f"{rnd.choice(DAYS)}T{rnd.randrange(24):02}:30:00+08:00",
            "amount_minor": rnd.randrange(1, 100_000),
            "currency": "CNY",
            "quantity": 1,
        }
        sent = [_send("sale.recorded.v1", data, number)]
        dice = rnd.random()
        if dice < 0.03:
            sent.append(_send("sale.recorded.v1", {**data, "revision": 1, "unit_id": rnd.choice(STORES)}, number))
        elif dice < 0.06:
            void = {"line": 1, **{name: data[name] for name in ("sale_id", "rep_id", "occurred_at")}}
            void |= {"reason": "mistake", "voided_at": "2026-03-02T00:00:00Z"}
            sent.append(_send("sale.voided.v1", void, number))
        elif dice < 0.10:
            sent.append(sent[0])
        elif dice < 0.12:
            topic, _, key, value, headers = sent[0]
            sent[0] = topic, rnd.randrange(partitions), key, value, headers
        elif dice < 0.13:
            topic, _, _, value, headers = sent[0]
            sent[0] = topic, None, b"another key", value, headers
        elif dice < 0.14:
            sent.append(("sales", rnd.randrange(partitions), None, rnd.choice(POISON), []))
        elif dice < 0.15:
            sent.append(_send("sale.recorded.v1", {**data, "currency": "USD", "sale_id": f"U{number}"}, number))
        rnd.shuffle(sent)
        yield from sent
