"""Chunks hold the records that aiokafka would have handed out, and leave the consumer at the same positions."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, TopicAuthorizationFailedError
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.engine.fetching import ChunkReader, RecordChunk
from tests.unit.processors.batches import AT, COMPRESS, FIRST_MS, Broker, batch, broken, consuming, end_of

SECONDS = 2.0
OTHER = TopicPartition(AT.topic, 5)
NOT_AUTHORIZED = 29


def offsets(chunk: RecordChunk | None) -> list[int]:
    assert chunk is not None
    return [record.offset for record in chunk]


async def test_a_chunk_says_what_it_covers_before_a_record_is_parsed() -> None:
    broker = Broker(p3=[batch(0, range(4)), batch(4, range(3)), batch(7, range(2))])
    async with consuming(broker, p3=0) as consumer:
        chunk = (await ChunkReader(consumer).chunks(SECONDS))[AT]
        assert (chunk.topic, chunk.partition, chunk.first, chunk.last, chunk.span) == (AT.topic, 3, 0, 8, 9)
        assert (chunk.log_end, chunk.timestamp) == (9, FIRST_MS + 3)
        assert consumer.position() == 9
        records = list(chunk)
    assert [(record.offset, record.key, record.value) for record in records[3:6]] == [
        (3, b"k3", b"v3"), (4, b"k4", b"v4"), (5, b"k5", b"v5"),
    ]  # fmt: skip
    assert records[5].headers == [("name", b"h"), ("none", None)]
    assert records[5].timestamp == FIRST_MS + 1


async def test_a_chunk_is_read_once() -> None:
    async with consuming(Broker(p3=[batch(0, range(4))]), p3=0) as consumer:
        chunk = (await ChunkReader(consumer).chunks(SECONDS))[AT]
    assert offsets(chunk) == [0, 1, 2, 3]
    assert offsets(chunk) == []


async def test_reading_may_start_in_the_middle_of_a_batch() -> None:
    async with consuming(Broker(p3=[batch(0, range(4)), batch(4, range(4))]), p3=2) as consumer:
        chunk = (await ChunkReader(consumer).chunks(SECONDS))[AT]
        assert (chunk.first, chunk.span) == (2, 6)
        assert offsets(chunk) == [2, 3, 4, 5, 6, 7]


async def test_chunks_end_with_a_batch_and_no_record_is_lost_between_them() -> None:
    broker = Broker(p3=[batch(base, range(3)) for base in range(0, 12, 3)])
    async with consuming(broker, p3=0) as consumer:
        reader = ChunkReader(consumer, records_max=4)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2, 3, 4, 5]
        assert consumer.position() == 6
        fetches = broker.fetches
        assert offsets((await reader.chunks(SECONDS))[AT]) == [6, 7, 8, 9, 10, 11]
        assert broker.fetches == fetches, "all of it had come with one fetch"


async def test_a_batch_that_is_too_big_comes_whole() -> None:
    async with consuming(Broker(p3=[batch(0, range(10)), batch(10, [0])]), p3=0) as consumer:
        reader = ChunkReader(consumer, records_max=4)
        assert (await reader.chunks(SECONDS))[AT].span == 10
        assert (await reader.chunks(SECONDS))[AT].span == 1


async def test_what_compaction_removed_is_covered_all_the_same() -> None:
    log = [batch(0, [1, 4], last_delta=6), batch(20, [0, 2], last_delta=5)]
    async with consuming(Broker(p3=log), p3=0) as consumer:
        chunk = (await ChunkReader(consumer).chunks(SECONDS))[AT]
        assert (chunk.last, consumer.position()) == (25, 26)
        assert offsets(chunk) == [1, 4, 20, 22]


async def test_markers_of_transactions_are_no_records() -> None:
    log = [batch(0, range(2)), batch(2, [0], control=True), batch(3, [0]), batch(4, [0], control=True)]
    async with consuming(Broker(p3=log), p3=0) as consumer:
        chunk = (await ChunkReader(consumer).chunks(SECONDS))[AT]
        assert (chunk.last, consumer.position()) == (3, 5)
        assert offsets(chunk) == [0, 1, 3]


async def test_markers_alone_are_passed_without_a_chunk() -> None:
    async with consuming(Broker(p3=[batch(0, [0], control=True)]), p3=0) as consumer:
        reader = ChunkReader(consumer)
        while consumer.position() == 0:
            assert await reader.chunks(0.05) == {}
        assert consumer.position() == 1


async def test_a_chunk_says_which_one_was_before_it() -> None:
    log = [
        batch(0, range(2)),
        batch(2, [0], control=True),
        batch(6, range(3)),
        batch(9, [0], control=True),
        batch(10, [0]),
    ]
    async with consuming(Broker(p3=log), p3=0) as consumer:
        reader, found = ChunkReader(consumer, records_max=1), list[tuple[int, int, list[int]]]()
        while consumer.position() < 11:
            for chunk in (await reader.chunks(SECONDS)).values():
                found.append((chunk.after, chunk.last, offsets(chunk)))
    assert found == [(-1, 1, [0, 1]), (1, 8, [6, 7, 8]), (8, 10, [10])], "markers between two chunks are no gap"


async def test_after_a_seek_no_chunk_was_before() -> None:
    async with consuming(Broker(p3=[batch(base, range(3)) for base in range(0, 12, 3)]), p3=0) as consumer:
        reader = ChunkReader(consumer, records_max=3)
        assert (await reader.chunks(SECONDS))[AT].after == -1
        consumer.seek(7)
        assert (await reader.chunks(SECONDS))[AT].after == 6
        consumer.seek(3)
        assert (await reader.chunks(SECONDS))[AT].after == 2
        assert (await reader.chunks(SECONDS))[AT].after == 5


async def test_without_records_the_wait_ends_with_the_timeout() -> None:
    async with consuming(Broker(p3=[]), p3=0) as consumer:
        assert await asyncio.wait_for(ChunkReader(consumer).chunks(0.03), SECONDS) == {}
        assert consumer.position() == 0


async def test_a_wrong_checksum_is_refused_and_read_again() -> None:
    log = [broken(batch(0, range(4))), batch(4, range(2))]
    async with consuming(Broker(p3=log), p3=0) as consumer:
        reader = ChunkReader(consumer)
        for _ in range(2):
            with pytest.raises(CorruptRecordException, match=r"standings\.sales\.v1-3@0"):
                await reader.chunks(SECONDS)
            assert consumer.position() == 0
        log[0] = batch(0, range(4))
        # What was fetched before the repair may still be there.
        while True:
            try:
                assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2, 3, 4, 5]
                break
            except CorruptRecordException:
                assert consumer.position() == 0


async def test_what_stands_before_a_wrong_checksum_is_delivered_first() -> None:
    log = [batch(0, range(4)), broken(batch(4, range(4))), batch(8, [0])]
    async with consuming(Broker(p3=log), p3=0) as consumer:
        reader = ChunkReader(consumer)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2, 3]
        assert consumer.position() == 4
        with pytest.raises(CorruptRecordException, match="@4"):
            await reader.chunks(SECONDS)


@pytest.mark.parametrize("error", ["checksum", "authorization"])
async def test_an_error_of_one_partition_loses_nothing_of_another(error: str) -> None:
    broker = Broker(p3=[batch(0, range(4))], p5=[batch(0, range(2))])
    kind: type[Exception] = TopicAuthorizationFailedError
    if error == "checksum":
        broker.logs[OTHER], kind = [broken(batch(0, range(2)))], CorruptRecordException
    else:
        broker.errors[OTHER] = NOT_AUTHORIZED
    async with consuming(broker, p3=0, p5=0) as consumer:
        reader, got, raised = ChunkReader(consumer), list[int](), 0
        async with asyncio.timeout(SECONDS):
            while not got or not raised:
                try:
                    chunks = await reader.chunks(SECONDS)
                    got += offsets(chunks[AT]) if AT in chunks else []
                except kind:
                    raised += 1
        assert got == [0, 1, 2, 3]
        assert consumer.position(OTHER) == 0


async def test_each_partition_has_a_chunk_of_its_own() -> None:
    async with consuming(Broker(p3=[batch(0, range(4))], p5=[batch(7, range(2))]), p3=0, p5=7) as consumer:
        reader, chunks = ChunkReader(consumer, records_max=1), dict[TopicPartition, RecordChunk]()
        while len(chunks) < 2:
            chunks |= await reader.chunks(SECONDS)
        assert {tp.partition: offsets(chunk) for tp, chunk in chunks.items()} == {3: [0, 1, 2, 3], 5: [7, 8]}


async def test_only_the_partitions_that_were_asked_for_move() -> None:
    async with consuming(Broker(p3=[batch(0, range(4))], p5=[batch(0, range(2))]), p3=0, p5=0) as consumer:
        reader = ChunkReader(consumer)
        assert (await reader.chunks(SECONDS, frozenset({AT}))).keys() == {AT}
        assert consumer.position(OTHER) == 0
        assert await reader.chunks(0.02, frozenset()) == {}, "none is not all"
        assert (await reader.chunks(SECONDS, frozenset({OTHER}))).keys() == {OTHER}


async def test_a_seek_overtakes_what_was_fetched() -> None:
    broker = Broker(p3=[batch(base, range(3)) for base in range(0, 12, 3)])
    async with consuming(broker, p3=0) as consumer:
        reader = ChunkReader(consumer, records_max=3)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2]
        consumer.seek(7)
        assert offsets((await reader.chunks(SECONDS))[AT])[:2] == [7, 8]
        consumer.seek(0)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2]


async def test_a_paused_partition_keeps_its_position() -> None:
    broker = Broker(p3=[batch(base, range(3)) for base in range(0, 12, 3)])
    async with consuming(broker, p3=0) as consumer:
        reader = ChunkReader(consumer, records_max=3)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2]
        consumer.subscriptions.pause(AT)
        assert await reader.chunks(0.05) == {}
        assert consumer.position() == 3
        consumer.subscriptions.resume(AT)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [3, 4, 5]


async def test_nothing_of_an_old_assignment_is_delivered_after_a_new_one() -> None:
    broker = Broker(p3=[batch(base, range(3)) for base in range(0, 12, 3)], p5=[batch(0, range(2))])
    async with consuming(broker, p3=0) as consumer:
        reader = ChunkReader(consumer, records_max=3)
        assert offsets((await reader.chunks(SECONDS))[AT]) == [0, 1, 2]
        consumer.assign(p5=0)
        assert (await reader.chunks(SECONDS)).keys() == {OTHER}


@pytest.mark.parametrize(
    ("first", "last", "left"), [(0, 99, [2, 3, 4, 5]), (4, 99, [4, 5]), (0, 3, [2, 3]), (3, 3, [3]), (6, 99, None)]
)
async def test_a_chunk_can_be_narrowed(first: int, last: int, left: list[int] | None) -> None:
    async with consuming(Broker(p3=[batch(0, range(3)), batch(3, range(3))]), p3=2) as consumer:
        chunk = (await ChunkReader(consumer).chunks(SECONDS))[AT]
    assert chunk.narrow(first, last) == (left is not None)
    if left is not None:
        assert (chunk.first, chunk.last) == (left[0], left[-1])
        assert offsets(chunk) == left


@pytest.mark.parametrize("compression", COMPRESS)
async def test_a_header_name_that_is_not_utf8_is_read_with_a_replacement(compression: int) -> None:
    log = [
        batch(0, range(3), compression=compression),
        batch(3, range(6), compression=compression, names=[b"same", b"\xffabc"]),
        batch(9, range(2), compression=compression),
    ]
    async with consuming(Broker(p3=log), p3=4) as consumer:
        records = list((await ChunkReader(consumer).chunks(SECONDS))[AT])
    assert [record.offset for record in records] == [4, 5, 6, 7, 8, 9, 10]
    assert records[0].headers == [("same", b"h"), ("\ufffdabc", b"h"), ("none", None)]
    assert [(record.key, record.value, record.timestamp) for record in records[2:5]] == [
        (b"k6", b"v6", FIRST_MS + 3), (b"k7", None, FIRST_MS + 4), (b"k8", b"v8", FIRST_MS + 5),
    ]  # fmt: skip


@st.composite
def logs(draw: st.DrawFn) -> list[bytes]:
    """Batches with gaps in them and between them, some of them markers."""
    made, base = list[bytes](), draw(st.integers(0, 3))
    for _ in range(draw(st.integers(1, 8))):
        deltas = sorted(draw(st.sets(st.integers(0, 8), min_size=1)))
        last_delta = deltas[-1] + draw(st.integers(0, 2))
        control = draw(st.integers(0, 5)) == 0
        made.append(
            batch(
                base, deltas, last_delta=last_delta, control=control, compression=draw(st.sampled_from(list(COMPRESS)))
            )
        )
        base = end_of(made[-1]) + draw(st.sampled_from([0, 0, 3]))
    return made


def said(record: Any) -> tuple[Any, ...]:
    return record.offset, record.timestamp, record.key, record.value, tuple(record.headers)


@settings(max_examples=60, deadline=None)
@given(log=logs(), start=st.integers(0, 20), records_max=st.integers(1, 30))
def test_chunks_hold_what_aiokafka_hands_out(log: list[bytes], start: int, records_max: int) -> None:
    async def compare() -> None:
        end = end_of(log[-1])
        start_at = min(start, end)
        async with consuming(Broker(p3=log), p3=start_at) as stock:
            expected = list[Any]()
            while stock.position() < end:
                expected += (await stock._fetcher.fetched_records([], timeout=0.05)).get(AT, [])
        async with consuming(Broker(p3=log), p3=start_at) as consumer:
            reader, found = ChunkReader(consumer, records_max), list[Any]()
            while consumer.position() < end:
                chunk = (await reader.chunks(0.05)).get(AT)
                found += chunk or []
            assert consumer.position() == end
        assert list(map(said, found)) == list(map(said, expected))

    asyncio.run(compare())
