"""How the contract tests talk: short words for positions, changes and what a board shows."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from domain.boards import AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group
from domain.cells import Cell
from domain.rows import Reach
from projections.ports import (
    NEW,
    BoardStore,
    BoardView,
    BoardWriter,
    Flush,
    GroupChange,
    GroupDump,
    Position,
    ReachCells,
    Said,
    SnapshotRequest,
)

ABANDONED_AGAIN_SECONDS = 0.1

REPS = BoardGroup("cn", "rep", "2026-05")
STORES = BoardGroup("cn", "store", "2026-05")
REP_TARGETS = AttainmentGroup("rep", "2026-05")
UNIT_TARGETS = AttainmentGroup("unit", "2026-05")

REVENUE = BoardName("cn", "rep", "revenue", "2026-05")
QUANTITY = BoardName("cn", "rep", "quantity", "2026-05")
COUNT = BoardName("cn", "rep", "count", "2026-05")
STORE_REVENUE = BoardName("cn", "store", "revenue", "2026-05")
ATTAINED = BoardName("cn", "rep", "attainment-revenue", "2026-05")
STORE_ATTAINED = BoardName("cn", "store", "attainment-revenue", "2026-05")


def at(mark: int) -> str:
    """The position text of a mark; each mark stands for the sales up to its own number."""
    return NEW if mark < 0 else str(Position(mark, 0, {"sales": mark}))


def sold(revenue: int, lines: int = 1) -> Cell:
    """A cell of so much revenue."""
    return Cell(revenue, 2 * lines, lines, lines)


def cells(group: BoardGroup | AttainmentGroup, held: Mapping[str, Cell]) -> GroupChange:
    """A change of cells: on the boards of one unit, or of wholes that stand on none."""
    if isinstance(group, BoardGroup):
        written = AttainmentGroup("rep" if group.members == "rep" else "unit", group.bucket)
        return reached(written, {member: {(group.members, (group.unit_id,)): cell} for member, cell in held.items()})
    return GroupChange(group, reached={member: whole(cell) for member, cell in held.items()})


def whole(cell: Cell) -> ReachCells:
    """A cell that counts for its member and on no sales board."""
    return ((("rep", ()), cell),)


def reached(group: AttainmentGroup, held: Mapping[str, Mapping[Reach, Cell]]) -> GroupChange:
    """A change of members by reach."""
    return GroupChange(group, reached={member: tuple(by_reach.items()) for member, by_reach in held.items()})


def merged(changes: Iterable[GroupChange]) -> list[GroupChange]:
    """The changes with each group once, as a flush has them."""
    by_group: dict[Group, GroupChange] = {}
    for change in changes:
        known = by_group.setdefault(change.group, GroupChange(change.group))
        known.reached |= change.reached
        known.targets |= change.targets
        known.documents |= change.documents
    return list(by_group.values())


def target(group: AttainmentGroup, member: str, stands: list[tuple[str, str]], **values: int) -> GroupChange:
    """A change of one member's targets."""
    return GroupChange(group, targets={member: (tuple(stands), tuple(sorted(values.items())))})


def document(collection: str, held: Mapping[str, str]) -> GroupChange:
    """A change of documents."""
    return GroupChange(DocumentGroup(collection), documents=dict(held))


async def current(boards: BoardStore, version: str = "v1", partitions: int = 3) -> str:
    """A version that readers follow, at NEW everywhere."""
    await boards.begin(version, partitions)
    before, _ = await boards.where()
    assert await boards.swap(before, version, dict.fromkeys(range(partitions), NEW)) is Said.DONE
    return version


async def step_one(
    boards: BoardWriter, version: str, partition: int, start: str, target: str, changes: Sequence[GroupChange]
) -> list[Said]:
    """The step of one partition's flush."""
    [said] = await boards.step(version, [Flush(partition, start, target, changes)])
    return said


async def move_one(
    boards: BoardWriter, version: str, partition: int, start: str, target: str, groups: Sequence[Group]
) -> Said:
    """The move of one partition, after a flush of these groups."""
    [said] = await boards.move(version, [Flush(partition, start, target, [GroupChange(group) for group in groups])])
    return said


async def abandon(work: asyncio.Future[Any] | None) -> None:
    """End some work wherever it stands; again and again, as Python 3.11 may lose a cancellation in the client."""
    while work is not None and not work.done():
        work.cancel()
        await asyncio.wait([work], timeout=ABANDONED_AGAIN_SECONDS)


class Gate:
    """A client whose script calls wait until they are let through."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._waiting: asyncio.Queue[asyncio.Future[None]] = asyncio.Queue()

    async def turn(self) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait(turn)
        await turn

    async def evalsha(self, *args: Any) -> Any:
        await self.turn()
        return await self._client.evalsha(*args)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def let_through(self, work: asyncio.Task[Any]) -> bool:
        """Let the next call through and wait until the work asks for another, or ends; whether it goes on."""
        if not work.done():
            (await self.asked(work)).set_result(None)
            await self.asked(work, keep=True)
        return not work.done()

    async def asked(self, work: asyncio.Task[Any], *, keep: bool = False) -> asyncio.Future[None]:
        asked = asyncio.ensure_future(self._waiting.get())
        await asyncio.wait([asked, work], return_when=asyncio.FIRST_COMPLETED)
        if not asked.done():
            asked.cancel()
            return asyncio.get_running_loop().create_future()
        if keep:
            self._waiting.put_nowait(asked.result())
        return asked.result()


class Copies:
    """The server's keys as they once were."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self.client, self.prefix, self.kept = client, prefix, list[dict[str, Any]]()

    async def keys(self) -> list[str]:
        return [key async for key in self.client.scan_iter(match=self.prefix + "*")]

    async def keep(self) -> None:
        copy = {}
        for key in await self.keys():
            kind = await self.client.type(key)
            copy[key] = (
                await self.client.hgetall(key)
                if kind == "hash"
                else await self.client.zrange(key, 0, -1, withscores=True)
                if kind == "zset"
                else await self.client.smembers(key)
                if kind == "set"
                else await self.client.get(key)
            )
        self.kept = [*self.kept[-2:], copy]

    async def set_back(self, rnd: random.Random) -> None:
        gone = await self.keys()
        await self.client.delete(*gone)
        for key, held in rnd.choice(self.kept).items():
            if isinstance(held, dict):
                await self.client.hset(key, mapping=held)
            elif isinstance(held, list):
                await self.client.zadd(key, dict(held))
            elif isinstance(held, set):
                await self.client.sadd(key, *held)
            else:
                await self.client.set(key, held)


class Flushes:
    """A projector that always succeeds: each call is one complete flush of one partition."""

    def __init__(self, boards: BoardStore, version: str = "v1") -> None:
        self.boards, self.version = boards, version
        self.marks: dict[int, int] = {}

    async def __call__(self, *changes: GroupChange, partition: int = 0) -> None:
        start = self.marks.get(partition, -1)
        target_mark = self.marks[partition] = start + 10
        flush = merged(changes)
        said = await step_one(self.boards, self.version, partition, at(start), at(target_mark), flush)
        assert set(said) == {Said.DONE}
        groups = [change.group for change in flush]
        assert await move_one(self.boards, self.version, partition, at(start), at(target_mark), groups) is Said.DONE


async def board(boards: BoardStore, name: BoardName) -> BoardView:
    """A board as a reader sees it."""
    return (await boards.snapshot(SnapshotRequest(boards=(name,)))).boards[name]


async def shown(boards: BoardStore, name: BoardName) -> list[tuple[str, int]]:
    """Members and scores in order."""
    return [(entry.member_id, entry.score) for entry in (await board(boards, name)).entries]


async def dump(
    boards: BoardStore, group: BoardGroup | AttainmentGroup | DocumentGroup, version: str = "v1"
) -> GroupDump:
    """A group as stored."""
    [held] = await boards.dump(version, [group])
    assert held is not None
    return held
