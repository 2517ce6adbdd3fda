"""A log in memory, read like the real one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from tests.unit.processors.records import Record

CHUNK = 3


class FakeChunk:
    """Some records that follow each other, and the last offset that they cover."""

    def __init__(self, records: Sequence[Record], last: int) -> None:
        self._records, self.last = records, last

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)


class FakeLog:
    """What `LogReader` is asked for, of records that are here.

    Args:
        records: by source and partition, in the order of their offsets; offsets may be left out, as compaction does.
    """

    bootstrap_servers = "nowhere:1"

    def __init__(self, records: dict[tuple[str, int], Sequence[Record]]) -> None:
        self._records = records

    async def end(self, source: str, partition: int) -> int:
        records = self._records.get((source, partition), ())
        return records[-1].offset + 1 if records else 0

    async def records(self, source: str, partition: int, start: int, end: int) -> AsyncIterator[Any]:
        for first in range(start, end, CHUNK):
            last = min(first + CHUNK, end) - 1
            yield FakeChunk([r for r in self._records.get((source, partition), ()) if first <= r.offset <= last], last)
