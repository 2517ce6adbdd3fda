"""Which boards are checked before a figure counts, and how: by digest, against the tests' oracle."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiokafka

from domain.boards import BoardName
from domain.digest import digest
from domain.rows import entries
from processors.engine.changelog import MARK, ChangelogFold, positions_of
from processors.topics import TopicNames
from projections.changes import changes_of
from projections.memory import MemoryBoards
from projections.ports import NEW, BoardReader, Flush, Position, SnapshotRequest
from projections.redis_boards import RedisBoards

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

PEER_BOARDS = (
    "nation-0/rep/revenue/2026-05-11",
    "nation-0/rep/revenue/2026",
    "nation-0/store/revenue/2026-W21",
    "nation-0/area/revenue/2026-05",
    "nation-0/city/revenue/2026-Q2",
    "nation-0/province/revenue/2026-05-20",
    "nation-0/region/revenue/2026-05",
)
"""Boards whose revenue is among a peer's totals; their cells are not."""

FETCH_BYTES_MAX = 64 << 20

Digests = dict[str, str]
Revenues = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Truth:
    """What the oracle, which shares no code with the product, says of some lines.

    Attributes:
        digests: board to digest.
        revenues: board to member to revenue, of ``PEER_BOARDS``.
    """

    digests: Digests
    revenues: Revenues

    @classmethod
    def of(cls, lines: Iterable[bytes]) -> Truth:
        """Ask the oracle: it takes its time."""
        from tests.oracle.oracle import boards

        truth = boards(lines)
        return cls(
            {str(name): truth.digest(str(name)) for name in BOARDS},
            {name: {member: score for _, member, score, _, _ in truth.board(name)} for name in PEER_BOARDS},
        )


async def digests_of(store: BoardReader) -> Digests:
    """The same digests of the product's boards."""
    snapshot = await store.snapshot(SnapshotRequest(boards=BOARDS))
    return {str(name): digest(name, view.entries) for name, view in snapshot.boards.items()}


def revenues_of(totals: Mapping[str, Mapping[str, int]]) -> Revenues:
    """The same revenues of a peer's totals; one that came back to 0 lists nobody."""
    found: Revenues = {}
    for name in PEER_BOARDS:
        _, members, _, bucket = name.rsplit("/", 3)
        held = totals.get(f"{members} {bucket}", {})
        found[name] = {member: revenue for member, revenue in held.items() if revenue}
    return found


def redis_digests(url: str, prefix: str) -> Digests:
    """What readers are shown."""

    async def read() -> Digests:
        store = RedisBoards.at(url, prefix)
        try:
            return await digests_of(store)
        finally:
            await store.close()

    return asyncio.run(read())


class _Rows(ChangelogFold):
    """The rows of a changelog partition that count, as board entries."""

    def __init__(self, groups: frozenset[object]) -> None:
        super().__init__()
        self.found: list[Any] = []
        self._groups = groups

    def put(self, key: bytes, value: bytes | None) -> None:
        self.found += (entry for entry in entries(key, value) if entry.group in self._groups)


def changelog_digests(servers: str, names: TopicNames, partitions: int) -> Digests:
    """What a worker wrote, read as the projector reads it."""
    return asyncio.run(_changelog_digests(servers, names, partitions))


async def _changelog_digests(servers: str, names: TopicNames, partitions: int) -> Digests:
    groups = frozenset(board.group for board in BOARDS)
    store = MemoryBoards()
    await store.begin("bench", partitions)
    built: dict[int, str] = {}
    async with Changelog(servers, names, partitions) as changelog:
        for partition in range(partitions):
            rows = _Rows(groups)
            await changelog.read(partition, rows)
            built[partition] = str(Position(rows.mark, rows.epoch, rows.positions))
            flush = [Flush(partition, NEW, built[partition], changes_of(rows.found))]
            await store.step("bench", flush)
            await store.move("bench", flush)
    await store.swap("", "bench", built)
    return await digests_of(store)


class Changelog:
    """Reads a changelog from outside its worker."""

    def __init__(self, servers: str, names: TopicNames, partitions: int) -> None:
        self._servers = servers
        self._at = [aiokafka.TopicPartition(names.changelog, partition) for partition in range(partitions)]

    async def __aenter__(self) -> Changelog:
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self, partition: int, fold: ChangelogFold) -> None:
        """Fold a partition up to its end."""
        at = self._at[partition]
        self._consumer.assign([at])
        await self._consumer.seek_to_beginning(at)
        end = (await self._consumer.end_offsets([at]))[at]
        while await self._consumer.position(at) < end:
            fold.feed((await self._consumer.getmany(at, timeout_ms=500)).get(at, []))

    async def positions(self) -> dict[int, dict[str, int]]:
        """Partition to the source offsets at its end; {} where the last record is not a mark."""
        self._consumer.assign(self._at)
        ends: dict[Any, int] = await self._consumer.end_offsets(self._at)
        found: dict[int, dict[str, int]] = {at.partition: {} for at in self._at}
        waiting = {at for at in self._at if ends[at] > 0}
        for at in waiting:
            self._consumer.seek(at, ends[at] - 1)
        while waiting:
            at = next(iter(waiting))
            for record in (await self._consumer.getmany(at, timeout_ms=1_000)).get(at, [])[:1]:
                found[at.partition] = positions_of(record) if record.key == MARK else {}
                waiting.remove(at)
        return found
