"""Variants without a rule of the changelog, of saying again, or of the owner."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from processors.engine.changelog import ChangelogFold, ChangelogRecord, Mark
from processors.engine.control import ControlRecord
from processors.engine.ownership import PartitionOwner
from processors.engine.reclaim import Reclaims
from processors.engine.workshop import ForeignWrite
from processors.redirects import Redirect
from tests.model import broker, projectors, workers
from tests.model.parts import Reading, Rules
from tests.model.state import State


def with_fold(part: type) -> Rules:
    """All readers share one fold: so a rule of it is switched off in all of them."""
    owner = type("Owner", (part, workers.Owner), {})
    return Rules(
        reading=type("Reading", (part, Reading), {}),
        owner=owner,
        reclaims=reclaims_of(owner),
        shown=type("Shown", (part, projectors.ModelShown), {}),
    )


def with_owner(owner: type[workers.Owner]) -> Rules:
    return Rules(owner=owner, reclaims=reclaims_of(owner))


def reclaims_of(owner: type[PartitionOwner]) -> type[Reclaims]:
    return type("OwnersReclaims", (Reclaims,), {"owner_class": owner})


class CarelessProducer(broker.Producer):
    """Not idempotent: batches are lost with later ones landing, land twice, overtake each other."""

    def land(self) -> None:
        dice = self._random.random()
        if not self.flying:
            return
        if dice < 0.03:
            self.flying.popleft()
        elif dice < 0.06:
            self._log.append(self.flying[0][0], self._clock())
        else:
            if dice < 0.09:
                self.flying.rotate(1)
            super().land()


class AnyPlace(ChangelogFold):
    def _counts(self, mark: Mark, offset: int) -> bool:
        return mark.epoch >= self.epoch


class AnyEpoch(ChangelogFold):
    def _counts(self, mark: Mark, offset: int) -> bool:
        return mark.at == offset


class AnyPlaceAndEpoch(ChangelogFold):
    def _counts(self, mark: Mark, offset: int) -> bool:
        return True


class NoStamps(ChangelogFold):
    """Rows are taken wherever they stand, if their mark does not say otherwise."""

    def _merge(self, rows: Sequence[ChangelogRecord]) -> None:
        for row in rows:
            assert row.key is not None
            self.put(row.key, None if row.value is None else row.value[8:])
            self.fenced.pop(row.key, None)


class NoCount(ChangelogFold):
    """Whatever stands before a mark that does not count is taken to be of its batch."""

    def _first(self, mark: Mark, offset: int) -> int:
        return -1


class NoMarks(ChangelogFold):
    """Rows are taken as they are read, not at their mark."""

    def feed(self, records: Iterable[ChangelogRecord]) -> None:
        for record in records:
            super().feed([record])
            if self.stage:
                self._merge(self.stage)
                self.stage.clear()
                self.end = record.offset


# ---------------------------------------------------------------- saying again


class Silent(workers.Owner):
    """Says nothing again."""

    async def _say_again(self) -> None:
        self.fenced.clear()


class AgainAsStored(State):
    """What is said again are the bytes that were read, not what they would be now."""

    def __init__(self) -> None:
        super().__init__()
        self._stored: dict[bytes, bytes | None] = {}

    def load(self, key: bytes, value: bytes | None) -> None:
        self._stored[key] = value
        super().load(key, value)

    def again(self, key: bytes) -> bytes | None:
        return self._stored.get(key)


class ForgetfulRows(State):
    """A row names only the scopes that it has something for, once it has said that the others are empty."""

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        blob, rows = super().flush()
        for key, _ in rows:
            if key in self.scopes:
                unit, day = tuple(key[1:].decode())
                for scope in list(self.scopes[key]):
                    if not self.cells.get(((scope, day), unit), (0, 0))[1]:
                        del self.scopes[key][scope]
        return blob, rows


# ---------------------------------------------------------------- the owner


class ReusedKeys(workers.Owner):
    """Ledger blobs take turns with three keys."""

    def _ledger_key(self, at: int) -> bytes:
        return b"L%d" % (at % 3)


class Ignoring(workers.Owner):
    """Goes on after a foreign write as if nothing had happened."""

    def _lose(self, reason: ForeignWrite) -> None:
        self._flying -= 1


class PatchedMemory(workers.Owner):
    """Goes on after a foreign write from where its batch has landed."""

    def _lose(self, reason: ForeignWrite) -> None:
        self._flying -= 1
        self._next = self._world_end()

    def _world_end(self) -> int:
        return self._workshop.writer._log.end  # type: ignore[attr-defined, no-any-return]  # the model's producer


class Keeping(workers.Owner):
    """Keeps what it has in memory when it is claimed again."""

    async def release(self) -> bool:
        await super().release()
        return True


class Unlocked:
    """A lock that nobody has to wait for."""

    async def __aenter__(self) -> None:
        await asyncio.sleep(0)

    async def __aexit__(self, *_: object) -> None: ...

    def locked(self) -> bool:
        return False


class WithoutLock(workers.Owner):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.lock = Unlocked()  # type: ignore[assignment]


class EarlyAcknowledgement(workers.Owner):
    """Chunks are acknowledged when their batch is handed over."""

    async def flush(self) -> None:
        for chunk in self._pending.chunks:
            chunk.ack()
        self._pending.chunks.clear()
        await super().flush()


class Unread(workers.Owner):
    """Opens although the log has not been read up to its claim."""

    async def open(self) -> None:
        self.epoch = max(self.epoch, self.claimed_at)
        await super().open()


class AnyChunk(workers.Owner):
    """Takes chunks although one before them did not come."""

    async def take(self, *args: Any, after: int | None = None, **kwargs: Any) -> None:
        await super().take(*args, **kwargs)


class NeverRefusing(AnyChunk):
    """Takes chunks although one before them was dropped, and does not see that it is missing."""

    @property
    def refusing(self) -> bool:
        return False

    @refusing.setter
    def refusing(self, value: bool) -> None: ...


class ControlOfNow(workers.Control):
    """Recovery plants the tree of everything that is known, not that of the mark."""

    def up_to(self, offset: int) -> list[ControlRecord]:
        return self._site.world.control[: self.known]


class LettersUnawaited(broker.Producer):
    """Dead letters are not awaited: what is on its way is lost in a crash."""

    async def redirect(self, redirects: Sequence[Redirect]) -> None:
        task = asyncio.get_running_loop().create_task(self._later(redirects))
        del task

    async def _later(self, redirects: Sequence[Redirect]) -> None:
        for _ in range(20):
            await asyncio.sleep(0)
        await super().redirect(redirects)


class ClaimsOnce(workers.Worker):
    """Claims a partition that it has kept over a rebalance no second time."""

    async def _claim(self) -> int:
        owner = self.owner
        if owner.claimed_at >= 0 and await owner.release():
            return owner.claimed_at
        return await super()._claim()


class NoSeek(workers.Worker):
    """Reads sources on from where its consumer is, not from where the state ends, wherever that is."""

    def seek(self) -> None:
        was = self._fetched_before
        super().seek()
        self._fetched_before = self._fetched = {**self._fetched, **was}

    _fetched_before: Mapping[str, int] = {}

    def _fetch(self) -> None:
        super()._fetch()
        self._fetched_before = dict(self._fetched)


class StaleChunks(workers.Worker):
    """After a re-claim in place chunks that came before it are taken for current."""

    def let_go(self, seeks: int) -> None: ...


class LateHold(workers.Worker):
    """A re-claim that has waited lets go what has come since a rebalance, too, and nobody reads it again."""

    def let_go(self, seeks: int) -> None:
        self.seeks += 1


class HeldOnce(workers.Worker):
    """A re-claim keeps what a recovery has read meanwhile for the owner that was lost."""

    async def hold(self, partition: int) -> None:
        if self.owner.mine is None:  # the second time the new owner is open
            await super().hold(partition)


class SharedMemory(Reclaims):
    """A partition is taken back by the owner that has lost it, with what it has in memory."""

    async def _recover(self, lost: PartitionOwner) -> PartitionOwner | None:
        lost.lost = None
        lost._flying = 0
        claimed = await lost.claim(self._who)
        lost.rewind()
        async for records in self._read(lost, claimed):
            lost.feed(records)
        return lost
