"""Which boards are checked before a figure counts, and how: by digest, against the tests' oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import aiokafka

from domain.boards import BoardName
from domain.digest import digest
from domain.rows import entries
from processors.engine.changelog import ChangelogFold
from processors.topics import TopicNames
from projections.changes import changes_of
from projections.memory import MemoryBoards
from projections.ports import NEW, Position, SnapshotRequest

BOARDS = tuple(
    BoardName.parse(text)
    for text in (
        "nation-0/rep/revenue/2026-05",
        "nation-0/rep/quantity/2026",
        "nation-0/store/revenue/2026-W21",
        "region-1/rep/count/2026-05-11",
        "province-3/city/revenue/2026-Q2",
        "city-7/store/revenue/2026-05-20",
        "area-9/rep/revenue/2026-05",
    )
)


async def digests_of(store: MemoryBoards) -> dict[str, str]:
    """Board to digest."""
    snapshot = await store.snapshot(SnapshotRequest(boards=BOARDS))
    return {str(name): digest(name, snapshot.boards[name].entries) for name in BOARDS}


def oracle_digests(lines: Iterable[bytes]) -> dict[str, str]:
    """The same from the oracle, which shares no code with the product."""
    from tests.oracle.oracle import boards

    truth = boards(lines)
    return {str(name): truth.digest(str(name)) for name in BOARDS}


class _Rows(ChangelogFold):
    """The rows of a changelog partition that count, as board entries."""

    def __init__(self, groups: frozenset[object]) -> None:
        super().__init__()
        self.found: list[Any] = []
        self._groups = groups

    def put(self, key: bytes, value: bytes | None) -> None:
        self.found += (entry for entry in entries(key, value) if entry.group in self._groups)


async def changelog_digests(servers: str, names: TopicNames, partitions: int) -> dict[str, str]:
    """What a worker wrote, read as the projector reads it."""
    groups = frozenset(board.group for board in BOARDS)
    store = MemoryBoards()
    await store.begin("bench", partitions)
    built: dict[int, str] = {}
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=servers, enable_auto_commit=False, auto_offset_reset="earliest",
        max_partition_fetch_bytes=64 << 20,
    )  # fmt: skip
    await consumer.start()
    try:
        for partition in range(partitions):
            at = aiokafka.TopicPartition(names.changelog, partition)
            consumer.assign([at])
            await consumer.seek_to_beginning(at)
            end, rows = (await consumer.end_offsets([at]))[at], _Rows(groups)
            while await consumer.position(at) < end:
                rows.feed((await consumer.getmany(at, timeout_ms=500)).get(at, []))
            changes = changes_of(rows.found)
            built[partition] = str(Position(rows.mark, rows.epoch, rows.positions))
            await store.step("bench", partition, NEW, built[partition], changes)
            await store.move("bench", partition, NEW, built[partition], [change.group for change in changes])
    finally:
        await consumer.stop()
    await store.swap("", "bench", built)
    return await digests_of(store)


def changelog_digests_now(servers: str, names: TopicNames, partitions: int) -> dict[str, str]:
    """``changelog_digests`` for callers without a loop."""
    return asyncio.run(changelog_digests(servers, names, partitions))
