"""A fact: one event as read from the log or a file, decoded and found well formed."""

from __future__ import annotations

from typing import Any, NamedTuple


class Fact(NamedTuple):
    """What a record says, without where it stood.

    Attributes:
        type: short event type, such as ``sale.recorded.v1`` (always the newest version: older ones are upcast).
        source: CloudEvents ``source``.
        key: ``partitionkey``, or the Kafka key.
        data: the decoded contract class of the type (see ``events.contract``).
        occurred_ms: instant of a sale or void in UTC milliseconds; 0 for other types.
        recorded_ms: recorded time in UTC milliseconds.
    """

    type: str
    source: str
    key: str
    data: Any  # a union over every contract class: narrowed by `type`
    occurred_ms: int
    recorded_ms: int


class Rejected(Exception):  # noqa: N818 - a verdict on a record, not a fault of ours
    """A record that can't count; it goes to the dead letters.

    Attributes:
        reason: stable code from ``events.reasons``.
        detail: what was wrong, for a person.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
