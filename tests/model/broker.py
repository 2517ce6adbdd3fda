"""The changelog as a broker keeps it, its cleaner, and a producer's way to it.

What Kafka and an idempotent producer promise holds: a batch lands whole or not at all, one producer's batches land in
order and once. All else is open: how late they land, whether the acknowledgement comes, and how far the cleaner is.
"""

from __future__ import annotations

import asyncio
import random
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from processors.engine.changelog import CLAIM, Row
from processors.redirects import Redirect

TOPIC = "changelog"
FLYING_MAX = 3

LAG_SECONDS = 3_600.0
"""The changelog's compaction lag: what is younger is never cleaned."""


class Record(NamedTuple):
    """A record of the changelog as read."""

    offset: int
    key: bytes
    value: bytes | None
    timestamp: int
    topic: str
    partition: int


class Landed(NamedTuple):
    """What a producer hears of a batch."""

    offset: int


class Log:
    """One changelog partition.

    Attributes:
        records: what is left of it.
        end: offset of the next record.
        on_append: called after every batch.
    """

    def __init__(self, partition: int, rnd: random.Random, on_append: Callable[[], None]) -> None:
        self.partition = partition
        self.records: list[Record] = []
        self.end = 0
        self._random = rnd
        self._on_append = on_append

    def append(self, rows: Sequence[Row], now: float) -> int:
        """Append a batch; the offset of its first record."""
        base, time = self.end, int(now * 1000)
        self.records += [
            Record(base + i, key, value, time, TOPIC, self.partition) for i, (key, value) in enumerate(rows)
        ]
        self.end += len(rows)
        self._on_append()
        return base

    def read(self, start: int, count: int | None = None) -> list[Record]:
        """Records from an offset on, at most so many."""
        first = bisect_left(self.records, (start,))
        return self.records[first : None if count is None else first + count]

    def clean(self, now: float) -> None:
        """Let the cleaner work for a while: of each key the last record below some offset is kept; deletions may go.

        It looks at everything that is old enough (or, if its memory is short, at less) and then cleans segment after
        segment: it may be in the middle of that.
        """
        young = bisect_left(self.records, True, key=lambda record: record.timestamp > (now - LAG_SECONDS) * 1000)
        if young == 0:
            return
        looked = young if self._random.random() < 0.6 else self._random.randrange(young) + 1
        last = {record.key: record.offset for record in self.records[:looked]}
        done = self._random.choice((looked, self._random.randrange(looked) + 1))
        self.records[:done] = [
            record
            for record in self.records[:done]
            if last[record.key] == record.offset and (record.value is not None or self._random.random() < 0.5)
        ]


Batch = tuple[list[Row], asyncio.Future[Landed]]


class Producer:
    """One process's producer for one changelog partition (the engine's ``ChangelogWriter``).

    Attributes:
        flying: batches handed over, not landed; what is left of them when the process dies may still land.
        landed: batches whose acknowledgement is on its way.
    """

    def __init__(self, log: Log, clock: Callable[[], float], letters: set[int], rnd: random.Random) -> None:
        self.flying: deque[Batch] = deque()
        self.landed: deque[tuple[int, asyncio.Future[Landed]]] = deque()
        self._log = log
        self._clock = clock
        self._letters = letters
        self._random = rnd

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self.flying or self.landed)

    async def append(self, partition: int, records: Sequence[Row]) -> asyncio.Future[Landed]:
        """Hand a batch over; waits while too many are on their way."""
        await asyncio.sleep(0)
        while len(self.flying) >= FLYING_MAX:
            await self.flying[0][1]
        future: asyncio.Future[Landed] = asyncio.get_running_loop().create_future()
        self.flying.append((list(records), future))
        return future

    async def claim(self, partition: int, who: str) -> int:
        """Append a claim and wait for it."""
        return (await (await self.append(partition, [(CLAIM, who.encode())]))).offset

    async def redirect(self, redirects: Sequence[Redirect]) -> None:
        """Send records on and wait until they have landed."""
        await asyncio.sleep(0)
        self._letters |= {int(redirect.key or b"") for redirect in redirects}
        await asyncio.sleep(0)

    # ---- what happens on the way
    def land(self) -> None:
        """The oldest batch on its way lands; that is not known yet to who sent it."""
        if self.flying:
            rows, future = self.flying.popleft()
            self.landed.append((self._log.append(rows, self._clock()), future))

    def hear(self) -> None:
        """The oldest acknowledgement arrives."""
        if self.landed:
            offset, future = self.landed.popleft()
            if not future.done():
                future.set_result(Landed(offset))

    def late(self) -> deque[list[Row]]:
        """What a dead process leaves on the way: a beginning of it may still land, in order."""
        left = deque([rows for rows, _ in self.flying][: self._random.randrange(FLYING_MAX + 1)])
        self.flying.clear()
        return left
