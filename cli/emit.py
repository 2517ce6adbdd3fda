"""`standings emit`: sends CloudEvents lines to the log as they are. It routes and keys, and never judges."""

from __future__ import annotations

import asyncio
import logging
import random
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from cli.errors import CommandError
from events.codec import Outgoing, to_record
from events.registry import SALES

REQUEST_BYTES_MAX = 64 * 1024 * 1024
IN_FLIGHT_MAX = 5_000
PACE_SECONDS = 0.01
PROGRESS_SECONDS = 5.0
RETRY_SECONDS = 300.0

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """What `emit` needs.

    Attributes:
        bootstrap_servers: comma-separated brokers.
        topics: logical name (`sales`) to topic.
        rate: events a second; None = as fast as possible.
        scramble: put sales on random partitions, whatever their key.
        seed: of the random partitions.
    """

    bootstrap_servers: str
    topics: Mapping[str, str]
    rate: float | None = None
    scramble: bool = False
    seed: int | None = None


async def emit_file(path: Path, options: EmitOptions, say: Say) -> dict[str, int]:
    """Sends every line of a file (`-`: standard input); blank lines are passed over.

    Returns:
        Topic to the number of records acknowledged by all replicas.

    Raises:
        CommandError: a topic is missing, or Kafka can't be reached.
    """
    # The client tries again by itself while a broker is away, and would say so in thousands of lines.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    producer = AIOKafkaProducer(
        bootstrap_servers=options.bootstrap_servers,
        enable_idempotence=True,
        acks="all",
        max_request_size=REQUEST_BYTES_MAX,
        linger_ms=5 if options.rate is not None else 20,
        request_timeout_ms=int(RETRY_SECONDS * 1000),
    )
    try:
        try:
            await producer.start()
        except KafkaError as error:
            raise CommandError(f"can't reach Kafka at {options.bootstrap_servers}: {error}") from error
        return await _Emission(producer, await _partitions(producer, options), options, say).run(path)
    finally:
        await producer.stop()


class _Emission:
    """One run of `emit`."""

    def __init__(
        self, producer: AIOKafkaProducer, partitions: Mapping[str, int], options: EmitOptions, say: Say
    ) -> None:
        self._producer = producer
        self._partitions = partitions
        self._options = options
        self._say = say
        self._draw = random.Random(options.seed)
        self._sent: Counter[str] = Counter()
        self._waiting: set[asyncio.Future[object]] = set()
        self._failed: list[BaseException] = []

    async def run(self, path: Path) -> dict[str, int]:
        """Sends all lines and waits until the last is acknowledged."""
        pace = Pace(self._options.rate)
        said_at = time.monotonic()
        with _lines(path) as lines:
            for count, line in enumerate(lines, start=1):
                await self._send(to_record(line))
                await pace.wait(count)
                if self._failed:
                    break
                if time.monotonic() - said_at >= PROGRESS_SECONDS:
                    said_at = time.monotonic()
                    self._say(f"{sum(self._sent.values())} events sent")
        await self._producer.flush()
        if self._waiting:
            await asyncio.wait(self._waiting)
        if self._failed:
            raise CommandError(f"not everything was sent: {self._failed[0]!r}")
        return dict(sorted(self._sent.items()))

    async def _send(self, record: Outgoing) -> None:
        topic = self._options.topics[record.topic]
        partition = None
        if self._options.scramble and record.topic == SALES:
            partition = self._draw.randrange(self._partitions[topic])
        sent = await self._producer.send(
            topic, record.value, key=record.key, headers=list(record.headers), partition=partition
        )
        self._waiting.add(sent)
        sent.add_done_callback(lambda done: self._acknowledged(topic, done))
        while len(self._waiting) >= IN_FLIGHT_MAX:
            await asyncio.wait(self._waiting, return_when=asyncio.FIRST_COMPLETED)

    def _acknowledged(self, topic: str, sent: asyncio.Future[object]) -> None:
        self._waiting.discard(sent)
        if sent.cancelled():
            return
        error = sent.exception()
        if error is None:
            self._sent[topic] += 1
        else:
            self._failed.append(error)


class Pace:
    """Holds a rate smoothly: after event n, at least n / rate seconds have passed.

    A delay of more than a tenth of a second is not caught up in a burst: the rate stays what it is.
    """

    def __init__(
        self,
        rate: float | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`rate` is in events a second; None never waits."""
        self._rate = rate
        self._clock = clock
        self._sleep = sleep
        self._started_at = clock()

    async def wait(self, count: int) -> None:
        """Waits until the event after the first `count` is due."""
        if self._rate is None:
            return
        now = self._clock()
        due = self._started_at + count / self._rate
        if due - now > PACE_SECONDS:
            await self._sleep(due - now)
        elif now - due > 10 * PACE_SECONDS:
            self._started_at += now - due


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    if str(path) == "-":
        yield without_ends(sys.stdin.buffer)
        return
    with path.open("rb") as file:
        yield without_ends(file)


def without_ends(file: BinaryIO) -> Iterator[bytes]:
    """The lines without their line ends; a byte order mark at the start is no part of the first line."""
    for number, line in enumerate(file):
        text = line.rstrip(b"\r\n")
        if number == 0:
            text = text.removeprefix(b"\xef\xbb\xbf")
        if text and not text.isspace():
            yield text


async def _partitions(producer: AIOKafkaProducer, options: EmitOptions) -> dict[str, int]:
    """Topic to its number of partitions."""
    try:
        cluster = await producer.client.fetch_all_metadata()
    except KafkaError as error:
        raise CommandError(f"can't reach Kafka at {options.bootstrap_servers}: {error}") from error
    found = {topic: len(cluster.partitions_for_topic(topic) or ()) for topic in options.topics.values()}
    missing = [topic for topic, count in found.items() if count == 0]
    if missing:
        raise CommandError(
            f"no topic {', '.join(missing)} at {options.bootstrap_servers}; `standings topics ensure` makes it"
        )
    return found
