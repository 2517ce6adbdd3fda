"""Live traffic: an open-loop feed of sales with due times, and an observer of what the boards show.

A record is *visible* when the position of its partition in the board store, which moves only after every board of a
flush shows it, covers its offset.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer

from bench.stage import BATCH_BYTES, REDIS_PREFIX, home_of
from events.codec import Outgoing
from processors.topics import TopicNames
from projections.ports import BoardsUnavailable, Position
from projections.redis_boards import RedisBoards

TICK_SECONDS = 0.02
"""Records that fall due within a tick travel together: a producer's linger, counted in the latency."""

LOOK_SECONDS = 0.01
SETTLE_SECONDS = 30.0


class Sent(NamedTuple):
    """A batch of one partition: the offset of its first record, and when each record fell due."""

    partition: int
    offset: int
    due: list[float]


class TickBatch(NamedTuple):
    """A batch of one partition that is to be sent (aiokafka's), and when each of its records fell due."""

    partition: int
    batch: Any
    due: list[float]


class Seen(NamedTuple):
    """From this time on a partition's boards showed everything up to an offset."""

    at: float
    partition: int
    offset: int


class Observer:
    """Watches the positions that the boards show."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.seen: list[Seen] = []
        self.held: dict[int, int] = {}

    async def run(self) -> None:
        """Look until cancelled."""
        boards = RedisBoards.at(self._url, REDIS_PREFIX)
        texts: dict[int, str] = {}
        try:
            while True:
                positions: dict[int, str] = {}
                with contextlib.suppress(BoardsUnavailable):  # a store that is busy for so long shows nothing new
                    _, positions = await boards.where()
                now = time.monotonic()
                for partition, text in positions.items():
                    if texts.get(partition) != text:
                        texts[partition] = text
                        offset = Position.parse(text).offsets.get("sales", -1)
                        self.held[partition] = offset
                        self.seen.append(Seen(now, partition, offset))
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            await boards.close()


class Feed:
    """Sends records at a constant rate, whatever becomes of them: a slow system does not slow it down."""

    def __init__(self, servers: str, names: TopicNames, records: Sequence[Outgoing]) -> None:
        self._servers = servers
        self._topic = names.sales
        self._records = [(home_of(record.topic, record.key), record) for record in records]
        self.sent: list[Sent] = []

    async def run(self, rate: float, records: Iterator[tuple[int, Outgoing]] | None = None) -> None:
        """Send all records, or those given, at so many a second."""
        producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all", max_batch_size=BATCH_BYTES)
        await producer.start()
        flying: set[asyncio.Task[None]] = set()
        try:
            source, started, done = records or iter(self._records), time.monotonic(), 0
            while True:
                await asyncio.sleep(TICK_SECONDS)
                wanted = int((time.monotonic() - started) * rate) - done
                some = list(itertools.islice(source, wanted))
                due = [started + (done + number) / rate for number in range(1, len(some) + 1)]
                done += len(some)
                for tick in batches_of(producer, some, due):
                    landing = await producer.send_batch(tick.batch, self._topic, partition=tick.partition)
                    task = asyncio.create_task(self._note(tick.partition, landing, tick.due))
                    flying.add(task)
                    task.add_done_callback(flying.discard)
                if len(some) < wanted:
                    break
            await asyncio.gather(*flying)
        finally:
            await producer.stop()

    async def _note(self, partition: int, landing: asyncio.Future[Any], due: list[float]) -> None:
        self.sent.append(Sent(partition, (await landing).offset, due))


def batches_of(producer: Any, some: Sequence[tuple[int, Outgoing]], due: Sequence[float]) -> list[TickBatch]:
    """Records, each with its partition and when it fell due, in batches to be sent in this order.

    Mostly there is one a partition; when a tick came late there may be more.
    """
    full: list[TickBatch] = []
    filling: dict[int, TickBatch] = {}
    for (partition, record), at in zip(some, due, strict=True):
        told: dict[str, Any] = {"key": record.key, "value": record.value, "timestamp": None, "headers": record.headers}
        tick = filling.get(partition)
        if tick is None or tick.batch.append(**told) is None:
            if tick is not None:
                full.append(tick)
            tick = filling[partition] = TickBatch(partition, producer.create_batch(), [])
            added = tick.batch.append(**told)
            assert added is not None, "a record fits a batch"
        tick.due.append(at)
    batches = [*full, *filling.values()]
    for tick in batches:
        tick.batch.close()
    return batches


def latencies(sent: Sequence[Sent], seen: Sequence[Seen], end: float) -> list[float]:
    """Seconds from due to visible of every record; one that never was visible counts up to the end of the watch."""
    found: list[float] = []
    for partition in {batch.partition for batch in sent}:
        looks = iter(look for look in seen if look.partition == partition)
        look = next(looks, None)
        for batch in sorted(batch for batch in sent if batch.partition == partition):
            for number, due in enumerate(batch.due):
                while look is not None and look.offset < batch.offset + number:
                    look = next(looks, None)
                found.append((end if look is None else look.at) - due)
    return found


async def watch(
    servers: str, names: TopicNames, url: str, records: Sequence[Outgoing], rate: float
) -> tuple[list[float], bool]:
    """(latencies of the records sent at a rate, whether all became visible soon after the last)."""
    observer, feed = Observer(url), Feed(servers, names, records)
    watching = asyncio.create_task(observer.run())
    try:
        await feed.run(rate)
        ends = {batch.partition: -1 for batch in feed.sent}
        for batch in feed.sent:
            ends[batch.partition] = max(ends[batch.partition], batch.offset + len(batch.due) - 1)
        limit = time.monotonic() + SETTLE_SECONDS
        while not (all_shown := all(observer.held.get(p, -1) >= end for p, end in ends.items())):
            if time.monotonic() > limit or watching.done():
                break
            await asyncio.sleep(LOOK_SECONDS)
        return latencies(feed.sent, observer.seen, time.monotonic()), all_shown
    finally:
        watching.cancel()


def quantiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Median and 99th percentile, in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {"p50_ms": round(1e3 * cuts[49], 1), "p99_ms": round(1e3 * cuts[98], 1)}
