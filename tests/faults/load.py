"""Produces a workload in a thread: at a steady rate, through whatever the broker suffers, until told to stop."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Iterable, Sequence

import aiokafka

from processors.topics import TopicNames
from tests.faults.workload import Send

PIECE_SECONDS = 0.05
RETRY_SECONDS = 300.0
REQUEST_BYTES_MAX = 16 * 1024 * 1024

Some = Callable[[int], Sequence[Send]]
"""How many records -> the next ones."""


class Load:
    """Records at a rate. Every one of them lands before `end` returns.

    Args:
        bootstrap_servers: the broker.
        names: of the topics.
        some: draws records.
        rate: records a second; a broker that is away holds them up.
        clock_seconds: what the producer's clock is ahead of the true time.
    """

    def __init__(
        self, bootstrap_servers: str, names: TopicNames, some: Some, rate: float, *, clock_seconds: float = 0.0
    ) -> None:
        self._bootstrap_servers = bootstrap_servers
        self._names = names
        self._some = some
        self._rate = rate
        self._clock_seconds = clock_seconds
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self.sent = 0
        self._thread = threading.Thread(target=self._run, name="load")
        self._thread.start()

    def end(self) -> int:
        """Stop, wait until everything has landed; the number of records.

        Raises:
            BaseException: what kept a record from landing.
        """
        self._stopping.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return self.sent

    def _run(self) -> None:
        try:
            asyncio.run(self._produce())
        except BaseException as error:
            self._failure = error

    async def _produce(self) -> None:
        # The client tries again by itself while the broker is away, and would say so in thousands of lines.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        producer = await started_producer(self._bootstrap_servers)
        try:
            landing: list[asyncio.Future[object]] = []
            while not self._stopping.is_set():
                some = self._some(max(1, round(self._rate * PIECE_SECONDS)))
                landing += await hand_over(producer, self._names, some, self._clock_seconds)
                self.sent += len(some)
                landing = [future for future in landing if not future.done() or future.exception() is not None]
                await asyncio.sleep(PIECE_SECONDS)
            await asyncio.gather(*landing)
        finally:
            await producer.stop()


async def started_producer(bootstrap_servers: str) -> aiokafka.AIOKafkaProducer:
    """A producer that goes on trying for minutes."""
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        max_request_size=REQUEST_BYTES_MAX,
        request_timeout_ms=int(RETRY_SECONDS * 1000),
    )
    await producer.start()
    return producer


async def hand_over(
    producer: aiokafka.AIOKafkaProducer, names: TopicNames, sends: Iterable[Send], clock_seconds: float = 0.0
) -> list[asyncio.Future[object]]:
    """Hand records to the producer; each future is done when its record has landed."""
    created_ms = int((time.time() + clock_seconds) * 1000)
    landing = []
    for send in sends:
        topic = names.of(send.topic)
        landing.append(
            await producer.send(
                topic, send.value, send.key, partition=send.partition, timestamp_ms=created_ms, headers=send.headers
            )
        )
    return landing


def produce(bootstrap_servers: str, names: TopicNames, sends: Iterable[Send]) -> None:
    """Send records and wait until all have landed."""

    async def all_of_them() -> None:
        producer = await started_producer(bootstrap_servers)
        try:
            await asyncio.gather(*await hand_over(producer, names, sends))
        finally:
            await producer.stop()

    asyncio.run(all_of_them())
