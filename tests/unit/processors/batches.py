"""Record batches as a broker stores them, and a broker that serves them to aiokafka's own fetcher."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from aiokafka import TopicPartition, codec
from aiokafka.consumer.fetcher import Fetcher
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

AT = TopicPartition("standings.sales.v1", 3)
FIRST_MS = 1_780_000_000_000
CONTROL_BIT = 0x20
LENGTH_END, CRC_AT, ATTRIBUTES_AT, LAST_DELTA_AT, BODY_AT = 12, 17, 21, 23, 61
COMPRESS: dict[int, Callable[[bytes], bytes]] = {0: bytes} | {
    number: encode
    for number, has, encode in [
        (1, codec.has_gzip, codec.gzip_encode),
        (2, codec.has_snappy, codec.snappy_encode),
        (3, codec.has_lz4, codec.lz4_encode),
        (4, codec.has_zstd, codec.zstd_encode),
    ]
    if has()
}
"""The compressions that aiokafka can read here."""


def batch(
    base: int,
    deltas: Sequence[int],
    *,
    last_delta: int | None = None,
    control: bool = False,
    compression: int = 0,
    names: Sequence[bytes] = (b"name",),
) -> bytes:
    """A record batch with records at ``base + delta``, and one header for each of `names` on every record.

    Args:
        base: offset of the batch.
        deltas: which offsets after it have a record: compaction leaves gaps.
        last_delta: the last one that it ever had.
        control: whether it is a transaction marker.
        compression: one of `COMPRESS`.
        names: of headers, all as long as ``name``.
    """
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 20)
    headers: list[tuple[str, bytes | None]] = [(f"nam{i}", b"h") for i in range(len(names))] + [("none", None)]
    for delta in deltas:
        value = None if delta % 5 == 4 else b"v%d" % (base + delta)
        assert builder.append(delta, FIRST_MS + delta, b"k%d" % (base + delta), value, headers) is not None
    made = bytearray(builder.build())
    for index, name in enumerate(names):
        assert len(name) == 4
        made = made.replace(b"nam%d" % index, name)
    made[BODY_AT:] = COMPRESS[compression](bytes(made[BODY_AT:]))
    struct.pack_into(">qi", made, 0, base, len(made) - LENGTH_END)
    struct.pack_into(">h", made, ATTRIBUTES_AT, compression | CONTROL_BIT * control)
    struct.pack_into(">i", made, LAST_DELTA_AT, deltas[-1] if last_delta is None else last_delta)
    struct.pack_into(">I", made, CRC_AT, calc_crc32c(bytes(made[ATTRIBUTES_AT:])))
    return bytes(made)


def broken(made: bytes) -> bytes:
    """The same batch with a bit that fell over."""
    return made[:-1] + bytes([made[-1] ^ 1])


def end_of(made: bytes) -> int:
    """The offset after a batch."""
    base: int = struct.unpack_from(">q", made, 0)[0]
    last: int = struct.unpack_from(">i", made, LAST_DELTA_AT)[0]
    return base + last + 1


class _Answer(NamedTuple):
    topics: list[Any]
    API_VERSION: int = 4


class Broker:
    """A client of a broker with one node, whose logs are lists of batches."""

    def __init__(self, **logs: list[bytes]) -> None:
        self.logs = {TopicPartition(AT.topic, int(name.lstrip("p"))): batches for name, batches in logs.items()}
        self.errors: dict[TopicPartition, int] = {}
        self.fetches = 0
        self.cluster = self
        self._loop = asyncio.get_running_loop()
        self._metadata_max_age_ms = 60_000

    def leader_for_partition(self, tp: TopicPartition) -> int:
        return 0

    def force_metadata_update(self) -> asyncio.Future[None]:
        return self._loop.create_future()

    async def send(self, node: int, request: Any) -> _Answer:
        """Answer a fetch: every batch from the one that holds the offset on; wait a little where there is none."""
        self.fetches += 1
        asked = [(topic, *partition) for topic, partitions in request.topics for partition in partitions]
        asked.sort()  # a client asks in any order
        answers = [self._answer(TopicPartition(topic, partition), offset) for topic, partition, offset, _ in asked]
        if not any(answer[-1] or answer[1] for answer in answers):
            await asyncio.sleep(0.01)
        return _Answer([(AT.topic, answers)])

    def _answer(self, tp: TopicPartition, offset: int) -> tuple[Any, ...]:
        log = self.logs[tp]
        end = end_of(log[-1]) if log else 0
        if error := self.errors.pop(tp, 0):
            return tp.partition, error, end, end, [], b""
        return tp.partition, 0, end, end, [], b"".join(made for made in log if end_of(made) > offset)


class Consumer:
    """What a chunk reader sees of a consumer: aiokafka's fetcher and subscriptions over a broker."""

    _closed = False

    def __init__(self, broker: Broker) -> None:
        self.subscriptions = SubscriptionState()
        self._fetcher = Fetcher(broker, self.subscriptions, fetcher_timeout=0.01, prefetch_backoff=0.01)

    def assign(self, **starts: int) -> None:
        at = {TopicPartition(AT.topic, int(name.lstrip("p"))): offset for name, offset in starts.items()}
        self.subscriptions.assign_from_user(list(at))
        for tp, offset in at.items():
            self._fetcher.seek_to(tp, offset)

    def seek(self, offset: int, tp: TopicPartition = AT) -> None:
        self._fetcher.seek_to(tp, offset)

    def position(self, tp: TopicPartition = AT) -> int:
        return int(self.subscriptions.subscription.assignment.state_value(tp).position)


@asynccontextmanager
async def consuming(broker: Broker, **starts: int) -> AsyncIterator[Any]:
    """A consumer with partitions assigned and sought."""
    consumer = Consumer(broker)
    consumer.assign(**starts)
    try:
        yield consumer
    finally:
        await consumer._fetcher.close()
