"""Histories with closed years: what was recorded when matters there, so the lines stand as a log would hold them.

Years are closed early, late, twice and out of turn; facts about them are recorded just before, at and just after the
moment from which they are too late, and again much later.
"""

from __future__ import annotations

import datetime as dt
import json
import random
from typing import Any

from tests.histories.generator import DAYS, STORES, ZONES, Line, event, history, recorded, sale

CLOSED_AT = {
    2024: ("2025-01-01T11:59:59Z", "2025-01-01T12:00:00Z", "2026-01-20T00:00:00Z"),
    2025: ("2026-01-01T00:00:00Z", "2026-01-15T00:00:00Z", "2026-03-01T00:00:00Z", "2026-06-10T12:00:00Z"),
    2026: ("2026-12-31T23:00:00Z", "2027-01-01T12:00:00Z", "2027-02-01T00:00:00Z"),
}
MOMENTS = [at for moments in CLOSED_AT.values() for at in moments]
AROUND_HOURS = (-1 / 3600, 0, 0.001 / 3600, 9.999 / 3600, 10 / 3600, 10.001 / 3600, 1, 24 * 20)


def closes(rnd: random.Random) -> list[Line]:
    """Some closes, most of them in order."""
    lines = []
    for number in range(rnd.randrange(1, 5)):
        year = rnd.choice((2024, 2025, 2025, 2026))
        lines.append(closed(year, rnd.choice(CLOSED_AT[year]), number))
    return lines


def closed(year: int, at: str, number: int = 0) -> Line:
    return event("period.closed.v1", {"year": year}, "control", source="/ops", number=number, recorded_at=at)


def zoned_late(rnd: random.Random, number: int) -> Line:
    """A placement of a day after a year's end that gives a unit its zone: sales until that end stay where they are."""
    data: dict[str, Any] = {
        "unit_id": rnd.choice(STORES),
        "name": "moved",
        "level": "store",
        "effective_on": rnd.choice(("2026-01-01", "2026-03-08", "2026-06-01")),
        "time_zone": rnd.choice((*ZONES.values(), "Pacific/Kiritimati", "Pacific/Pago_Pago")),
        "revision": 3,
    }
    return event("unit.placed.v1", data, "control", number=number)


def corrected(rnd: random.Random, line: Line, number: int) -> Line:
    """A sale once more, with a higher revision and perhaps another day."""
    envelope = json.loads(line)
    data = envelope["data"]
    data |= {"revision": 3 + number % 2, "occurred_at": f"{rnd.choice(DAYS)}T{rnd.choice(('00:30:00', '12:00:00'))}Z"}
    return event("sale.recorded.v1", data, data["rep_id"], source=envelope["source"], number=number)


def recorded_ms(line: Line) -> int | None:
    """When a line says it was recorded; None if it is no event."""
    try:
        moment = dt.datetime.fromisoformat(json.loads(line)["time"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (moment - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(milliseconds=1)


def stamped(rnd: random.Random, line: Line) -> Line:
    """The line, recorded at another time than it says: mostly around a close."""
    if recorded_ms(line) is None or rnd.random() < 0.25:
        return line
    envelope = json.loads(line)
    envelope["time"] = recorded(rnd.choice(MOMENTS), rnd.choice(AROUND_HOURS))
    return json.dumps(envelope, ensure_ascii=False).encode()


def in_log_order(rnd: random.Random, lines: list[Line]) -> list[Line]:
    """By recorded time; a close after what was recorded in the same millisecond; what is no event anywhere."""

    def place(line: Line) -> tuple[int, bool]:
        at = recorded_ms(line)
        return rnd.choice(known) if at is None else at, b"period.closed" in line

    known = sorted({at for line in lines if (at := recorded_ms(line)) is not None}) or [0]
    return sorted(lines, key=place)


def closing_history(rnd: random.Random, size: int = 60) -> list[Line]:
    """A history in the order of a log, with years that are closed in it."""
    lines = history(rnd, size)
    sales = [sale(rnd, number) for number in range(size // 6)]
    lines += sales
    lines += [corrected(rnd, rnd.choice(sales), number) for number in range(size // 6) if sales]
    lines += [zoned_late(rnd, number) for number in range(rnd.randrange(3))]
    return in_log_order(rnd, [*(stamped(rnd, line) for line in lines), *closes(rnd)])
