"""Records that a worker sends on instead of applying them: to their home partition, or to the dead letters."""

from __future__ import annotations

from typing import NamedTuple

Headers = list[tuple[str, bytes]]


class Redirect(NamedTuple):
    """A record to produce, awaited before the mark that passes its original.

    Attributes:
        outcome: ``forwarded`` or ``dead_lettered``: how the original is accounted.
        reason: why, for metrics; ``""`` for a forward.
        topic: where it goes.
        partition: its partition there.
        key: record key.
        value: record value.
        headers: record headers.
    """

    outcome: str
    reason: str
    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    @property
    def weight(self) -> int:
        """Bytes of the produced record, roughly."""
        return 200 + len(self.key or b"") + len(self.value or b"")
