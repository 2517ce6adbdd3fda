"""Source records and events as the tests of processors need them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from events.codec import encode_record

APPENDED_MS = 1_767_225_600_000


@dataclass(frozen=True, slots=True)
class Record:
    """A record as a client library reads it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp: int = APPENDED_MS

    def at(self, partition: int) -> Record:
        return replace(self, partition=partition)


def record(type_: str, data: dict[str, Any], *, partition: int = 0, offset: int = 0) -> Record:
    made = encode_record(type_, data, id="1", source="/pos", time="2026-01-01T00:00:00Z")
    return Record(f"standings.{made.topic}.v1", partition, offset, made.key, made.value, tuple(made.headers))


def sale(rep_id: str = "rep-1", **fields: Any) -> Record:
    data = {
        "sale_id": "S1",
        "rep_id": rep_id,
        "unit_id": "store-1",
        "occurred_at": "2026-01-01T08:00:00+08:00",
        "amount_minor": 100,
        "currency": "CNY",
        "quantity": 1,
        **fields,
    }
    return record("sale.recorded.v1", data)


def skip(topic: str, partition: int, offset: int) -> Record:
    data = {"topic": topic, "partition": partition, "offset": offset, "reason": "trips an assertion"}
    return record("record.skipped.v1", data)
