"""The stage: an embedded Kafka and, when asked for, an embedded Valkey; and the workload put into topics."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.services import Service
from cli.embedded import EmbeddedKafka, EmbeddedValkey
from events.codec import Outgoing, to_record
from processors.home import home_partition
from processors.topics import TopicNames, ensure_topics

PARTITIONS = 12
BATCH_BYTES = 900_000
REDIS_PREFIX = "bench:"


class Stage:
    """Servers of one run, in a folder of their own; everything ends with it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.kafka = EmbeddedKafka(folder / "kafka")
        self._valkeys: list[EmbeddedValkey] = []

    def __enter__(self) -> Stage:
        self.kafka.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for valkey in self._valkeys:
            valkey.stop()
        self.kafka.stop()

    @property
    def servers(self) -> str:
        return self.kafka.bootstrap_servers

    def valkey(self, name: str) -> EmbeddedValkey:
        """A new, empty Valkey."""
        valkey = EmbeddedValkey(self.folder / f"valkey-{name}")
        self._valkeys.append(valkey)
        valkey.start()
        return valkey

    def service(
        self,
        command: str,
        names: TopicNames,
        *,
        valkey: EmbeddedValkey | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> Service:
        """A worker or projector of a deployment; ``settings`` by name without their prefix."""
        environment = {
            "STANDINGS_KAFKA__BOOTSTRAP_SERVERS": self.servers,
            "STANDINGS_KAFKA__TOPIC_PREFIX": names.prefix,
            "STANDINGS_KAFKA__PARTITIONS": str(PARTITIONS),
            "STANDINGS_REDIS__PREFIX": REDIS_PREFIX,
            "STANDINGS_WORKER__DATA_DIR": str(self.folder / names.prefix / "worker"),
            **{f"STANDINGS_{name}": value for name, value in (settings or {}).items()},
        }
        if valkey is not None:
            environment["STANDINGS_REDIS__URL"] = valkey.url
        return Service(command, environment, self.folder / names.prefix)


def load(servers: str, names: TopicNames, lines: Iterable[bytes]) -> None:
    """Make the topics and put the lines into them, each on its home partition."""
    ensure_topics(servers, names.prefix, PARTITIONS)
    asyncio.run(_produce(servers, names, lines))


async def _produce(servers: str, names: TopicNames, lines: Iterable[bytes]) -> None:
    async with batching(servers, names) as sender:
        for line in lines:
            await sender.send(to_record(line))


class Sender:
    """Sends records in batches that it packs itself: a record costs a few microseconds here."""

    def __init__(self, producer: AIOKafkaProducer, names: TopicNames) -> None:
        self._producer = producer
        self._names = names
        self._open: dict[tuple[str, int], Any] = {}
        self._flying: list[asyncio.Future[Any]] = []

    async def send(self, record: Outgoing) -> None:
        """Put a record into its partition's batch; a full one is sent."""
        at = (record.topic, home_of(record.topic, record.key))
        batch = self._open.get(at)
        if batch is None or self._append(batch, record) is None:
            if batch is not None:
                await self._send(at)
            batch = self._open[at] = self._producer.create_batch()
            assert self._append(batch, record) is not None, "a record is smaller than a batch"

    @staticmethod
    def _append(batch: Any, record: Outgoing) -> Any:
        return batch.append(key=record.key, value=record.value, timestamp=None, headers=record.headers)

    async def flush(self) -> None:
        """Send what waits, and wait until all has landed."""
        for at in list(self._open):
            await self._send(at)
        flying, self._flying = self._flying, []
        await asyncio.gather(*flying)

    async def _send(self, at: tuple[str, int]) -> None:
        batch = self._open.pop(at)
        batch.close()
        topic, partition = at
        self._flying.append(await self._producer.send_batch(batch, self._names.of(topic), partition=partition))


@contextlib.asynccontextmanager
async def batching(servers: str, names: TopicNames) -> AsyncIterator[Sender]:
    """A sender; all it was given has landed at the end."""
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=BATCH_BYTES, acks="all")
    await producer.start()
    try:
        sender = Sender(producer, names)
        yield sender
        await sender.flush()
    finally:
        await producer.stop()


@functools.cache
def home_of(topic: str, key: bytes | None) -> int:
    """The partition where a record is at home."""
    return 0 if topic == "control" else home_partition((key or b"").decode(), PARTITIONS)


def ends_of(servers: str, topic: str) -> dict[int, int]:
    """Partition to the last offset of a topic; -1 if it is empty."""
    return asyncio.run(_ends_of(servers, topic))


async def _ends_of(servers: str, topic: str) -> dict[int, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers, enable_auto_commit=False)
    await consumer.start()
    try:
        at = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return {where.partition: end - 1 for where, end in (await consumer.end_offsets(at)).items()}
    finally:
        await consumer.stop()


def covers(held: Mapping[int, Mapping[str, int]], ends: Mapping[int, int]) -> bool:
    """Whether positions by partition reach these last offsets of the sales topic."""
    return all(held.get(partition, {}).get("sales", -1) >= end for partition, end in ends.items())
