"""The origin header: where a record stood, and when, before Standings itself rewrote it.

``standings-origin: topic/partition/offset/append-ms``. A rewritten record keeps its first recorded time by it.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from events.errors import BadOrigin
from events.limits import OFFSET_MAX, PARTITION_MAX

ORIGIN_HEADER: Final = "standings-origin"
_SHAPE: Final = re.compile(r"([A-Za-z0-9._-]{1,249})/([0-9]{1,10})/([0-9]{1,19})/([0-9]{1,19})")


class Origin(NamedTuple):
    """Where a record first stood.

    Attributes:
        topic: full Kafka topic name.
        partition: partition number.
        offset: offset in the partition.
        appended_ms: the broker's append time there, UTC milliseconds.
    """

    topic: str
    partition: int
    offset: int
    appended_ms: int

    @classmethod
    def parse(cls, value: bytes) -> Origin:
        """Read a header's value.

        >>> Origin.parse(b"standings.sales.v1/3/42/1779330929000").offset
        42

        Raises:
            BadOrigin: another shape, or a number out of range.
        """
        shape = _SHAPE.fullmatch(value.decode("latin-1"))
        if shape is None:
            raise BadOrigin(f"{value[:80]!r} is not topic/partition/offset/append-ms")
        partition, offset, appended_ms = (int(part) for part in shape.groups()[1:])
        if partition > PARTITION_MAX or offset > OFFSET_MAX or appended_ms > OFFSET_MAX:
            raise BadOrigin(f"{value[:80]!r}: a number is out of range")
        return cls(shape[1], partition, offset, appended_ms)

    def header(self) -> tuple[str, bytes]:
        """The header as it stands on a record."""
        return ORIGIN_HEADER, f"{self.topic}/{self.partition}/{self.offset}/{self.appended_ms}".encode()
