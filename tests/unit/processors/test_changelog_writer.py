"""The writer keeps batches whole, and what is on its way within what a broker takes."""

from __future__ import annotations

import asyncio
from typing import Any, NamedTuple

import pytest

from processors.engine import writer as writing
from processors.engine.writer import BatchTooBig, ChangelogWriter


class Landed(NamedTuple):
    offset: int


class Batch:
    """A record batch of at most 100 records, each a MiB."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def append(self, **record: Any) -> object | None:
        if len(self.records) == 100:
            return None
        self.records.append(record)
        return record

    def close(self) -> None:
        pass

    def size(self) -> int:
        return len(self.records) << 20


class Producer:
    """Keeps batches on their way until a test lands them."""

    def __init__(self) -> None:
        self.flying: list[asyncio.Future[Landed]] = []

    def create_batch(self) -> Batch:
        return Batch()

    async def send_batch(self, batch: Batch, topic: str, *, partition: int) -> asyncio.Future[Landed]:
        future: asyncio.Future[Landed] = asyncio.get_running_loop().create_future()
        self.flying.append(future)
        return future


def rows(count: int) -> list[tuple[bytes, bytes | None]]:
    return [(b"k", b"v")] * count


async def test_a_batch_that_does_not_fit_is_not_sent() -> None:
    producer = Producer()
    with pytest.raises(BatchTooBig, match=r"101 records .* max\.message\.bytes"):
        await ChangelogWriter(lambda: producer, "log").append(0, rows(101))
    assert producer.flying == []


async def test_batches_wait_for_those_on_their_way() -> None:
    producer = Producer()
    writer = ChangelogWriter(lambda: producer, "log")
    half = (writing.FLYING_BYTES_MAX >> 20) // 2
    await writer.append(0, rows(half))
    await writer.append(1, rows(half))
    third = asyncio.create_task(writer.append(2, rows(1)))
    await asyncio.sleep(0)
    assert len(producer.flying) == 2
    producer.flying[0].set_result(Landed(0))
    await third
    assert len(producer.flying) == 3


async def test_a_batch_bigger_than_the_room_goes_alone() -> None:
    producer = Producer()
    await ChangelogWriter(lambda: producer, "log").append(0, rows(90))
    assert len(producer.flying) == 1
