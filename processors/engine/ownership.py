"""The owner of one changelog partition: the only one who writes it, for as long as nobody else claims it.

The owner's state runs ahead of the log by what is pending. A flush writes everything since the last mark as one batch
and moves the positions; only then are the chunks it covers acknowledged. What is pending exists in memory alone.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from processors.engine.changelog import LEDGER, MARK, ChangelogFold, ChangelogRecord, Row, ledger_key, state_batch
from processors.engine.control import ControlRecord
from processors.engine.workshop import Chunk, FoldFailed, ForeignWrite, PartitionCore, StaleChangelog, Workshop
from processors.redirects import Redirect

CONTROL = "control"
"""The control stream's name in a mark's positions."""

AGAIN_ROWS_MAX = 2_000
"""Rows said again in one batch after a recovery."""

CONTROL_BATCH_FIRST, CONTROL_BATCH_MAX = 8, 512
"""Control records applied in one step: starts small, grows while steps stay light."""


@dataclass(slots=True)
class _Pending:
    """What the next flush closes."""

    chunks: list[Chunk] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    record_count: int = 0
    redirect_bytes: int = 0
    since: float | None = None


class PartitionOwner(ChangelogFold):
    """One changelog partition as its owner sees it: the fold, the state that is ahead of it, and what is pending.

    Life: claimed -> fed up to its claim -> opened -> reduces and flushes -> dropped when revoked, or claimed again.
    `lock` is held around reduce, predict offset and send.

    Attributes:
        mine: our epoch while we may write, else None.
        refusing: a chunk was dropped; none is taken until the next seek.
        taken: positions in memory; `positions` holds those of what was handed to the log.
    """

    def __init__(self, partition: int, workshop: Workshop) -> None:
        super().__init__()
        self.partition = partition
        self.state: PartitionCore = workshop.core(partition)
        self.lock = asyncio.Lock()
        self.mine: int | None = None
        self.claimed_at = -1
        self.refusing = False
        self.taken: dict[str, int] = {}
        self._workshop = workshop
        self._pending = _Pending()
        self._next = 0  # offset that our next record must get
        self._flying = 0  # batches handed over and not landed
        self._last: asyncio.Future[Any] | None = None
        self._control_end = 0
        self._control_step = CONTROL_BATCH_FIRST
        self._loaded = True  # rows came, or may have come, since the tree was planted

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

    # ---- claim and open
    @property
    def _clean(self) -> bool:
        return self.mine is None or (self.taken == self.positions and not self._flying)

    async def release(self) -> bool:
        """Write nothing more. True if the owner may be claimed again: everything it knows is in the log."""
        async with self.lock:
            clean, self.mine = self._clean, None
            if not clean:
                self.refusing = True
            return clean

    async def close(self) -> None:
        """Write nothing more and take no chunk: the partition is somebody else's."""
        async with self.lock:
            self.mine = None
            self.refusing = True

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
                raise ForeignWrite(f"partition {self.partition}: epoch {self.epoch}, our claim {self.claimed_at}")
            self._check_age()
            if self._loaded or self.taken != self.positions:  # else nobody else wrote since we did
                planted = self._workshop.control.up_to(self.positions.get(CONTROL, -1))
                self.state.plant([record.fact for record in planted])
            self.taken, self._loaded = dict(self.positions), False
            self._next = self.end + 1
            self.mine = self.claimed_at
            await self._say_again()
            await self._steer()

    def _check_age(self) -> None:
        if not self.fenced:
            return
        age_seconds = (self._workshop.now_ms() - min(self.fenced.values())) / 1000
        if age_seconds > self._workshop.limits.fenced_age_seconds_max:
            raise StaleChangelog(
                f"partition {self.partition}: a batch that did not count is {age_seconds:.0f} s old, older than the "
                "compaction lag, so rows may be missing. Stop all workers and projectors, delete the changelog "
                "topic, run 'standings topics ensure' and start again: the state is rebuilt from the sources"
            )

    async def _say_again(self) -> None:
        """Rewrite the keys of batches that did not count: compaction may drop the valid rows they covered.

        Totals are rendered afresh (old bytes would put a stale month last in the log), ledger blobs become tombstones.
        """
        keys, owed = sorted(self.fenced.keys() - {MARK}), bool(self.fenced)
        while owed or keys:
            some, keys, owed = keys[:AGAIN_ROWS_MAX], keys[AGAIN_ROWS_MAX:], False
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
            raise FoldFailed(f"control-0@{self._culprit(records)}: {error!r}") from error
        if self.partition == self._workshop.control_accountant:
            self._redirect([record.letter for record in records if record.letter is not None])
        self.taken[CONTROL] = records[-1].offset
        self._count(len(records))

    def _culprit(self, records: Sequence[ControlRecord]) -> int:
        """The first of some control records that an empty state can't take; the first of all if they all pass there."""
        scratch = self._workshop.core(self.partition)
        for record in records:
            try:
                scratch.control([record.fact])
            except Exception:
                return record.offset
        return records[0].offset

    # ---- reducing
    async def take(self, source: str, records: Sequence[Any], chunk: Chunk, current: bool) -> None:
        """Fold a chunk into memory; it is acknowledged when the flush that covers it has landed.

        Args:
            source: sales, targets or reps.
            records: the chunk's records.
            chunk: what to acknowledge.
            current: whether the chunk was fetched in the present generation of the group.
        """
        async with self.lock:
            if self.mine is None or self.refusing or not current:
                self.refusing = True  # a rebalance is under way: the seek that follows it repeats this chunk
                chunk.ack()
                return
            await self._steer()
            done = self.taken.get(source, -1)
            fresh = [record for record in records if record.offset > done]
            piece = self._workshop.limits.piece_records
            for first in range(0, len(fresh), piece):
                some = fresh[first : first + piece]
                self._redirect(self._workshop.reduce(self.state, source, some))
                self.taken[source] = some[-1].offset
                self._count(len(some))
                if self._full:
                    await self.flush()
                await asyncio.sleep(0)
            self._pending.chunks.append(chunk)

    def _redirect(self, redirects: Sequence[Redirect]) -> None:
        self._pending.redirects += redirects
        self._pending.redirect_bytes += sum(redirect.weight for redirect in redirects)

    def _count(self, record_count: int) -> None:
        self._pending.record_count += record_count
        if self._pending.since is None:
            self._pending.since = self._workshop.clock()

    @property
    def _weight(self) -> int:
        return self.state.weight + self._pending.redirect_bytes

    @property
    def _full(self) -> bool:
        limits = self._workshop.limits
        return self._pending.record_count >= limits.records_max or self._weight > limits.bytes_max

    # ---- flushing
    async def tick(self) -> None:
        """Follow the control stream, and flush what has waited long enough; called often."""
        if self.mine is None or self.lock.locked():
            return
        async with self.lock:
            if self.mine is None:
                return
            await self._steer()
            pending = self._pending
            if pending.chunks or pending.since is not None:
                since = pending.since if pending.since is not None else 0.0
                if self._workshop.clock() - since >= self._workshop.limits.seconds:
                    await self.flush()

    async def flush(self) -> None:
        """Write everything since the last mark as one batch. Lock held."""
        if self.taken == self.positions:
            self._acknowledge_repeated()
            return
        pending, self._pending = self._pending, _Pending()
        if pending.redirects:  # before the mark passes their originals
            await self._workshop.writer.redirect(pending.redirects)
            for redirect in pending.redirects:
                self._workshop.observer.redirected(redirect)
        blob, changed = self.state.flush()
        rows: list[Row] = list(changed)
        if blob is not None:
            assert self.mine is not None, "only an open partition is flushed"
            rows.insert(0, (ledger_key(self.mine, self._next + len(rows) + 1), blob))
        self.positions = dict(self.taken)
        future = await self._write(rows)
        future.add_done_callback(functools.partial(_acknowledge, pending.chunks))

    def _acknowledge_repeated(self) -> None:
        """Chunks that held nothing new are durable as soon as everything before them is."""
        chunks, self._pending.chunks, self._pending.since = self._pending.chunks, [], None
        if self._flying and self._last is not None:
            self._last.add_done_callback(functools.partial(_acknowledge, chunks))
        else:
            for chunk in chunks:
                chunk.ack()

    async def _write(self, rows: Sequence[Row]) -> asyncio.Future[Any]:
        assert self.mine is not None, "only an open partition is written"
        base = self._next
        records = state_batch(self.mine, base, rows, self.positions)
        self._next += len(records)
        self._flying += 1
        started = self._workshop.clock()
        future = await self._workshop.writer.append(self.partition, records)
        future.add_done_callback(functools.partial(self._landed, base, self._next - 1, started))
        self._last = future
        return future

    def _landed(self, base: int, last: int, started: float, future: asyncio.Future[Any]) -> None:
        if future.cancelled():
            self._workshop.die(ForeignWrite(f"partition {self.partition}: a batch was given up"))
            return
        if (error := future.exception()) is not None:
            self._workshop.die(error)
            return
        offset = future.result().offset
        if offset != base:  # every reader refuses this batch
            self._workshop.die(ForeignWrite(f"partition {self.partition}: appended at {offset}, expected {base}"))
            return
        self._flying -= 1
        self.end = self.mark = max(self.end, last)
        self.counted += 1
        self._workshop.observer.landed(self._workshop.clock() - started)


def _acknowledge(chunks: Sequence[Chunk], future: asyncio.Future[Any]) -> None:
    if not future.cancelled() and future.exception() is None:
        for chunk in chunks:
            chunk.ack()
