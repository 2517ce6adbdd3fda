"""Workers of a history: the engine's own owner of a partition, and around it what Faust would do."""

from __future__ import annotations

import asyncio
import functools
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, cast

from processors.engine.control import ControlRecord, ControlStream
from processors.engine.ownership import PartitionOwner
from processors.engine.reclaim import Reclaims
from processors.engine.workshop import FlushLimits, ForeignWrite, Workshop
from processors.engine.writer import ChangelogWriter
from tests.model.broker import Record
from tests.model.facts import SourceRecord
from tests.model.processes import Died, Process
from tests.model.state import reduce

if TYPE_CHECKING:
    from tests.model.sites import Site

LIMITS = FlushLimits(
    records_max=6, seconds=3.0, piece_records=2, fenced_age_seconds_max=3_000.0, heartbeat_seconds=30.0
)


class Owner(PartitionOwner):
    """The product's, saying again a few rows a batch."""

    again_rows_max = 2


class OwnersReclaims(Reclaims):
    """The product's, with the owner above."""

    owner_class = Owner


class Chunk:
    """Records of a source, as fetched at some time."""

    def __init__(self, worker: Worker, source: str, records: Sequence[SourceRecord]) -> None:
        self.worker, self.source, self.records = worker, source, records
        self.after = records[0].offset - 1
        self.seek: int = worker.seeks

    @property
    def current(self) -> bool:
        """Whether it was fetched since the last seek."""
        return self.seek == self.worker.seeks

    def ack(self) -> bool:
        """What is acknowledged must be durable, but for a chunk of before the last seek: that is let go, refused."""
        if self.current and not self.worker.owner.refusing:
            self.worker.site.acknowledged(self.source, self.records[-1].offset)
        return True


class Unobserved:
    """Metrics that nobody reads."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_: None


class Control:
    """A worker's view of the control stream: it knows a beginning of it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self.known = 0

    async def end(self) -> int:
        await asyncio.sleep(0)
        return self._site.world.control_known

    async def reached(self, end: int) -> None:
        await asyncio.sleep(0)
        self.known = max(self.known, end)

    def after(self, offset: int) -> list[ControlRecord]:
        return self._site.world.control[offset + 1 : self.known]

    def up_to(self, offset: int) -> list[ControlRecord]:
        return self._site.world.control[: offset + 1]


class Worker:
    """One life of a worker process that owns one partition."""

    def __init__(self, site: Site) -> None:
        rules = site.world.rules
        self.site, self.random = site, site.world.random
        self.seeks = 0
        self.process = Process()
        self.producer = rules.producer(site.log, lambda: site.world.now, site.letters, self.random)
        self.control = rules.control(site)
        self.death: BaseException | None = None
        self.lost_a_chunk = False
        self.workshop = Workshop(
            core=lambda partition: cast(Any, rules.state()),
            reduce=cast(Any, reduce),
            control=cast(ControlStream, self.control),
            control_accountant=0,
            writer=cast(ChangelogWriter, self.producer),
            limits=rules.limits,
            observer=cast(Any, Unobserved()),
            die=self.die,
            clock=lambda: site.world.now,
            now_ms=lambda: int(site.world.now * 1000),
            lost=self._lost,
        )
        self.owners: dict[int, PartitionOwner] = {site.partition: rules.owner(site.partition, self.workshop)}
        self._reclaims = rules.reclaims(
            self.owners,
            self.workshop,
            "worker",
            read=self._read,
            sources=self,
            reclaimed=self._reclaimed,
            sleep=lambda seconds: asyncio.sleep(0),
        )
        self._pace = 0.35
        self._assigned = 0
        self._fetched: dict[str, int] = {}
        self._chunks: deque[Chunk] = deque()
        self.process.create_task(self._run())

    def die(self, error: BaseException) -> None:
        """Stop at once."""
        if not self.process.dead:
            self.death, self.process.dead = error, True
        raise Died

    def _lost(self, owner: PartitionOwner, reason: ForeignWrite) -> None:
        self._reclaims.lost(owner, reason)

    async def _run(self) -> None:
        try:
            await self._recover()
            while True:
                await asyncio.sleep(0)
                await self._work()
        except Exception as error:
            self.die(error)

    # ---- assignments
    def rebalance(self) -> None:
        """A rebalance that leaves us the partition, perhaps after it was somebody else's for a while."""
        self._assigned += 1
        self.seeks += 1
        self._fetched = {}
        self.process.create_task(self._recover_again())

    async def _recover_again(self) -> None:
        try:
            await self._recover()
        except Exception as error:
            self.die(error)

    async def _recover(self) -> None:
        """Claim, read the changelog at least that far, open, seek; given up when the next assignment comes."""
        assigned = self._assigned
        claimed = await self._claim()
        owner = self.owner
        owner.rewind()
        async for records in self._read(owner, max(claimed, self.random.choice((claimed, self.site.log.end - 1)))):
            if assigned != self._assigned:
                break
            owner.feed(records)
        if assigned == self._assigned or self.random.random() < 0.3:  # Faust may open what was not read to the end
            await self.owner.open()
        if assigned == self._assigned:
            self.seek()

    async def _read(self, owner: PartitionOwner, end: int) -> AsyncGenerator[list[Record], None]:
        start = (owner.stage[-1].offset if owner.stage else owner.end) + 1
        while start <= end:
            await asyncio.sleep(0)
            records = [r for r in self.site.log.read(start, self.random.randrange(1, 40)) if r.offset <= end]
            if not records:
                return
            yield records
            start = records[-1].offset + 1

    async def _claim(self) -> int:
        if not await self.owner.release():
            self.owners[self.site.partition] = self.site.world.rules.owner(self.site.partition, self.workshop)
        return await self.owner.claim("worker")

    @property
    def owner(self) -> PartitionOwner:
        return self.owners[self.site.partition]

    def seek(self) -> None:
        """Read the sources on after what the state holds."""
        self.seeks += 1
        self._chunks.clear()
        self.owner.refusing = False
        self._fetched = {source: self.owner.positions.get(source, -1) + 1 for source in self.site.sources}

    # ---- re-claim in place
    async def hold(self, partition: int) -> None:
        seeks, self._fetched = self.seeks, {}
        self._pace = self.random.choice((0.35, 0.01))  # somebody folds slowly
        for _ in range(self.random.choice((1, 40))):  # a fetch is under way; it may take as long as a rebalance
            await asyncio.sleep(0)
        self.let_go(seeks)

    def let_go(self, seeks: int) -> None:
        """What has come since the seek of that number is never current."""
        if self.seeks == seeks:
            self.seeks += 1

    async def go_on(self, partition: int) -> None:
        assigned = self._assigned
        await asyncio.sleep(0)
        if assigned != self._assigned:
            return
        self._pace = 0.35
        self.owner.refusing = False
        self._fetched = {source: self.owner.positions.get(source, -1) + 1 for source in self.site.sources}

    async def _reclaimed(self) -> None:
        self.site.world.reclaimed += 1

    # ---- work
    async def _work(self) -> None:
        """Fetch a chunk, fold one that was fetched, or let the clock flush."""
        dice = self.random.random()
        known = self.site.world.control_known
        if self.control.known < known and self.random.random() < 0.3:
            self.control.known += 1
        if dice < self.site.world.fates.fetches:
            self._fetch()
        elif dice > 1.0 - self._pace and self._chunks:
            chunk = self._chunks.popleft()
            current = functools.partial(getattr, chunk, "current")
            await self.owner.take(chunk.source, chunk.records, chunk, current, after=chunk.after)
        else:
            await self.owner.tick()

    def _fetch(self) -> None:
        if self._fetched and len(self._chunks) < 4:
            source = "sales" if self.random.random() < 0.7 else self.random.choice(("targets", "reps"))
            first = self._fetched[source]
            if first and self.random.random() < 0.2:
                first -= 1  # some of it a second time
            count = 1 + int(self.random.random() * self.site.world.fates.chunk)
            records = self.site.sources[source][first : first + count]
            if records:
                self._fetched[source] = max(self._fetched[source], records[-1].offset + 1)
                if self.random.random() < self.site.world.fates.lost_chunks:
                    self.lost_a_chunk = True
                else:
                    self._chunks.append(Chunk(self, source, records))

    # ---- as the history sees it
    @property
    def settled(self) -> bool:
        """Whether it lives, is open, and everything in the log is known to it."""
        owner = self.owner
        at_the_end = owner.mine is not None and owner.end + 1 == self.site.log.end
        idle = not self.producer.busy and not owner.lock.locked()
        return at_the_end and idle and not self.process.dead

    def turn(self) -> None:
        """Something happens: in the process, or to what it has sent."""
        dice = self.random.random()
        if dice < 0.2:
            self.producer.land()
        elif dice < 0.4:
            self.producer.hear()
        elif not self.process.dead:
            self.process.step((1, 2, 6)[int(dice * 5 - 2)])

    def kill(self) -> None:
        """End it; what was on its way may still land."""
        late = self.producer.late()
        if late:
            self.site.late.append(late)
        self.process.bury()
