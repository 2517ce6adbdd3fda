"""The Faust table whose partitions are owned: Faust assigns and recovers them, `PartitionOwner` keeps them exact."""

# mypy: allow-subclassing-any, allow-untyped-decorators
# (Faust is not checked: its own types do not hold together.)

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from faust.stores import memory
from faust.tables import Table
from faust.types import TP
from mode import Service

from processors.engine.chunks import ENGINE_LOG
from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import Workshop

TICK_SECONDS = 0.02
"""How often owners look whether a flush is due."""


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

    def prepare(self, workshop: Workshop, who: str) -> None:
        """Give the table what its owners share.

        Args:
            workshop: what the owners share.
            who: written into claims, for people who read the log.
        """
        self.workshop = workshop
        self._who = who
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

    async def take(self, source: str, event: Any) -> None:
        """Fold a chunk of a source into its partition's owner; called by the agents."""
        message = event.message
        try:
            owner = self.owners.get(message.partition)
            if owner is None:  # revoked while the chunk waited
                event.ack()
            else:
                current = message.generation_id == self.app.consumer_generation_id
                await owner.take(source, event.value, event, current)
        except Exception as error:  # a chunk is never skipped
            self.app.die(error)
        event.value = message.value = None  # the event lives until it is acknowledged, its records need not

    async def on_recovery_completed(self, active_tps: set[TP], standby_tps: set[TP]) -> None:
        """Override: open the partitions. Faust would swallow an exception here."""
        try:
            for tp in active_tps:
                owner = self.owners.get(tp.partition)
                if owner is not None:
                    await owner.open()
            if all(owner.mine is not None for owner in self.owners.values()):
                since, self._claiming_since = self._claiming_since, None
                if self.on_open is not None:
                    await self.on_open(0.0 if since is None else self.workshop.clock() - since)
        except Exception as error:
            self.app.die(error)
        await super().on_recovery_completed(active_tps, standby_tps)

    async def on_start(self) -> None:
        """Connect to the control stream first."""
        await self.workshop.control.start()
        await super().on_start()

    async def on_stop(self) -> None:
        """Disconnect from the control stream."""
        await super().on_stop()
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
                await asyncio.gather(*[owner.tick() for owner in list(self.owners.values())])
        except Exception as error:
            if not self.should_stop:
                self.app.die(error)
