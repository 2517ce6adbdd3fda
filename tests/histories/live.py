"""The live path without brokers or Redis: partition states, their rows, and boards in memory.

A partition reads its own facts and the control stream, each in order but at its own pace, and may at any point
flush, or forget everything and start again from its rows alone: a restart, which also takes back what was read since
the last flush. It may start from the rows of its whole state as they were at some flush, too, and those written since.
The one tie between the two paces is the worker's: a fact is folded after all control facts that were recorded more
than `CLOSE_DELAY_MS` before it.
"""

from __future__ import annotations

import random
import zlib
from collections import Counter
from collections.abc import Iterable

from domain.accounting import DEAD_LETTERED
from domain.boards import AttainmentGroup, BoardGroup, BoardName, DocumentGroup
from domain.closing import Closing, refuse_late_control
from domain.digest import digest
from domain.limits import CLOSE_DELAY_MS
from domain.org import PERIOD_CLOSED
from domain.partition import PartitionState, Rules
from domain.rows import LEDGER
from events.codec import read_line
from events.facts import Fact, Rejected
from projections.changes import changes_of_rows
from projections.memory import MemoryBoards
from projections.ports import NEW, BoardStore, Flush, Position, Said, SnapshotRequest

RULES = Rules(base_currency="CNY", default_zone="Asia/Shanghai")
VERSION = "live"
CONTROL_TYPES = ("unit.placed.v1", "unit.closed.v1", "unit.led.v1", "calendar.set.v1", PERIOD_CLOSED)


class Partition:
    """One partition: its facts as they stand in the log (None = unreadable), its state, its changelog."""

    def __init__(self, number: int, live: Live) -> None:
        self.number, self.live = number, live
        self.facts: list[Fact | None] = []
        self.changelog: list[tuple[bytes, bytes]] = []
        self.snapshot: list[tuple[bytes, bytes]] | None = None  # the whole state at some flush, and what came after it
        self.state = PartitionState(number, RULES, retires=True)
        self.taken = self.steered = 0  # how much of the facts and of the control stream the state holds
        self.marked = (0, 0)  # the same, at the last flush
        self.shown, self.mark = NEW, 0

    def work(self, count: int) -> None:
        """Fold some more facts."""
        for fact in self.facts[self.taken : self.taken + count]:
            self.taken += 1
            if fact is not None:
                self.steer(self.live.control_before(fact.recorded_ms - CLOSE_DELAY_MS) - self.steered)
            try:
                if fact is None:
                    raise Rejected("not_json", "")
                self.state.apply(fact)
            except Rejected:
                self.state.account(DEAD_LETTERED)

    def steer(self, count: int) -> None:
        """Fold some more of the control stream."""
        facts = self.live.control[self.steered : self.steered + max(count, 0)]
        if facts:
            self.state.control(facts)
            self.steered += len(facts)

    async def flush(self) -> None:
        """Write what changed as rows, and show it on the boards."""
        blob, rows = self.state.flush()
        self.mark += 1
        written = list(rows) if blob is None else [(LEDGER + b"%d" % self.mark, blob), *rows]
        self.changelog += written
        if self.snapshot is not None:
            self.snapshot += written
        self.marked = self.taken, self.steered
        target = str(Position(self.mark, 0, {}))
        flush = [Flush(self.number, self.shown, target, changes_of_rows(rows))]
        boards = self.live.boards
        [said] = await boards.step(VERSION, flush)
        assert set(said) <= {Said.DONE}, said
        moved = await boards.move(VERSION, flush)
        assert moved == [Said.DONE], moved
        self.shown = target

    def compact(self) -> None:
        """Keep the last row of every key, where it stood."""
        last = {key: place for place, (key, _) in enumerate(self.changelog)}
        self.changelog = [row for place, row in enumerate(self.changelog) if last[row[0]] == place]

    def restart(self) -> None:
        """Start again from the rows and the control prefix of the last flush."""
        self._restart(self.changelog)

    async def keep(self) -> None:
        """Flush, and keep the whole state."""
        await self.flush()
        self.snapshot = list(self.state.rows(7))

    def resume(self) -> None:
        """Start again from the state that was kept."""
        self._restart(self.changelog if self.snapshot is None else self.snapshot)

    def _restart(self, rows: list[tuple[bytes, bytes]]) -> None:
        self.state = PartitionState(self.number, RULES, retires=True)
        for key, value in rows:
            self.state.load(key, value)
        self.taken, self.steered = self.marked
        self.state.plant(self.live.control[: self.steered])


class Live:
    """Some partitions and the boards they add up to."""

    def __init__(self, partition_count: int = 1, boards: BoardStore | None = None) -> None:
        self.control: list[Fact | None] = []
        self.control_ms: list[int] = []
        self.closing = Closing()
        self.boards: BoardStore = boards or MemoryBoards()
        self.partitions = [Partition(number, self) for number in range(partition_count)]

    async def start(self) -> None:
        await self.boards.begin(VERSION, len(self.partitions))
        await self.boards.swap("", VERSION, dict.fromkeys(range(len(self.partitions)), NEW))

    def arrive(self, line: bytes) -> Partition:
        """A line is appended to the log; returns a partition that has something to read now."""
        try:
            fact = read_line(line)
        except Rejected:
            self.partitions[0].facts.append(None)
            return self.partitions[0]
        if fact.type in CONTROL_TYPES:
            self.control.append(self._judged(fact))
            self.control_ms.append(fact.recorded_ms)
            return self.partitions[0]
        key = fact.data.subject.id if fact.type.startswith("target.") else fact.data.rep_id
        home = self.partitions[zlib.crc32(key.encode()) % len(self.partitions)]
        home.facts.append(fact)
        return home

    def _judged(self, fact: Fact) -> Fact | None:
        """A control fact, or None if it comes too late."""
        try:
            refuse_late_control(fact, self.closing)
        except Rejected:
            return None
        if fact.type == PERIOD_CLOSED:
            self.closing.add(fact.data.year, fact.recorded_ms)
        return fact

    def control_before(self, recorded_ms: int) -> int:
        """How many control facts there are up to the last one recorded before an instant."""
        return next((at + 1 for at in reversed(range(len(self.control))) if self.control_ms[at] < recorded_ms), 0)

    async def finish(self) -> None:
        """Read everything and flush."""
        for partition in self.partitions:
            partition.steer(len(self.control))
            partition.work(len(partition.facts))
            await partition.flush()

    @property
    def outcomes(self) -> Counter[str]:
        """Records by outcome, over all partitions."""
        total: Counter[str] = Counter()
        for partition in self.partitions:
            total += Counter(partition.state.accounting.counts)
        return total

    async def digests(self) -> dict[str, str]:
        """Every board that lists anybody, to its digest."""
        return await digests(self.boards)

    async def documents(self) -> dict[str, dict[str, str]]:
        """The documents of the organisation, the roster and the targets."""
        _, groups = await self.boards.groups()
        names = tuple(
            (g.collection, "") for g in groups if isinstance(g, DocumentGroup) and g.collection != "accounting"
        )
        views = (await self.boards.snapshot(SnapshotRequest(documents=names))).documents
        return {name: dict(view.documents or {}) for name, view in views.items()}


async def digests(boards: BoardStore) -> dict[str, str]:
    """Every board of a store that lists anybody, to its digest."""
    version, groups = await boards.groups()
    names: set[BoardName] = set()
    for group, dump in zip(groups, await boards.dump(version, groups), strict=True):
        if isinstance(group, BoardGroup):
            names |= {
                BoardName(group.unit_id, group.members, m, group.bucket) for m in ("revenue", "quantity", "count")
            }
        elif isinstance(group, AttainmentGroup) and dump is not None:
            names |= set(dump.sets)
    views = (await boards.snapshot(SnapshotRequest(boards=tuple(names)))).boards
    return {str(name): digest(name, view.entries) for name, view in views.items() if view.entries}


async def straight(lines: Iterable[bytes], partition_count: int = 1) -> Live:
    """Everything in order, in one go."""
    live = Live(partition_count)
    await live.start()
    for line in lines:
        live.arrive(line)
    await live.finish()
    return live


async def stumbling(
    lines: Iterable[bytes], rnd: random.Random, partition_count: int = 1, boards: BoardStore | None = None
) -> Live:
    """The same at random: small chunks, flushes, restarts and compactions anywhere, control facts at any point."""
    live = Live(partition_count, boards)
    await live.start()
    for line in lines:
        partition = live.arrive(line)
        for _ in range(rnd.randrange(3)):
            match rnd.randrange(10):
                case 0 | 1:
                    partition.work(rnd.randrange(1, 6))
                case 2 | 3:
                    rnd.choice(live.partitions).steer(rnd.randrange(1, 4))
                case 4 | 5:
                    await partition.flush()
                case 6:
                    partition.restart()
                case 7:
                    partition.compact()
                case 8:
                    await partition.keep()
                case 9:
                    partition.resume()
    await live.finish()
    for partition in live.partitions:
        partition.restart()
    return live
