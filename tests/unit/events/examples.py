"""One good event of every type, and ways to write it down."""

from __future__ import annotations

import json
from typing import Any

from events.registry import BY_SHORT, CONTROL_KEY

SOURCE = "/pos/store-042"
TIME = "2026-05-21T10:15:29+08:00"
TIME_MS = 1_779_329_729_000

DATA: dict[str, dict[str, Any]] = {
    "sale.recorded.v0": {
        "sale_id": "S-1",
        "line": 2,
        "revision": 3,
        "seller_id": "rep-1",
        "store_id": "store-042",
        "sold_at": TIME,
        "price": {"minor": 129_900, "currency": "CNY"},
        "quantity": 2,
    },
    "sale.recorded.v1": {
        "sale_id": "S-1",
        "line": 1,
        "revision": 0,
        "rep_id": "rep-1",
        "unit_id": "store-042",
        "occurred_at": TIME,
        "amount_minor": 129_900,
        "currency": "CNY",
        "quantity": 2,
        "product_id": "sku-17",
        "category": "鞋",
        "channel": "store",
        "returns": "S-0",
    },
    "sale.voided.v1": {
        "sale_id": "S-1",
        "line": 1,
        "rep_id": "rep-1",
        "occurred_at": TIME,
        "reason": "typed twice",
        "voided_at": "2026-05-21T10:20:00+08:00",
        "sale_source": "/pos/store-042",
    },
    "target.set.v1": {
        "subject": {"type": "rep", "id": "rep-1"},
        "bucket": "2026-05",
        "metric": "revenue",
        "value": 9_000_000,
        "revision": 1,
        "reason": "plan",
        "set_by": "boss",
    },
    "target.withdrawn.v1": {
        "subject": {"type": "unit", "id": "rep-1"},
        "bucket": "2026-W53",
        "metric": "count",
        "revision": 2,
        "reason": "moved",
        "set_by": "boss",
    },
    "rep.joined.v1": {
        "rep_id": "rep-1",
        "display_name": "王芳",
        "unit_id": "store-042",
        "effective_on": "2026-01-01",
        "hired_on": "2024-02-29",
        "revision": 0,
    },
    "rep.left.v1": {"rep_id": "rep-1", "effective_on": "2026-06-01", "revision": 0},
    "unit.placed.v1": {
        "unit_id": "store-042",
        "name": "新街口店",
        "level": "store",
        "parent_id": "area-07",
        "effective_on": "2026-01-01",
        "time_zone": "Asia/Shanghai",
        "revision": 0,
    },
    "unit.closed.v1": {"unit_id": "store-042", "effective_on": "2026-12-31", "revision": 0},
    "unit.led.v1": {"unit_id": "store-042", "rep_id": "rep-1", "effective_on": "2026-01-01", "revision": 0},
    "calendar.set.v1": {
        "unit_id": "store-042",
        "effective_on": "2026-01-01",
        "weekdays": [1, 2, 3, 4, 5],
        "holidays": ["2026-10-01", "2026-10-02"],
        "extra_days": ["2026-10-10"],
        "revision": 0,
    },
    "period.closed.v1": {"year": 2024},
    "record.skipped.v1": {"topic": "standings.sales.v1", "partition": 3, "offset": 2**40, "reason": "crashes"},
}


def key_of(short: str) -> str:
    """The partition key of the example."""
    return CONTROL_KEY if BY_SHORT[short].topic == "control" else "rep-1"


def event(short: str, **changes: Any) -> dict[str, Any]:
    """The example as a structured event; a change to None takes the attribute out."""
    whole = {
        "specversion": "1.0",
        "id": "S-1/1/0",
        "source": SOURCE,
        "type": BY_SHORT[short].type,
        "subject": "rep-1",
        "time": TIME,
        "recordedtime": "2026-05-21T10:15:31+08:00",
        "partitionkey": key_of(short),
        "datacontenttype": "application/json",
        "data": DATA[short],
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def line(short: str, **changes: Any) -> bytes:
    """The example as a line of JSONL."""
    return json.dumps(event(short, **changes), ensure_ascii=False).encode()


def sale(**changes: Any) -> bytes:
    """A line whose sale has these fields; a change to None takes the field out."""
    data = {name: value for name, value in (DATA["sale.recorded.v1"] | changes).items() if value is not None}
    return line("sale.recorded.v1", data=data)
