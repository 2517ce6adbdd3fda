"""What a worker keeps on its own disk: a snapshot of each partition, so that a restart in place reads only the tail.

The log stays the only authority. A snapshot is used if the mark that it was taken at still stands in the log, the very
same record. Every batch ends with a mark, and all marks have one key, so Kafka's cleaner drops a mark before it drops
anything that came later. A mark that still stands thus proves two things at once: this is the log that the snapshot was
taken of, and what came after it is there as it was written, with every deletion. ADR 15 has the argument.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import warnings
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, Protocol

from processors.engine.changelog import MARK, ChangelogRecord, Row, positions_of
from processors.engine.ownership import PartitionOwner
from processors.engine.snapshots import FORMAT, SnapshotFacts, SnapshotFile, SnapshotRefused, write_snapshot
from processors.engine.workshop import PartitionCore

log = logging.getLogger(__name__)

FORKS = sys.platform == "linux"
"""Elsewhere system libraries may not survive a fork of a process with threads: there only an orderly stop writes."""

AGE_SECONDS_MAX = 5 * 86_400.0
"""A snapshot whose mark is older is refused: deletions after it are kept for seven days, so none can be missing. A
second guard beside the mark itself."""

WRITE_SECONDS_MAX = 600.0
"""A writing child that takes longer is killed."""

NICENESS = 10
"""The child leaves the processor to the worker."""


@dataclass(frozen=True, slots=True)
class SnapshotPolicy:
    """When a partition is written again: enough time has passed and enough has landed since the last time.

    Attributes:
        seconds: at least so long between two snapshots of a partition.
        records_min: a tail that is shorter is read faster than a snapshot is written.
        share: a tail that is shorter than this share of the last snapshot's rows is not worth it either: all writing
            together stays in proportion to what landed.
        seconds_max: whatever has landed is written after so long, while its mark can't have been compacted yet: half
            of the changelog's compaction lag.
        stop_seconds: what an orderly stop may spend.
    """

    seconds: float = 60.0
    records_min: int = 10_000
    share: float = 0.25
    seconds_max: float = 1_800.0
    stop_seconds: float = 0.7


class RecoveryObserver(Protocol):
    """Who wants to know how a recovery went: metrics."""

    def changelog_read(self, records: int) -> None:
        """So many changelog records were read to recover."""

    def restored(self, outcome: str, rows: int) -> None:
        """A partition looked for its snapshot: used, absent or refused; so many rows were taken from it."""

    def snapshot_written(self, outcome: str) -> None:
        """A snapshot was written, or failed."""


class _Rows(Protocol):
    def rows(self) -> Iterator[Row]:
        """Every state row that rebuilds the state through ``load``."""


FirstRecords = Callable[[Mapping[int, int]], Awaitable[Mapping[int, ChangelogRecord]]]
"""Partition to offset -> partition to the first record there or after; see ``log_marks``."""


@dataclass(slots=True)
class _Last:
    """The last snapshot of a partition, or where it began without one."""

    mark: int
    rows: int
    at: float


class LocalState:
    """The snapshots of one worker.

    Args:
        folder: where they are; made if it is missing.
        topic: the changelog that they are of.
        first_records: looks into that changelog.
        observer: metrics.
        clock: monotonic seconds.
        now_ms: UTC milliseconds.
        policy: when to write.
    """

    def __init__(
        self,
        folder: Path,
        topic: str,
        first_records: FirstRecords,
        observer: RecoveryObserver,
        *,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
        policy: SnapshotPolicy,
    ) -> None:
        self.policy = policy
        self._folder = folder
        self._topic = topic
        self._first_records = first_records
        self._observer = observer
        self._clock = clock
        self._now_ms = now_ms
        self._last: dict[int, _Last] = {}
        self._child: int | None = None
        self._stopping = False
        folder.mkdir(parents=True, exist_ok=True)
        for part in folder.glob("*.part"):  # a writer was killed
            part.unlink(missing_ok=True)

    def path(self, partition: int) -> Path:
        """Where a partition's snapshot is."""
        return self._folder / f"{self._topic}-{partition}.snapshot"

    def forget(self, partition: int) -> None:
        """Remove a partition's snapshot: what it is asked for is only in the log."""
        self.path(partition).unlink(missing_ok=True)
        log.warning("partition %d: its snapshot is removed, the changelog is read from its start next time", partition)

    # ---- restoring
    async def restore(self, owners: Iterable[PartitionOwner], core: Callable[[int], PartitionCore]) -> None:
        """Give owners that know nothing yet, and have claimed, what their snapshots hold. Never raises for a file."""
        empty = [owner for owner in owners if owner.end < 0]
        opened = {owner.partition: file for owner in empty if (file := self._open(owner)) is not None}
        try:
            if not opened:
                return
            marks = await self._first_records({partition: file.facts.mark for partition, file in opened.items()})
            for owner in empty:
                if (file := opened.get(owner.partition)) is not None:
                    await self._restore(owner, file, core(owner.partition), marks.get(owner.partition))
        finally:
            for file in opened.values():
                file.close()

    def _open(self, owner: PartitionOwner) -> SnapshotFile | None:
        self._last[owner.partition] = _Last(-1, 0, self._clock())
        try:
            file = SnapshotFile(self.path(owner.partition))
            try:
                self._check_facts(owner, file.facts)
            except SnapshotRefused:
                file.close()
                raise
        except FileNotFoundError:
            self._observer.restored("absent", 0)
            return None
        except (SnapshotRefused, OSError) as error:
            self._refuse(owner, error)
            return None
        return file

    def _check_facts(self, owner: PartitionOwner, facts: SnapshotFacts) -> None:
        """Refuse what can't be of this log, before anything is looked up."""
        if (facts.topic, facts.partition) != (self._topic, owner.partition):
            raise SnapshotRefused(f"it is of {facts.topic}-{facts.partition}")
        if facts.end >= owner.claimed_at:
            raise SnapshotRefused(f"it is of offset {facts.end}, and the log ended at {owner.claimed_at}")
        age_seconds = (self._now_ms() - facts.marked_ms) / 1000
        if age_seconds > AGE_SECONDS_MAX:
            raise SnapshotRefused(f"it is {age_seconds / 86_400:.1f} days old")

    def _refuse(self, owner: PartitionOwner, reason: object) -> None:
        log.warning(
            "partition %d: its snapshot is refused, so the changelog is read from its start: %s",
            owner.partition,
            reason,
        )
        self._observer.restored("refused", 0)

    async def _restore(
        self, owner: PartitionOwner, file: SnapshotFile, state: PartitionCore, mark: ChangelogRecord | None
    ) -> None:
        count = 0
        try:
            check_mark(file.facts, mark)
            blocks = file.blocks()
            while (rows := await asyncio.to_thread(next, blocks, None)) is not None:
                for key, value in rows:
                    state.load(key, value)
                count += len(rows)
                await asyncio.sleep(0)
        except (SnapshotRefused, OSError) as error:
            self._refuse(owner, error)
            return
        facts = file.facts
        owner.restore(facts, state)
        self._last[owner.partition] = _Last(facts.mark, count, self._clock())
        self._observer.restored("used", count)
        log.info("partition %d: %d rows from its snapshot at offset %d", owner.partition, count, facts.mark)

    # ---- writing
    def due(self, owner: PartitionOwner) -> bool:
        """Whether it is time to write a partition."""
        last = self._last.setdefault(owner.partition, _Last(-1, 0, self._clock()))
        tail, age = owner.mark - last.mark, self._clock() - last.at
        if owner.mine is None or owner.mark < 0 or tail <= 0 or age < self.policy.seconds:
            return False
        return tail >= max(self.policy.records_min, self.policy.share * last.rows) or age >= self.policy.seconds_max

    async def write(self, owner: PartitionOwner) -> None:
        """Write a partition's snapshot: a child process does it, and the worker goes on.

        The partition is held while what is pending lands and while the process forks.
        """
        if not FORKS or self._stopping:
            return
        async with owner.lock:
            held = self._clock()
            facts = await self._settled(owner)
            rows = _rows_of(owner.state)
            if facts is None or rows is None:
                return
            path = self.path(owner.partition)
            try:
                child, said = _fork(lambda: write_snapshot(path, facts, rows()))
            except OSError as error:  # no memory, no process left
                self._note(owner.partition, facts, repr(error))
                return
            log.debug("partition %d: held for %.3f s for its snapshot", owner.partition, self._clock() - held)
        self._child = child
        try:
            answer = await asyncio.wait_for(asyncio.to_thread(_hear, child, said), WRITE_SECONDS_MAX)
        except TimeoutError:
            answer = f"not within {WRITE_SECONDS_MAX:.0f} s"
            self.give_up()
        except asyncio.CancelledError:
            self.give_up()
            raise
        self._child = None
        self._note(owner.partition, facts, answer)

    def give_up(self) -> None:
        """End the writing child, if there is one; who waits for it hears that it ended."""
        child, self._child = self._child, None
        if child is not None:
            os.kill(child, signal.SIGKILL)  # it can't be another's number: nobody has waited for it yet

    async def _settled(self, owner: PartitionOwner) -> SnapshotFacts | None:
        """Lock held: everything that the owner knows is in the log, and this is what the log says of it."""
        if not await owner.settle() or owner.marked_ms <= 0:
            return None
        return SnapshotFacts(
            format=FORMAT,
            topic=self._topic,
            partition=owner.partition,
            mark=owner.mark,
            marked_ms=owner.marked_ms,
            end=owner.end,
            epoch=owner.epoch,
            positions=dict(owner.positions),
            fenced=list(owner.fenced.items()),
        )

    def _note(self, partition: int, facts: SnapshotFacts, answer: str) -> None:
        last = self._last.get(partition)
        if answer.isdigit():
            self._last[partition] = _Last(facts.mark, int(answer), self._clock())
            self._observer.snapshot_written("written")
            log.debug("partition %d: snapshot of %s rows at offset %d", partition, answer, facts.mark)
            return
        if last is not None:
            last.at = self._clock()  # not again at once
        if not self._stopping:
            self._observer.snapshot_written("failed")
            log.warning("partition %d: no snapshot was written: %s", partition, answer or "the writer was ended")

    async def write_at_stop(self, owners: Sequence[PartitionOwner]) -> None:
        """Write what is worth it within the policy's time, the longest tails first. Nothing else runs any more."""
        self._stopping = True
        self.give_up()
        stop = self._clock() + self.policy.stop_seconds
        tails = [
            (owner.mark - self._last[owner.partition].mark, owner)
            for owner in owners
            if self._last.get(owner.partition)
        ]
        for tail, owner in sorted(tails, key=lambda pair: pair[0], reverse=True):
            if tail < self.policy.records_min or self._clock() > stop:
                return
            async with owner.lock:
                facts, rows = await self._settled(owner), _rows_of(owner.state)
                if facts is None or rows is None:
                    continue
                try:
                    count = await asyncio.to_thread(
                        write_snapshot, self.path(owner.partition), facts, rows(), give_up=lambda: self._clock() > stop
                    )
                except OSError as error:
                    log.warning("partition %d: no snapshot was written: %s", owner.partition, error)
                    return
            if count is not None:
                self._note(owner.partition, facts, str(count))


def check_mark(facts: SnapshotFacts, mark: ChangelogRecord | None) -> None:
    """Refuse a snapshot whose mark is not what the log holds there."""
    if mark is None:
        raise SnapshotRefused("its mark could not be looked up")
    same = mark.offset == facts.mark and mark.key == MARK and getattr(mark, "timestamp", None) == facts.marked_ms
    if not same or positions_of(mark) != facts.positions:
        raise SnapshotRefused(f"its mark at offset {facts.mark} is no longer in the log, or the log is another one")


def _rows_of(state: PartitionCore) -> Callable[[], Iterator[Row]] | None:
    rows: Callable[[], Iterator[Row]] | None = getattr(state, "rows", None)
    return rows


def _fork(work: Callable[[], object]) -> tuple[int, int]:
    """Start a child that does some work on a copy of all we know; returns its pid and where it says what came out.

    The child has only this thread. It touches none of our connections and no lock that another thread may hold.
    """
    hear, say = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork in a process with threads
        child = os.fork()
    if child == 0:
        _work(work, say)
    os.close(say)
    return child, hear


def _work(work: Callable[[], object], say: int) -> NoReturn:
    try:
        signal.set_wakeup_fd(-1)  # it is our parent's
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.closerange(3, say)
        os.closerange(say + 1, os.sysconf("SC_OPEN_MAX"))
        gc.disable()  # a collection would copy every page
        os.nice(NICENESS)
        os.write(say, str(work()).encode())
    except BaseException as error:
        os.write(say, f"{error!r}".encode()[:1_000])
    finally:
        os._exit(0)


def _hear(child: int, hear: int) -> str:
    """What a child said, once it has ended."""
    with os.fdopen(hear, "rb") as file:
        said = file.read().decode(errors="replace")
    os.waitpid(child, 0)
    return said
