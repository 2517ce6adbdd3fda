"""The owner of one changelog partition: the only one who writes it, for as long as nobody else claims it.

The owner's state runs ahead of the log by what is pending. A flush writes everything since the last mark as one batch
and moves the positions; only then are the chunks it covers acknowledged. What is pending exists in memory alone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from itertools import dropwhile, islice
from typing import Any

from domain.closing import ClosedTooLate
from processors.engine.changelog import LEDGER, MARK, ChangelogFold, ChangelogRecord, Row, ledger_key, state_batch
from processors.engine.control import ControlRecord
from processors.engine.pending import Pending, acknowledge, acknowledge_landed
from processors.engine.snapshots import SnapshotFacts
from processors.engine.workshop import (
    Chunk,
    FoldFailed,
    ForeignWrite,
    PartitionCore,
    Workshop,
    refuse_gap,
)
from processors.redirects import Redirect

CONTROL = "control"
"""The control stream's name in a mark's positions."""

AGAIN_ROWS_MAX = 2_000
"""Rows said again in one batch after a recovery."""

CONTROL_BATCH_FIRST, CONTROL_BATCH_MAX = 8, 512
"""Control records applied in one step: starts small, grows while steps stay light."""


class PartitionOwner(ChangelogFold):
    """One changelog partition as its owner sees it: the fold, the state that is ahead of it, and what is pending.

    Life: claimed -> fed up to its claim -> opened -> reduces and flushes -> dropped when revoked, or claimed again.
    `lock` is held around reduce, predict offset and send. An owner that meets somebody else's write is lost: what it
    has in memory is not what the log holds, and only a new owner, who claims and reads, can tell what is.

    Attributes:
        mine: our epoch while we may write, else None.
        lost: why this owner never writes again, or None.
        refusing: no chunk is taken until the next seek: there was none yet, or a chunk was dropped since.
        taken: positions in memory; `positions` holds those of what was handed to the log.
    """

    again_rows_max = AGAIN_ROWS_MAX

    def __init__(self, partition: int, workshop: Workshop) -> None:
        super().__init__()
        self.partition = partition
        self.state: PartitionCore = workshop.core(partition)
        self.lock = asyncio.Lock()
        self.mine: int | None = None
        self.lost: ForeignWrite | None = None
        self.claimed_at = -1
        self.refusing = True
        self.taken: dict[str, int] = {}
        self._workshop = workshop
        self._pending = Pending()
        self._next = 0  # offset that our next record must get
        self._flying = 0  # batches handed over and not landed
        self._log_ends: dict[str, int] = {}
        self._last: asyncio.Future[Any] | None = None
        self._control_end = 0
        self._control_step = CONTROL_BATCH_FIRST
        self._loaded = True  # rows came, or may have come, since the tree was planted
        self._wrote = 0.0  # when the last batch was handed over

    # ---- the fold's hooks
    def put(self, key: bytes, value: bytes | None) -> None:
        """Load a row that counts."""
        self._loaded = True
        self.state.load(key, value)

    def fence(self, record: ChangelogRecord) -> None:
        """Count a batch that did not."""
        super().fence(record)
        if record.key == MARK:
            self._workshop.observer.fenced()

    # ---- snapshots
    def restore(self, facts: SnapshotFacts, state: PartitionCore) -> None:
        """Go on from a snapshot of this log instead of from its start. Only for an owner that knows nothing yet."""
        assert self.end < 0, "a snapshot is never put over what is known"
        self.state = state
        self.positions, self.epoch, self.end = dict(facts.positions), facts.epoch, facts.end
        self.mark, self.marked_ms = facts.mark, facts.marked_ms
        self.fenced = dict(facts.fenced)

    async def settle(self) -> bool:
        """Write what is pending and wait until it has landed. Lock held. False if the log does not hold it all."""
        if self.mine is None:
            return False
        try:
            await self.flush()
        except ForeignWrite:
            return False
        if self._flying and self._last is not None:
            await asyncio.wait([self._last])
        return self.mine is not None and self._clean and self.mark >= 0

    # ---- claim and open
    @property
    def _clean(self) -> bool:
        return self.lost is None and (self.mine is None or (self.taken == self.positions and not self._flying))

    async def release(self) -> bool:
        """Write nothing more. True if the owner may be claimed again: everything it knows is in the log."""
        async with self.lock:
            clean, self.mine, self.refusing = self._clean, None, True
            return clean

    async def close(self) -> None:
        """Write nothing more and take no chunk: the partition is somebody else's."""
        async with self.lock:
            self.mine, self.refusing = None, True

    async def claim(self, who: str) -> int:
        """Append our claim: from here on every reader refuses what an earlier owner still sends. Returns its offset."""
        async with self.lock:
            self.claimed_at = await self._workshop.writer.claim(self.partition, who)
            self._control_end = await self._workshop.control.end()
            return self.claimed_at

    async def open(self) -> None:
        """Start to write, once the changelog has been read up to our claim.

        Stays closed if it has not been: a rebalance interrupted the recovery and another one is coming.
        """
        await self._workshop.control.reached(self._control_end)
        async with self.lock:
            if self.claimed_at < 0 or self.epoch < self.claimed_at:
                return
            if self.epoch > self.claimed_at or self.stage:
                self._lose(ForeignWrite(f"partition {self.partition}: epoch {self.epoch}, our claim {self.claimed_at}"))
            with suppress(ForeignWrite):
                await self._open()

    async def _open(self) -> None:
        if self.lost is not None:
            return
        self._workshop.check_age(self.partition, self.fenced)
        if self._loaded or self.taken != self.positions:  # else nobody else wrote since we did
            planted = self._workshop.control.up_to(self.positions.get(CONTROL, -1))
            self.state.plant([record.fact for record in planted])
        self.taken, self._loaded = dict(self.positions), False
        self._next = self.end + 1
        self.mine, self._wrote = self.claimed_at, self._workshop.clock()
        await self._say_again()
        await self._steer()

    async def _say_again(self) -> None:
        """Rewrite the keys of batches that did not count: compaction may drop the valid rows they covered.

        Totals are rendered afresh (old bytes would put a stale month last in the log), ledger blobs become tombstones.
        """
        keys, owed = sorted(self.fenced.keys() - {MARK}), bool(self.fenced)
        while owed or keys:
            some, keys, owed = keys[: self.again_rows_max], keys[self.again_rows_max :], False
            rows: list[Row] = [(key, None if key.startswith(LEDGER) else self.state.again(key)) for key in some]
            await (await self._write(rows))
        self.fenced.clear()

    # ---- the control stream
    async def _steer(self) -> None:
        """Apply what is new on the control stream, in flushes of its own. Lock held."""
        control = self._workshop.control
        if not control.after(self.taken.get(CONTROL, -1)):
            return
        await self.flush()  # never in the middle of a flush of sales
        while records := control.after(self.taken.get(CONTROL, -1))[: self._control_step]:
            self._control(records)
            heavy = self._weight > self._workshop.limits.bytes_max // 4
            step = self._control_step // 2 if heavy else self._control_step * 2
            self._control_step = min(max(step, 1), CONTROL_BATCH_MAX)
            if self._weight > self._workshop.limits.bytes_max:
                await self.flush()
            await asyncio.sleep(0)
        await self.flush()

    def _control(self, records: Sequence[ControlRecord]) -> None:
        try:
            self.state.control([record.fact for record in records])
        except Exception as error:
            raise FoldFailed(f"control-0@{self._culprit(records, error)}", error) from error
        if self.partition == self._workshop.control_accountant:
            self._pending.redirect([record.letter for record in records if record.letter is not None])
        self.taken[CONTROL] = records[-1].offset
        self._pending.fold(len(records), self._workshop.clock())

    def _culprit(self, records: Sequence[ControlRecord], error: Exception) -> int:
        """The control record that the error names, or the first that an empty state can't take, or the first of all."""
        if isinstance(error, ClosedTooLate):
            return records[error.place].offset
        scratch = self._workshop.core(self.partition)
        for record in records:
            try:
                scratch.control([record.fact])
            except Exception:
                return record.offset
        return records[0].offset

    # ---- reducing
    async def take(
        self,
        source: str,
        records: Iterable[Any],
        chunk: Chunk,
        current: Callable[[], bool],
        *,
        log_end: int = 0,
        after: int | None = None,
    ) -> None:
        """Fold a chunk into memory; it is acknowledged when the flush that covers it has landed.

        Args:
            source: sales, targets or reps.
            records: the chunk's records, in order; they are taken one by one.
            chunk: what to acknowledge.
            current: whether the chunk is of the present generation of the group and of the last seek, when asked.
            log_end: the offset that the source's next record gets, as far as known: flushes are rarer while it is far.
            after: the last offset before the chunk's that may have a record; None = it is not known.

        Raises:
            ChunkMissed: records between what was taken and this chunk did not come. Nothing of it was folded.
            FoldFailed: a record tripped over a fault of ours.
        """
        async with self.lock:
            if not (is_current := current()) or self.mine is None or self.refusing:
                # The seek that follows repeats what is dropped. Of current chunks none is taken until then: it would
                # leave a gap. Those that are not current come from before the seek, all of them.
                self.refusing |= is_current
                chunk.ack()
                return
            if after is not None:
                refuse_gap(f"{source}-{self.partition}", self.taken.get(source, -1), after)
            self._log_ends[source] = log_end
            with suppress(ForeignWrite):  # the seek after the next claim repeats the chunk
                await self._fold(source, records)
            if self.lost is None:
                self._pending.chunks.append(chunk)
            else:
                chunk.ack()

    async def _fold(self, source: str, records: Iterable[Any]) -> None:
        await self._steer()
        done, piece = self.taken.get(source, -1), self._workshop.limits.piece_records
        fresh = dropwhile(lambda record: record.offset <= done, records)
        more = True
        while more:
            folded = self._workshop.reduce(self.state, source, islice(fresh, piece))
            more = folded.record_count == piece
            if folded.record_count:
                self._pending.redirect(folded.redirects)
                self.taken[source] = folded.last
                self._pending.fold(folded.record_count, self._workshop.clock())
                if self._due:
                    await self.flush()
            await asyncio.sleep(0)

    @property
    def _weight(self) -> int:
        return self.state.weight + self._pending.redirect_bytes

    @property
    def _behind(self) -> int:
        """Records of the sources that are known to wait."""
        return sum(max(0, end - 1 - self.taken.get(source, -1)) for source, end in self._log_ends.items())

    @property
    def _due(self) -> bool:
        due, pending = self._workshop.limits.at(self._behind), self._pending
        aged = pending.age(self._workshop.clock()) >= due.seconds
        return pending.record_count >= due.records or aged or self._weight > due.bytes

    # ---- flushing
    async def tick(self) -> None:
        """Follow the control stream, flush what has waited long enough, and let nobody else write unnoticed.

        Called often. An owner that has nothing to say says so now and then, by a batch of its mark alone: if somebody
        else has written meanwhile it lands elsewhere than expected.
        """
        if self.mine is None or self.lock.locked():
            return
        async with self.lock:
            if self.mine is None:
                return
            with suppress(ForeignWrite):
                await self._steer()
                repeated = bool(self._pending.chunks) and self._pending.since is None
                if repeated or self._due:
                    await self.flush()
                elif self.taken == self.positions and self._silent:
                    await self._write([])

    @property
    def _silent(self) -> bool:
        silence = self._workshop.clock() - self._wrote
        return not self._flying and silence >= self._workshop.limits.heartbeat_seconds

    async def flush(self) -> None:
        """Write everything since the last mark as one batch. Lock held."""
        if self.taken == self.positions:
            self._acknowledge_repeated()
            return
        pending, self._pending = self._pending, Pending()
        try:
            batch = await self._write_pending(pending.redirects)
        except ForeignWrite:
            acknowledge(pending.chunks)
            raise
        batch.add_done_callback(functools.partial(acknowledge_landed, pending.chunks))

    async def _write_pending(self, redirects: Sequence[Redirect]) -> asyncio.Future[Any]:
        if redirects:  # before the mark passes their originals
            await self._workshop.writer.redirect(redirects)
            for redirect in redirects:
                self._workshop.observer.redirected(redirect)
        blob, changed = self.state.flush()
        self._workshop.flushed(self.state)
        rows: list[Row] = list(changed)
        if blob is not None:
            rows.insert(0, (self._ledger_key(self._next + len(rows) + 1), blob))
        self.positions = dict(self.taken)
        return await self._write(rows)

    def _ledger_key(self, at: int) -> bytes:
        """The key of the blob in the batch whose mark is expected at an offset."""
        return ledger_key(self._epoch, at)

    @property
    def _epoch(self) -> int:
        """Our epoch.

        Raises:
            ForeignWrite: we have lost the partition, perhaps while somebody waited for something.
        """
        if self.lost is not None:
            raise self.lost
        assert self.mine is not None, "only an open partition is written"
        return self.mine

    def _acknowledge_repeated(self) -> None:
        """Chunks that held nothing new are durable as soon as everything before them is."""
        chunks, self._pending.chunks, self._pending.since = self._pending.chunks, [], None
        if self._flying and self._last is not None:
            self._last.add_done_callback(functools.partial(acknowledge_landed, chunks))
        else:
            acknowledge(chunks)

    async def _write(self, rows: Sequence[Row]) -> asyncio.Future[Any]:
        base = self._next
        records = state_batch(self._epoch, base, rows, self.positions)
        self._next += len(records)
        self._flying += 1
        self._wrote = started = self._workshop.clock()
        future = await self._workshop.writer.append(self.partition, records)
        future.add_done_callback(functools.partial(self._landed, base, self._next - 1, started))
        self._last = future
        return future

    def _lose(self, reason: ForeignWrite) -> None:
        """Write nothing more, at once: whoever waits for something finds it out when it goes on."""
        if self.lost is None:
            self.lost, self.mine, self.refusing = reason, None, True
            acknowledge(self._pending.chunks)  # a seek repeats them
            if self._workshop.lost is None:
                self._workshop.die(reason)
            else:
                self._workshop.lost(self, reason)

    def _landed(self, base: int, last: int, started: float, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            self._workshop.die(ForeignWrite(f"partition {self.partition}: a batch was given up"))
            return
        if (error := future.exception()) is not None:
            self._workshop.die(error)
            return
        if self.lost is not None:
            return  # what was on its way behind a batch that does not count does not count either
        landed = future.result()
        offset = landed.offset
        if offset != base:  # every reader refuses this batch
            self._lose(ForeignWrite(f"partition {self.partition}: appended at {offset}, expected {base}"))
            return
        self._flying -= 1
        self.end = self.mark = max(self.end, last)
        self.marked_ms = getattr(landed, "timestamp", None) or 0
        self.counted += 1
        self._workshop.observer.landed(self._workshop.clock() - started)
