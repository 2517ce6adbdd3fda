"""The Faust table whose partitions are owned: Faust assigns and recovers them, `PartitionOwner` keeps them exact."""

# mypy: allow-subclassing-any, allow-untyped-decorators
# (Faust is not checked: its own types do not hold together.)

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from faust.stores import memory
from faust.tables import Table
from faust.types import TP
from mode import Service

from domain.closing import Retired
from processors.engine.chunks import ENGINE_LOG
from processors.engine.local_state import LocalState, RecoveryObserver
from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import ChunkMissed, ForeignWrite, Workshop

log = logging.getLogger(__name__)

TICK_SECONDS = 0.02
"""How often owners look whether a flush is due."""

SNAPSHOT_LOOK_SECONDS = 0.5
"""How often the table looks whether a partition's snapshot is due."""


class OwnerStore(memory.Store[Any, Any]):
    """An owner per partition of the table; nothing of a revoked partition survives."""

    logger = logging.getLogger(ENGINE_LOG)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.owners: dict[int, PartitionOwner] = {}

    def persisted_offset(self, tp: TP) -> int | None:
        """Override: a partition that is kept over a rebalance reads only what is new."""
        owner = self.owners.get(tp.partition)
        return None if owner is None else owner.rewind() - 1

    def apply_changelog_batch(self, *args: Any, **kwargs: Any) -> None:
        """Override: rows reach the owner through the fold alone (see recovery.py)."""

    async def on_rebalance(self, assigned: set[TP], revoked: set[TP], *args: Any, **kwargs: Any) -> None:
        """Override: drop revoked partitions whole (stock Faust keeps their keys)."""
        for tp in revoked:
            if tp.topic == self.table.changelog_topic_name:
                owner = self.owners.pop(tp.partition, None)
                if owner is not None:
                    await owner.close()

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Override: stock Faust sweeps keys of foreign partitions here; there are none."""


class OwnedTable(Table[Any, Any]):
    """The table of a worker. `prepare` it before the app starts.

    Reads and writes by key are not offered: what the table knows is in the owners' states.
    """

    app: Any  # engine.app.EngineApp; Faust declares its interface class
    logger = logging.getLogger(ENGINE_LOG)

    on_open: Callable[[float], Awaitable[None]] | None = None
    """Called whenever every assigned partition is open, with the seconds since the first claim."""

    def prepare(
        self, workshop: Workshop, who: str, observer: RecoveryObserver, local_state: LocalState | None = None
    ) -> None:
        """Give the table what its owners share.

        Args:
            workshop: what the owners share.
            who: written into claims, for people who read the log.
            observer: metrics.
            local_state: keeps snapshots; None = none are kept.
        """
        self.workshop = workshop
        self._who = who
        self.observer = observer
        self._local_state = local_state
        self._claiming_since: float | None = None

    def _new_store(self) -> OwnerStore:
        """Override: the owners are the store."""
        return OwnerStore("memory://", self.app, self, table_name=self.name, loop=self.loop)

    @property
    def owners(self) -> dict[int, PartitionOwner]:
        """The owned partitions."""
        owners: dict[int, PartitionOwner] = self.data.owners
        return owners

    async def claim(self, tp: TP) -> int:
        """Claim a changelog partition anew; returns the claim's offset.

        A partition whose memory is ahead of the log is dropped whole: what is pending is never recovered.
        """
        if self._claiming_since is None:
            self._claiming_since = self.workshop.clock()
        owner = self.owners.get(tp.partition)
        if owner is None or not await owner.release():
            owner = self.owners[tp.partition] = PartitionOwner(tp.partition, self.workshop)
        return await owner.claim(self._who)

    async def restore(self, tps: set[TP]) -> None:
        """Let owners that know nothing yet begin at their snapshots; they have claimed before."""
        if self._local_state is not None:
            owners = [owner for tp in sorted(tps) if (owner := self.owners.get(tp.partition)) is not None]
            await self._local_state.restore(owners, self.workshop.core)

    async def take(self, source: str, event: Any) -> None:
        """Fold a chunk of a source into its partition's owner; called by the agents."""
        message = event.message
        try:
            owner = self.owners.get(message.partition)
            if owner is None:  # revoked while the chunk waited
                event.ack()
            else:
                await self.workshop.control.fresh()  # so that every close is known that the chunk may be too late for
                await self._take(owner, source, event)
        except Exception as error:  # a chunk is never skipped
            self.app.die(error)
        event.value = message.value = None  # the event lives until it is acknowledged, its records need not

    async def _take(self, owner: PartitionOwner, source: str, event: Any) -> None:
        chunk = event.value

        def current() -> bool:
            return bool(event.message.generation_id == self.app.consumer_generation_id)

        try:
            await owner.take(source, chunk, event, current, log_end=chunk.log_end, after=chunk.after)
        except ChunkMissed:
            starts = await self.app.consumer.earliest_offsets(event.message.tp)
            if chunk.after >= starts[event.message.tp]:
                raise
            # The log itself has forgotten them; its reader begins at what is left.
            log.error(
                "%s-%d: retention removed records up to offset %d before they were counted; no board has them",
                chunk.topic,
                chunk.partition,
                chunk.after,
            )
            await owner.take(source, chunk, event, current, log_end=chunk.log_end)

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Override: open the partitions. Faust would swallow an exception here."""
        try:
            mine = [owner for tp in active_tps if (owner := self.owners.get(tp.partition)) is not None]
            await asyncio.gather(*[self._open(owner) for owner in mine])
            await self._tell_when_open()
        except Exception as error:
            self.app.die(error)
        await super().on_recovery_completed(active_tps, standby_tps)

    async def _open(self, owner: PartitionOwner) -> None:
        try:
            await owner.open()
        except Retired:  # the next life reads the whole changelog, and can say it
            if self._local_state is not None:
                self._local_state.forget(owner.partition)
            raise

    async def _tell_when_open(self) -> None:
        if all(owner.mine is not None for owner in self.owners.values()):
            since, self._claiming_since = self._claiming_since, None
            if self.on_open is not None:
                await self.on_open(0.0 if since is None else self.workshop.clock() - since)

    # ---- re-claim in place (see reclaim.py)
    async def hold(self, partition: int) -> None:
        """Let no chunk of a partition's sources come; those that have come are never current again."""
        await self.app.consumer.hold({TP(topic, partition) for topic in self.app.sources})

    async def go_on(self, partition: int) -> None:
        """Read a partition's sources on after what its owner holds."""
        await self.app.consumer.go_on({TP(topic, partition) for topic in self.app.sources})

    async def reclaimed(self) -> None:
        """A partition is open again; if the last recovery was waiting for it, everything is open now."""
        if self._claiming_since is not None:
            await self._tell_when_open()

    async def on_start(self) -> None:
        """Connect to the control stream first."""
        await self.workshop.control.start()
        await super().on_start()

    async def on_stop(self) -> None:
        """Keep what the restart needs, and disconnect from the control stream. Everything in work is written."""
        await super().on_stop()
        if self._local_state is not None:
            await self._local_state.write_at_stop(list(self.owners.values()))
        await self.workshop.control.stop()

    @Service.task
    async def _read_control(self) -> None:
        try:
            while not self.should_stop:
                await self.workshop.control.poll()
        except Exception as error:
            if not self.should_stop:
                self.app.die(error)

    @Service.task
    async def _flush_when_due(self) -> None:
        try:
            while not self.should_stop:
                await asyncio.sleep(TICK_SECONDS)
                # A worker that stops waits for no flush to become due: nothing more comes.
                tick = self._flush_now if self.app.should_stop else PartitionOwner.tick
                await asyncio.gather(*[tick(owner) for owner in list(self.owners.values())])
        except Exception as error:
            if not self.should_stop:
                self.app.die(error)

    @staticmethod
    async def _flush_now(owner: PartitionOwner) -> None:
        async with owner.lock:
            if owner.mine is not None:
                with suppress(ForeignWrite):  # who noticed it was told
                    await owner.flush()

    @Service.task
    async def _keep_snapshots(self) -> None:
        local_state = self._local_state
        try:
            while local_state is not None and not self.should_stop:
                await self.sleep(SNAPSHOT_LOOK_SECONDS)
                for owner in list(self.owners.values()):
                    if not self.should_stop and self.owners.get(owner.partition) is owner and local_state.due(owner):
                        await local_state.write(owner)
        except Exception as error:
            if not self.should_stop:
                self.app.die(error)
