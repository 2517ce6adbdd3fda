"""A history: structured CloudEvents lines, drawn from small pools so that facts collide.

Pure: everything comes from the given ``random.Random``. Hypothesis can hand in one of its own, whose draws it
shrinks. The events are those of docs/reference/semantics.md; a history holds what goes wrong in a sales
organisation's year: voids before sales, amendments that move day and store, conflicts, late placements and their
corrections, moves, cycles, level changes, nights when clocks change, units and reps nobody placed, targets before
and after sales, and broken lines.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

Line = bytes
UNITS = ("cn", "north", "south", "bj", "ktm", "ny", "s1", "s2", "店/3", "s4")
LEVELS = {"cn": "nation", "north": "region", "south": "region", "bj": "city", "ktm": "city", "ny": "city"}
PARENTS = {
    "north": "cn",
    "south": "cn",
    "bj": "north",
    "ktm": "south",
    "ny": "south",
    "s1": "bj",
    "s2": "bj",
    "店/3": "ktm",
    "s4": "ny",
}
ZONES = {"cn": "Asia/Shanghai", "ktm": "Asia/Kathmandu", "ny": "America/New_York"}
STORES = ("s1", "s2", "店/3", "s4", "s4", "bj", "nowhere")
REPS = ("r1", "r2", "r3", "导购4", "r5")
SOURCES = ("/pos/s1", "/pos/s1", "/pos/s1", "/pos/s1", "/erp")
EFFECTIVE = ("2024-01-01", "2025-12-29", "2026-01-01", "2026-03-08", "2026-05-15", "2026-05-31", "2026-06-01")
DAYS = (
    "2024-02-29",
    "2025-12-28",
    "2025-12-31",
    "2026-01-01",
    "2026-03-07",
    "2026-03-08",
    "2026-05-14",
    "2026-05-15",
    "2026-05-31",
    "2026-06-01",
    "2026-11-01",
)
CLOCKS = (
    "00:00:00",
    "00:15:00",
    "01:30:00",
    "02:30:00",
    "03:00:00",
    "12:00:00",
    "14:59:59.999",
    "23:44:59.999",
    "23:59:59.9999",
)
OFFSETS = ("Z", "+00:00", "+08:00", "+05:45", "-05:00", "-04:00", "+14:00")
BUCKETS = ("2026-05-15", "2026-W20", "2026-05", "2026-Q2", "2026", "2026-W01", "2026-03", "2025")
METRICS = ("revenue", "quantity", "count")
AMOUNTS = (1, 29, 100, 250, 57, 9999, -100, 0, 10**11, -(10**11))  # 29 and 57: their hundredth is no float


def event(
    kind: str,
    data: dict[str, Any],
    key: str | None,
    *,
    source: str = "/hr",
    number: int = 0,
    recorded_at: str = "2026-12-01T00:00:00Z",
) -> Line:
    """One structured CloudEvent as a line; no key means no ``partitionkey``."""
    envelope = {
        "specversion": "1.0",
        "id": f"{kind}-{number}",
        "source": source,
        "type": f"dev.standings.{kind}",
        "time": recorded_at,
        "datacontenttype": "application/json",
        "data": data,
    }
    if key is not None:
        envelope["partitionkey"] = key
    return json.dumps(envelope, ensure_ascii=False).encode()


def instant(rnd: random.Random) -> str:
    """A wall clock reading near a day's edge, written with any offset."""
    return f"{rnd.choice(DAYS)}T{rnd.choice(CLOCKS)}{rnd.choice(OFFSETS)}"


def recorded(occurred_at: str, hours: float) -> str:
    """An instant some hours after another, in UTC."""
    moment = dt.datetime.fromisoformat(occurred_at.replace("Z", "+00:00")) + dt.timedelta(hours=hours)
    return moment.astimezone(ZoneInfo("UTC")).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def maybe(rnd: random.Random, **fields: Any) -> dict[str, Any]:
    """Each field present or absent: an absent one means its default."""
    return {name: value for name, value in fields.items() if rnd.random() < 0.6}


def line_key(rnd: random.Random) -> tuple[str, dict[str, Any]]:
    data: dict[str, Any] = {"sale_id": f"S{rnd.randrange(5)}", "rep_id": rnd.choice(REPS)}
    if (line := rnd.choice((1, 1, 1, 1, 1, 2, 0))) != 1 or rnd.random() < 0.5:
        data["line"] = line
    return rnd.choice(SOURCES), data


def sale(rnd: random.Random, number: int) -> Line:
    source, data = line_key(rnd)
    occurred_at = instant(rnd)
    data |= {
        "unit_id": rnd.choice(STORES),
        "occurred_at": occurred_at,
        "currency": "CNY",
        "amount_minor": rnd.choice(AMOUNTS),
        "quantity": rnd.choice((1, 2, 0, -1, 10**6)),
    }
    data |= maybe(rnd, revision=rnd.choice((0, 0, 1, 2)), product_id="sku-1")
    if rnd.random() < 0.2:
        data |= maybe(rnd, returns="S0", category="鞋", channel="web", product_id=None)
    hours = rnd.choice((0, 1, 72, 9000, -1, -24))
    return event(
        "sale.recorded.v1", data, data["rep_id"], source=source, number=number, recorded_at=recorded(occurred_at, hours)
    )


def void(rnd: random.Random, number: int) -> Line:
    source, data = line_key(rnd)
    data = {"line": 1, **data, "occurred_at": instant(rnd), "reason": "mistake", "voided_at": instant(rnd)}
    if rnd.random() < 0.3:
        data["sale_source"] = rnd.choice(SOURCES)
    return event("sale.voided.v1", data, data["rep_id"], source=source, number=number)


def placed(rnd: random.Random, number: int) -> Line:
    """A late placement: a move, a level change, a correction, a cycle, another zone or name."""
    unit = rnd.choice(UNITS)
    data: dict[str, Any] = {
        "unit_id": unit,
        "name": rnd.choice((unit, "北京 #1", 'a\u2028b"\\')),
        "effective_on": rnd.choice(EFFECTIVE),
        "level": rnd.choice((LEVELS.get(unit, "store"), LEVELS.get(unit, "store"), "store", "city")),
    }
    data |= maybe(rnd, parent_id=rnd.choice((PARENTS.get(unit), *UNITS)), revision=rnd.randrange(3))
    if rnd.random() < 0.2:
        data["time_zone"] = rnd.choice((*ZONES.values(), None))
    return event("unit.placed.v1", data, "control", number=number)


def joined(rnd: random.Random, number: int) -> Line:
    data = {
        "rep_id": rnd.choice(REPS),
        "display_name": rnd.choice(("王芳", "Li")),
        "unit_id": rnd.choice(STORES),
        "effective_on": rnd.choice(EFFECTIVE),
    }
    data |= maybe(rnd, revision=rnd.randrange(2))
    return event("rep.joined.v1", data, data["rep_id"], number=number)


def without_effect(rnd: random.Random, number: int) -> Line:
    """Facts that move no total: somebody leaves, leads or closes."""
    rep, unit, day = rnd.choice(REPS), rnd.choice(UNITS), rnd.choice(EFFECTIVE)
    kind, key, data = rnd.choice(
        (
            ("rep.left.v1", rep, {"rep_id": rep}),
            ("unit.closed.v1", "control", {"unit_id": unit}),
            ("unit.led.v1", "control", {"unit_id": unit, "rep_id": rep}),
        )
    )
    return event(kind, {**data, "effective_on": day, "revision": rnd.randrange(2)}, key, number=number)


def target(rnd: random.Random, number: int) -> Line:
    kind, subject = rnd.choice((("rep", rnd.choice(REPS)), ("unit", rnd.choice(UNITS))))
    data = {
        "subject": {"type": kind, "id": subject},
        "bucket": rnd.choice(BUCKETS),
        "metric": rnd.choice(METRICS),
        "revision": rnd.randrange(3),
        "reason": "plan",
        "set_by": rnd.choice(("boss", "hr")),
    }
    if rnd.random() < 0.15:
        return event("target.withdrawn.v1", data, subject, number=number)
    data["value"] = rnd.choice((100, 300, 7, 1, 0, 9 * 10**12))
    return event("target.set.v1", data, subject, number=number)


def spoilt(field: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda envelope: envelope["data"].__setitem__(field, value)


SPOILT: tuple[Callable[[dict[str, Any]], Any], ...] = (
    spoilt("amount_minor", 1.5),
    spoilt("amount_minor", True),
    spoilt("amount_minor", 10**11 + 1),
    spoilt("amount_minor", "100"),
    spoilt("amount_minor", float("nan")),
    spoilt("amount_minor", None),
    spoilt("quantity", 10**6 + 1),
    spoilt("revision", -1),
    spoilt("rep_id", ""),
    spoilt("unit_id", "u" * 65),
    spoilt("occurred_at", "2026-05-21T10:15:29"),
    spoilt("occurred_at", "2026-02-30T10:15:29Z"),
    spoilt("currency", "USD"),
    spoilt("currency", "yuan"),
    spoilt("discount", 5),
    spoilt("product_id", 17),
    lambda envelope: envelope["data"].pop("sale_id"),
    lambda envelope: envelope.pop("partitionkey"),
    lambda envelope: envelope.pop("data"),
    lambda envelope: envelope.pop("source"),
    lambda envelope: envelope.update(type="dev.standings.sale.recorded.v99"),
    lambda envelope: envelope.update(type="com.example.sale"),
    lambda envelope: envelope.update(specversion="9"),
)
RAW = (b"not json", b"[]", b"{", b"null", b'{"a":' * 3000, b"\xff\xfe", b'{"pad":"' + b"x" * 70_000 + b'"}')


def broken(rnd: random.Random, number: int) -> Line:
    """A line that can't count, wherever and whenever it is read."""
    if rnd.random() < 0.3:
        return rnd.choice(RAW)
    if rnd.random() < 0.2:
        envelope = json.loads(target(rnd, number))
        envelope["data"][rnd.choice(("bucket", "metric"))] = rnd.choice(("2026-W60", "2026-13", "26", "profit", ""))
        return json.dumps(envelope, ensure_ascii=False).encode()
    envelope = json.loads(sale(rnd, number))
    if rnd.random() < 0.2:
        envelope["time"] = recorded(envelope["data"]["occurred_at"], -24 - 1 / 3600)  # one second too early
    else:
        rnd.choice(SPOILT)(envelope)
    return json.dumps(envelope, ensure_ascii=False).encode()


def organisation(rnd: random.Random) -> list[Line]:
    """The ordinary tree and homes, as far as they are known: any of it may be missing."""
    lines = []
    for number, unit in enumerate(UNITS):
        data: dict[str, Any] = {
            "unit_id": unit,
            "name": unit,
            "level": LEVELS.get(unit, "store"),
            "effective_on": "2024-01-01",
        }
        if unit in PARENTS:
            data["parent_id"] = PARENTS[unit]
        if unit in ZONES:
            data["time_zone"] = ZONES[unit]
        lines.append(event("unit.placed.v1", data, "control", number=number))
    for number, rep in enumerate(REPS[:4]):
        data = {"rep_id": rep, "display_name": rep, "unit_id": STORES[number], "effective_on": "2024-01-01"}
        lines.append(event("rep.joined.v1", data, rep, number=number))
    return [line for line in lines if rnd.random() < 0.9]


MAKERS: tuple[tuple[Callable[[random.Random, int], Line], int], ...] = (
    (sale, 12),
    (void, 2),
    (placed, 4),
    (joined, 2),
    (target, 5),
    (without_effect, 1),
    (broken, 1),
)


def history(rnd: random.Random, size: int = 60) -> list[Line]:
    """An organisation and ``size`` further events with exact repeats among them, in no order."""
    makers = [maker for maker, weight in MAKERS for _ in range(weight)]
    lines = organisation(rnd) if rnd.random() < 0.85 else []
    for number in range(size):
        if lines and rnd.random() < 0.08:
            lines.append(rnd.choice(lines))
        else:
            lines.append(rnd.choice(makers)(rnd, number))
    rnd.shuffle(lines)
    return lines
