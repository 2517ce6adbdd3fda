"""One changelog partition without a broker: its owners and zombies, and a reader that checks every mark.

The owners are the engine's own ``PartitionOwner``, the readers its ``ChangelogFold``; the state is a toy, and the
broker a list. What a broker and an idempotent producer promise holds here too: a batch lands whole or not at all,
one writer's batches land in order and once. All else goes wrong at random: workers crash with batches on their way,
which land late or never; frozen ones come back and go on writing; partitions are claimed again; chunks are delivered
twice; compaction runs.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from processors.engine.changelog import CLAIM, ChangelogFold, ChangelogRecord, Row
from processors.engine.control import ControlRecord, ControlStream
from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import FlushLimits, Workshop
from processors.engine.writer import ChangelogWriter
from processors.redirects import Redirect
from tests.model.toy import Sale, SourceRecord, Toy, Worth, reduce

LIMITS = FlushLimits(records_max=3, seconds=2.0, piece_records=2, fenced_age_seconds_max=1e9)
SALE_COUNT, CONTROL_COUNT, FLYING_MAX = 30, 5, 3


class Record(NamedTuple):
    """A record of the changelog as read."""

    offset: int
    key: bytes
    value: bytes | None


class Landed(NamedTuple):
    """What a producer hears of a batch."""

    offset: int


class Reading(ChangelogFold):
    """Recovery without an owner: the product's fold over a toy."""

    def __init__(self) -> None:
        super().__init__()
        self.toy = Toy()
        self.fenced_at: dict[bytes, int] = {}

    def fence(self, record: ChangelogRecord) -> None:
        super().fence(record)
        self.fenced_at[record.key or b""] = record.offset

    def put(self, key: bytes, value: bytes | None) -> None:
        self.toy.load(key, value)


class Chunk:
    """What the engine acknowledges once it is durable."""

    def __init__(self, session: Session, last: int, current: bool) -> None:
        self.session, self.last, self.current = session, last, current

    def ack(self) -> bool:
        if self.current and not self.session.dead:
            self.session.world.acknowledged(self.last)
        return True


class Session:
    """One life of a worker: its producer, its view of the control stream, its owner of the partition."""

    def __init__(self, world: World) -> None:
        self.world, self.dead, self.deaths = world, False, list[BaseException]()
        self.out: list[tuple[list[Row], asyncio.Future[Landed]]] = []
        self.known = 0  # control records it has read
        self.fetch: int | None = None
        self.opening: asyncio.Task[None] | None = None
        self.workshop = Workshop(
            core=lambda partition: cast(Any, Toy()),
            reduce=cast(Any, reduce),
            control=cast(ControlStream, self),
            control_accountant=0,
            writer=cast(ChangelogWriter, self),
            limits=LIMITS,
            observer=self,
            die=self.die,
            clock=lambda: world.now,
            now_ms=lambda: 0,
        )
        self.owner = PartitionOwner(0, self.workshop)

    # ---- as the producer
    async def append(self, partition: int, records: Sequence[Row]) -> asyncio.Future[Landed]:
        future = asyncio.get_running_loop().create_future()
        self.out.append((list(records), future))
        return future

    async def claim(self, partition: int, who: str) -> int:
        while self.out and not self.dead:
            self.deliver()  # what was sent before lands before
        return self.world.append([(CLAIM, who.encode())])

    async def redirect(self, redirects: Sequence[Redirect]) -> None:
        self.world.letters |= {int(redirect.key or b"") for redirect in redirects}

    def deliver(self) -> None:
        """The oldest batch lands."""
        if self.out and not self.dead:
            records, future = self.out.pop(0)
            future.set_result(Landed(self.world.append(records)))

    def die(self, error: BaseException) -> None:
        self.deaths.append(error)
        self.kill()

    def kill(self) -> None:
        """Nothing more is sent; of what was on its way a beginning may still land, later."""
        if not self.dead:
            self.dead = True
            self.world.late += [records for records, _ in self.out[: self.world.random.randrange(FLYING_MAX + 1)]]
            if self.opening is not None:
                self.opening.cancel()

    # ---- as the control stream
    async def end(self) -> int:
        return self.world.control_known

    async def reached(self, end: int) -> None:
        self.known = max(self.known, end)

    def after(self, offset: int) -> list[ControlRecord]:
        return self.world.control[offset + 1 : self.known]

    def up_to(self, offset: int) -> list[ControlRecord]:
        return self.world.control[: offset + 1]

    # ---- as the observer
    def landed(self, seconds: float) -> None: ...

    def redirected(self, redirect: Redirect) -> None: ...

    def fenced(self) -> None: ...

    # ---- life
    async def claim_again(self) -> None:
        """A rebalance that leaves us the partition: kept if all of it has landed, else dropped whole."""
        releasing = asyncio.create_task(self.owner.release())
        while not releasing.done():
            self.deliver()
            await asyncio.sleep(0)
        if await releasing:
            self.owner.rewind()
        else:
            self.owner = PartitionOwner(0, self.workshop)
        self.opening = self.fetch = None
        await self.owner.claim("worker")

    async def step(self) -> None:
        rnd, owner = self.world.random, self.owner
        if self.opening is None:
            if rnd.random() < 0.5:
                end = max(owner.claimed_at, rnd.choice([owner.claimed_at, self.world.log[-1].offset]))
                owner.feed([record for record in self.world.log if record.offset <= end])
                self.opening = asyncio.create_task(owner.open())
                self.opening.add_done_callback(lambda task: task.cancelled() or task.exception())
        elif self.opening.done():
            if (error := self.opening.exception()) is not None:
                self.die(error)
            elif owner.mine is None:
                await self.claim_again()
            elif not owner.lock.locked() and len(self.out) < FLYING_MAX:
                await self.work()

    async def work(self) -> None:
        """Deliver a chunk, some of it a second time; or let the clock flush."""
        rnd, owner = self.world.random, self.owner
        self.known = rnd.randrange(self.known, self.world.control_known + 1)
        if self.fetch is None:  # the seek of every assignment: reading starts where the state ends
            owner.refusing = False
            self.fetch = owner.taken.get("sales", -1) + 1
        if rnd.random() < 0.7:
            first = max(0, self.fetch - rnd.randrange(3))
            records = self.world.sales[first : first + rnd.randrange(1, 8)]
            if records:
                current = rnd.random() < 0.97  # else it was fetched before a rebalance: refused, and a seek follows
                await owner.take("sales", records, Chunk(self, records[-1].offset, current), current)
                self.fetch = max(self.fetch, records[-1].offset + 1) if current else None
        else:
            await owner.tick()


class World:
    """One history. ``run`` returns what was wrong, in words; nothing = exact."""

    def __init__(self, seed: int) -> None:
        self.random = rnd = random.Random(seed)
        self.log: list[Record] = []
        self.end = self.cleaned = 0
        self.now = 0.0
        self.late: list[list[Row]] = []
        self.letters: set[int] = set()
        self.wrong: list[str] = []
        self.sales = [
            SourceRecord(
                offset,
                None
                if rnd.random() < 0.1
                else Sale(
                    rnd.choice("1234"), rnd.randrange(4), rnd.choice("abc"), rnd.choice("12"), rnd.choice([1, 10, -10])
                ),
            )
            for offset in range(SALE_COUNT)
        ]
        self.control = [
            ControlRecord(offset, cast(Any, Worth(rnd.choice("abc"), rnd.randrange(4))), None)
            for offset in range(CONTROL_COUNT)
        ]
        self.control_known = 0
        self.reader = Reading()

    def append(self, records: list[Row]) -> int:
        base = self.end
        self.log += [Record(base + i, key, value) for i, (key, value) in enumerate(records)]
        self.end += len(records)
        return base

    def cleaner_may_run(self, session: Session) -> bool:
        """The compaction lag: nothing is cleaned before the owner had its time to say again what did not count."""
        fenced = [self.reader.fenced_at[key] for key in self.reader.fenced]
        had_time = session.opening is not None and session.opening.done() and not session.out
        return not fenced or (
            had_time and session.owner.mine == self.reader.epoch and max(fenced) < session.owner.claimed_at
        )

    def compact(self) -> None:
        """Keep the last record of every key below some offset, as a compacted topic does; tombstones may go."""
        upto = self.random.randrange(self.cleaned, self.end + 1)
        last = {record.key: record.offset for record in self.log if record.offset < upto}
        self.log = [
            record
            for record in self.log
            if record.offset >= upto
            or (last[record.key] == record.offset and (record.value is not None or self.random.random() < 0.5))
        ]
        self.cleaned = upto

    # ---- checks
    def acknowledged(self, last: int) -> None:
        """A chunk is acknowledged: a mark that counts must cover it by now."""
        self.follow()
        if self.reader.positions.get("sales", -1) < last:
            self.wrong.append(f"offset {last} was acknowledged at {self.reader.positions}")

    def follow(self) -> None:
        """The checking reader looks at every mark, and is handed some records twice."""
        back = self.random.randrange(3)
        for record in [record for record in self.log if record.offset > self.reader.end - back]:
            counted = self.reader.counted
            self.reader.feed([record])
            if self.reader.counted > counted:
                self.check(self.reader, f"at the mark {record.offset}")

    def check(self, reading: Reading, when: str) -> None:
        sales, control = (reading.positions.get(source, -1) + 1 for source in ("sales", "control"))
        truth = Toy()
        truth.plant([record.fact for record in self.control[:control]])
        for record in self.sales[:sales]:
            if record.fact is not None:
                truth.apply(record.fact)
            elif record.offset not in self.letters:
                self.wrong.append(f"no dead letter {when} for {record}")
        if truth.ledger != reading.toy.ledger:
            self.wrong.append(f"ledger {when}: {reading.toy.ledger} for {truth.ledger}")
        zero = dict.fromkeys(truth.totals | reading.toy.totals, 0)
        if zero | truth.totals != zero | reading.toy.totals:
            self.wrong.append(f"totals {when}: {reading.toy.totals} for {truth.totals}")

    # ---- the history
    async def begin(self) -> Session:
        session = Session(self)
        await session.claim_again()
        return session

    async def run(self, step_count: int = 160) -> list[str]:
        session, zombies = await self.begin(), list[Session]()
        for _ in range(step_count):
            dice, self.now = self.random.random(), self.now + 1
            if self.random.random() < 0.05:
                self.control_known = min(self.control_known + 1, CONTROL_COUNT)
            if session.dead or dice < 0.06:
                if not session.dead and dice < 0.04:
                    zombies.append(session)  # frozen: it goes on later and knows nothing
                else:
                    session.kill()
                session = await self.begin()
            elif dice < 0.08:
                await self.random.choice([session, *zombies]).claim_again()
            elif dice < 0.17 and self.late:
                self.append(self.late.pop(0))
            for worker in [session, *zombies]:
                if worker is session or self.random.random() < 0.4:
                    await self.live(worker)
            for zombie in zombies:
                if self.random.random() < 0.03:
                    zombie.kill()
            zombies = [zombie for zombie in zombies if not zombie.dead]
            self.follow()
            if self.random.random() < 0.1 and self.cleaner_may_run(session):
                self.compact()
            if self.wrong:
                return self.wrong
        for worker in [session, *zombies]:
            worker.kill()
        await self.finish()
        return self.wrong

    async def live(self, worker: Session) -> None:
        """A step of a worker or a landing, then everything that follows at once."""
        if self.random.random() < 0.35:
            worker.deliver()
        elif not worker.dead:
            await worker.step()
        for _ in range(4):
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """Everybody else is gone: one worker finishes; a reader that knows nothing reads the log as it is left."""
        want = {"sales": SALE_COUNT - 1, "control": CONTROL_COUNT - 1}
        self.control_known = CONTROL_COUNT
        for _ in range(10):
            session = await self.begin()
            for _ in range(200):
                if session.dead or (session.owner.positions == want and not session.out):
                    break
                self.now += 1
                await self.live(session)
            if not session.dead and session.owner.positions == want:
                break
            session.kill()
        self.follow()
        fresh = Reading()
        fresh.feed(self.log)
        self.check(fresh, "at the end")
        if fresh.positions != want:
            self.wrong.append(f"the log ends at {fresh.positions}, deaths {session.deaths}")
        session.kill()
