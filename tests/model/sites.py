"""One partition of a history: its sources, its changelog, the workers that believe it is theirs, and what is true."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from processors.engine.changelog import MARK, Row
from processors.engine.workshop import ChunkMissed, ForeignWrite, StaleChangelog
from tests.model import facts
from tests.model.broker import Log
from tests.model.oracle import NAMES, TARGETS, Board, Truth, truth
from tests.model.workers import Worker

if TYPE_CHECKING:
    from tests.model.history import World

Positions = Mapping[str, int]


class Site:
    """A partition: its sources, its changelog, and the workers that own it or believe so."""

    def __init__(self, world: World, partition: int) -> None:
        self.world, self.partition = world, partition
        self.sources = facts.sources(world.random, partition)
        self.letters: set[int] = set()
        self.truths: dict[tuple[int, ...], Truth] = {}
        self.late: deque[deque[list[Row]]] = deque()
        self.zombies: list[Worker] = []
        self.owner: Worker
        self.start_log()

    def start_log(self) -> None:
        """A new changelog topic."""
        self.log = Log(self.partition, self.world.random, self.follow)
        self.reader = self.world.rules.reading()
        self.marks: dict[int, Positions] = {-1: {}}
        self.late.clear()

    # ---- truth
    def truth(self, positions: Positions) -> Truth:
        key = tuple(positions.get(source, -1) + 1 for source in ("sales", "targets", "reps", "control"))
        known = self.truths.get(key)
        if known is None:
            sales, targets, names = (
                [record.fact for record in self.sources[source][:end] if record.fact is not None]
                for source, end in zip(("sales", "targets", "reps"), key, strict=False)
            )
            control = self.world.placed[: key[3]]
            known = self.truths[key] = truth(cast(Any, sales), cast(Any, targets), cast(Any, names), control)
        return known

    def check_state(self, state: Any, positions: Positions, when: str) -> None:
        """Compare a state that somebody has with what is true at its positions."""
        true = self.truth(positions)
        boards: dict[Board, dict[str, tuple[int, int]]] = {}
        for (board, member), cell in state.cells.items():
            if cell != (0, 0):
                boards.setdefault(board, {})[member] = cell
        documents: dict[Board, dict[str, str]] = {TARGETS: {}, NAMES: {}}
        for key, (rep, _, text) in state.latest.items():
            documents[TARGETS if key[:1] == b"T" else NAMES][rep] = str(text)
        if state.ledger != true.ledger:
            self.wrong(f"{when}: the ledger is {state.ledger}, true is {true.ledger}")
        if boards != true.boards or documents != true.documents:
            self.wrong(f"{when}: {boards} {documents}, true is {true.boards} {true.documents}")

    def wrong(self, what: str) -> None:
        self.world.wrong(f"partition {self.partition}, {what}")

    def follow(self) -> None:
        """The checking reader looks at what was appended just now, before anybody else can."""
        reader = self.reader
        for record in self.log.read(reader.end + 1 - self.world.random.randrange(3)):  # some a second time
            counted = reader.counted
            reader.feed([record])
            if reader.counted > counted:
                self.marks[record.offset] = reader.positions
                self.world.trace("log", self.partition, record.offset, "counts", reader.positions)
            elif record.key == MARK:
                self.world.trace("log", self.partition, record.offset, "mark", record.value)
            else:
                self.world.trace("log", self.partition, record.offset, record.key)
            if reader.counted > counted:
                self.check_state(reader.state, reader.positions, f"at the mark {record.offset}")
                self._check_letters(reader.positions)

    def _check_letters(self, positions: Positions) -> None:
        for record in self.sources["sales"][: positions.get("sales", -1) + 1]:
            if record.fact is None and record.offset not in self.letters:
                self.wrong(f"no dead letter for {record}")

    def acknowledged(self, source: str, offset: int) -> None:
        if self.reader.positions.get(source, -1) < offset:
            self.wrong(f"{source}@{offset} was acknowledged, the log holds {self.reader.positions}")

    # ---- what happens
    def begin(self) -> None:
        self.owner = self.world.rules.worker(self)

    def happen(self) -> None:
        """Once a step: fate, then somebody's turn."""
        rnd, dice, fates = self.world.random, self.world.random.random(), self.world.fates
        if self.owner.process.dead:
            self.buried(self.owner)
            self.begin()
        elif dice < fates.frozen:
            self.zombies.append(self.owner)  # frozen, or cut off: it goes on later and knows nothing
            self.begin()
        elif dice < fates.frozen + fates.killed:
            self.owner.kill()
            self.begin()
        elif dice < fates.frozen + fates.killed + fates.rebalanced:
            rnd.choice([self.owner, *self.zombies]).rebalance()
        elif dice < 0.18 and self.late:
            self.land_late()
        self.owner.turn()
        self.owner.turn()
        for zombie in list(self.zombies):
            if zombie.process.dead or rnd.random() < 0.02:
                self.buried(zombie)
                self.zombies.remove(zombie)
            elif rnd.random() < 0.4:
                zombie.turn()

    def buried(self, worker: Worker) -> None:
        worker.kill()
        self.world.trace("worker", self.partition, "dead of", worker.death)
        if isinstance(worker.death, StaleChangelog) and worker.owner.claimed_at < self.reader.epoch:
            pass  # it has slept through somebody else's claim; started again it will find that out
        elif isinstance(worker.death, StaleChangelog) and not self._are_there(worker.owner.fenced):
            pass  # while it read, the cleaner took a row and then its deletion; a real one keeps deletions for a week
        elif isinstance(worker.death, StaleChangelog):
            age = self.world.now - min(self.reader.fenced.values(), default=math.inf) / 1000
            if age < self.world.rules.limits.fenced_age_seconds_max:
                self.wrong(f"{worker.death}, but nothing is stale: {self.reader.fenced}")
            self.world.stale = True
        elif isinstance(worker.death, ChunkMissed) and worker.lost_a_chunk:
            pass  # it saw it; the next life reads it again
        elif not isinstance(worker.death, ForeignWrite | None):
            self.world.wrong(f"a worker died of {worker.death!r}", worker.death)

    def _are_there(self, keys: Iterable[bytes]) -> bool:
        return not {record.key for record in self.log.records}.isdisjoint(keys)

    def land_late(self) -> None:
        """The oldest batch on the way of a dead process lands."""
        if self.late:
            batches = self.world.random.choice(self.late)
            self.log.append(batches.popleft(), self.world.now)
            if not batches:
                self.late.remove(batches)

    def end(self) -> None:
        for worker in (self.owner, *self.zombies):
            worker.kill()
        self.zombies.clear()

    @property
    def done(self) -> bool:
        """Whether everything is applied and what did not count is said again."""
        worker = self.owner
        return self.reader.positions == self.all and worker.owner.mine is not None and not worker.producer.busy

    @property
    def all(self) -> dict[str, int]:
        """The positions when everything is applied."""
        return {"control": facts.CONTROL_COUNT - 1} | {source: count - 1 for source, count in facts.SIZES.items()}
