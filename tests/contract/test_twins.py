"""The same random histories through boards in memory and boards in Redis: same answers, same boards, same contents."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence

import pytest
from redis.asyncio import Redis

from domain.boards import AttainmentGroup, BoardName, DocumentGroup
from domain.cells import EMPTY, Cell
from domain.rows import Reach
from projections.memory import MemoryBoards
from projections.ports import BoardStore, Flush, GroupChange, Position, ReachCells, Said, Snapshot, SnapshotRequest
from projections.redis_boards import RedisBoards
from projections.redis_calls import connect
from projections.unit_parts import HELD_UNITS_MAX

PARTITIONS = 3
BUCKETS = ("2026-05-21", "2026-05")
GROUPS: list[AttainmentGroup | DocumentGroup] = [
    *(AttainmentGroup(kind, bucket) for kind in ("rep", "unit") for bucket in BUCKETS),
    DocumentGroup("reps"),
]
REP_REACHES: list[Reach] = [("rep", ("a/b", "cn")), ("rep", ("cn",)), ("rep", ())]
UNIT_REACHES: list[Reach] = [("城市", ("a/b", "cn")), ("城市", ("cn",)), ("store", ("a/b",)), ("", ())]
REPS = [["李伟", "b", "a"], ["B", "王芳", "é"], ["r 7", "r/8", "r9"]]
UNITS = ["s1", "s2", "门店", "s/4"]
METRICS = ("revenue", "quantity", "count")
REQUEST = SnapshotRequest(
    boards=tuple(
        BoardName(unit, members, metric, bucket)
        for unit in ("cn", "a/b")
        for members in ("rep", "城市", "store")
        for metric in (*METRICS, *(f"attainment-{m}" for m in METRICS))
        for bucket in BUCKETS
    ),
    attainments=tuple(group for group in GROUPS if isinstance(group, AttainmentGroup)),
    documents=(("reps", ""),),
)


class History:
    """A run of random calls, each of them made on both stores."""

    def __init__(self, seed: int, stores: list[BoardStore]) -> None:
        self.random, self.stores, self.seed = random.Random(seed), stores, seed
        self.versions: list[str] = []
        self.listed: dict[tuple[AttainmentGroup, str, int], dict[Reach, None]] = {}
        self.started: dict[tuple[str, int], list[str]] = {}
        self.calls = 0

    async def both(self, name: str, *args: object) -> object:
        self.calls += 1
        memory, redis = [await getattr(store, name)(*args) for store in self.stores]
        assert memory == redis, (self.seed, self.calls, name, args)
        return memory

    async def run(self, steps: int) -> None:
        for _ in range(steps):
            await self.one()
            await self.compare()

    async def one(self) -> None:
        dice = self.random.random()
        if dice < 0.05 or not self.versions:
            version = f"v{len(self.versions)}"
            self.versions.append(version)
            await self.both("begin", version, PARTITIONS)
        elif dice < 0.12:
            await self.swap()
        elif dice < 0.13:
            await self.both(self.random.choice(["drop", "forget"]), self.random.choice(self.versions))
        elif dice < 0.14:
            await self.both("sweep", 0)
        else:
            await self.flush()

    async def swap(self) -> None:
        current, _ = await self.stores[0].where()
        version = self.random.choice(self.versions)
        built = {p: self.position(version, p) for p in range(PARTITIONS)}
        await self.both("swap", self.random.choice([current, current, "v0"]), version, built)

    def position(self, version: str, partition: int) -> str:
        """Where the history believes the version to stand; not always right."""
        return self.random.choice([self.started.get((version, partition), ["-1|-1|{}"])[-1]] * 9 + ["7|0|{}"])

    async def flush(self) -> None:
        """Flushes of one partition or of several, stepped together; most of the positions then move."""
        version = self.random.choice(self.versions[-2:])
        partitions = self.random.sample(range(PARTITIONS), self.random.choice([1, 1, 2, PARTITIONS]))
        flushes = [self.flush_of(version, partition) for partition in partitions]
        await self.both("step", version, flushes)
        asked = [flush for flush in map(self.asked_of, flushes) if self.random.random() < 0.7]
        said = await self.both("move", version, asked)
        assert isinstance(said, list)
        for flush, one in zip(asked, said, strict=True):
            if one == "ok":
                self.started.setdefault((version, flush.partition), []).append(flush.target)

    def flush_of(self, version: str, partition: int) -> Flush:
        start = self.position(version, partition)
        mark = Position.parse(start).mark + self.random.randrange(1, 20)
        target = str(Position(mark, 0, {"sales": mark, "control": mark // 2}))
        groups = self.random.sample(GROUPS, self.random.randrange(1, 5))
        return Flush(partition, start, target, [self.change(group, partition) for group in groups])

    def asked_of(self, flush: Flush) -> Flush:
        """The flush as its move names it: now and then with a group that was not written."""
        more = self.random.sample(GROUPS, self.random.choice([0, 0, 0, 1]))
        return flush._replace(changes=[*flush.changes, *map(GroupChange, more)])

    def change(self, group: AttainmentGroup | DocumentGroup, partition: int) -> GroupChange:
        if isinstance(group, DocumentGroup):
            return GroupChange(group, documents={str(self.random.randrange(4)): f'{{"n":{self.calls}}}'})
        of_reps = group.kind == "rep"
        members = REPS[partition] if of_reps else UNITS
        change = GroupChange(group)
        for member in self.random.sample(members, 2):
            change.reached[member] = self.reached(group, member, partition)
        if of_reps or partition == 0:
            for member in self.random.sample(members, self.random.randrange(3)):
                word = "rep" if of_reps else self.random.choice(["城市", "store"])
                stands = [(unit, word) for unit in ("cn", "a/b") if self.random.random() < 0.7]
                values = [(m, self.random.randrange(1, 10**12)) for m in METRICS if self.random.random() < 0.5]
                change.targets[member] = tuple(stands), tuple(sorted(values))
        return change

    def reached(self, group: AttainmentGroup, member: str, partition: int) -> ReachCells:
        """Cells by every reach that the member ever had here, now and then one more."""
        reaches = REP_REACHES if group.kind == "rep" else UNIT_REACHES
        listed = self.listed.setdefault((group, member, partition), {reaches[0]: None})
        if self.random.random() < 0.2:
            listed[self.random.choice(reaches)] = None
        return tuple((reach, self.cell()) for reach in listed)

    def cell(self) -> Cell:
        if self.random.random() < 0.2:
            return EMPTY
        lines = self.random.randrange(1, 5)
        revenue = self.random.choice([0, 100, -100, self.random.randrange(-(10**11), 10**11)])
        return Cell(revenue, self.random.randrange(-3, 9), self.random.randrange(-2, 5), lines)

    async def compare(self) -> None:
        await self.both("where")
        memory, redis = [await store.snapshot(REQUEST) for store in self.stores]
        assert plain(memory) == plain(redis), (self.seed, self.calls)
        await self.both("groups")
        await self.both("dump", *await self.stores[0].groups())


def plain(snapshot: Snapshot) -> object:
    """A snapshot without its tags, which each store writes as it likes."""
    documents = {name: (view.as_of, view.documents) for name, view in snapshot.documents.items()}
    return snapshot.version, snapshot.boards, snapshot.attainments, documents


class TwoWriters(RedisBoards):
    """Boards whose steps are now one writer's, now another's: neither knows what the other wrote."""

    def __init__(self, client: Redis, prefix: str, seed: int) -> None:
        super().__init__(client, prefix)
        self.other, self.random = RedisBoards(client, prefix), random.Random(seed)

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        return await self.random.choice([super().step, self.other.step])(version, flushes)


@pytest.mark.parametrize("held_units_max", [HELD_UNITS_MAX, 3, 0])
@pytest.mark.parametrize("seed", range(8))
async def test_both_stores_agree_on_random_histories(valkey_url: str, seed: int, held_units_max: int) -> None:
    redis = RedisBoards(connect(valkey_url), f"{uuid.uuid4().hex}:", held_units_max=held_units_max)
    await History(seed, [MemoryBoards(), redis]).run(120)
    await redis.close()


@pytest.mark.parametrize("seed", range(5))
async def test_both_stores_agree_when_two_write_by_turns(valkey_url: str, seed: int) -> None:
    redis = TwoWriters(connect(valkey_url), f"{uuid.uuid4().hex}:", seed)
    await History(seed, [MemoryBoards(), redis]).run(120)
    await redis.close()
