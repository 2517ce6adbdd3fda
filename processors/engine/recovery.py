"""Recovery by the fold: claim first, read the log at least that far, let `ChangelogFold` decide what counts."""

# mypy: allow-subclassing-any, allow-untyped-decorators
# (Faust is not checked: its own types do not hold together.)

from __future__ import annotations

import asyncio
import logging
from typing import Any, NamedTuple

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP
from mode import Service

from processors.engine.chunks import ENGINE_LOG
from processors.engine.workshop import refuse_gap

QUEUE_CHUNKS_MAX = 16
"""Chunks of the changelog that wait to be folded."""

IDLE_SECONDS = 5.0


PROGRESS_SECONDS = 2.0
"""How often a recovery says how far it is."""

log = logging.getLogger(__name__)


class Progress(NamedTuple):
    """How far a recovery is.

    Attributes:
        assigned: partitions that are ours.
        open: of these, the ones that are written again.
        read: changelog offsets behind us since the recovery began,
        left: and before us. Compaction leaves gaps, so there are at most so many records.
    """

    assigned: int
    open: int
    read: int
    left: int

    def __str__(self) -> str:
        return (
            f"{self.open} of {self.assigned} partitions open, "
            f"{self.read} of {self.read + self.left} changelog records read"
        )


class FoldRecovery(Recovery):
    """Faust's recovery, with chunks and claims."""

    app: Any  # engine.app.EngineApp; Faust declares its interface class
    logger = logging.getLogger(ENGINE_LOG)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._begun: dict[TP, int] = {}
        super().__init__(*args, **kwargs)

    def progress(self) -> Progress:
        """How far the recovery is, or was when it ended."""
        tps = set(self.active_tps)
        owners = [self.tp_to_table[tp].owners.get(tp.partition) for tp in tps]
        return Progress(
            assigned=len(tps),
            open=sum(owner is not None and owner.mine is not None for owner in owners),
            read=sum(max(0, (self.active_offsets[tp] or 0) - self._begun[tp]) for tp in tps if tp in self._begun),
            left=sum(max(0, left) for left in self.active_remaining().values()),
        )

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ASYNC109 - Faust's signature
        """Override: no limit. Faust goes on without what it waited for, and the partitions would stay closed for ever.

        A broker that is away comes back; a stop and the next rebalance end the wait.
        """
        await super()._wait(coro)

    async def _build_offsets(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        """Override: note where the reading begins, for the progress."""
        await super()._build_offsets(consumer, tps, destination, title)
        if title == "active":
            self._begun = {tp: destination[tp] for tp in tps}

    @Service.task
    async def _publish_stats(self) -> None:
        """Override: one line in place of tables, and no wrong alarms: Faust counts a record at a time."""
        while not self.should_stop:
            await self.sleep(PROGRESS_SECONDS)
            if self.in_recovery:
                log.info("recovering: %s", self.progress())

    async def _build_highwaters(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        """Override: claim before the ends are read, so that the log is read at least up to our claims."""
        claims: dict[TP, int] = {}
        if title == "active":
            assigned = list(tps)
            tables: dict[TP, Any] = dict(self.tp_to_table)
            offsets = await asyncio.gather(*[tables[tp].claim(tp) for tp in assigned])
            claims = dict(zip(assigned, offsets, strict=True))
            for table in set(tables.values()):
                await table.restore({tp for tp in assigned if tables[tp] is table})
        await super()._build_highwaters(consumer, tps, destination, title)
        for tp, offset in claims.items():
            # Faust's highwater is the last offset to read; an end offset that was read early may miss the claim.
            destination[tp] = max(destination.get(tp, -1), offset)
            owner = tables[tp].owners.get(tp.partition)
            if owner is not None:  # one that was dropped at the claim is read from its start
                self.active_offsets[tp] = owner.rewind() - 1

    @Service.task
    async def _slurp_changelogs(self) -> None:
        """Override: feed chunks to the owners' folds. Stock Faust merges records before their mark is known."""
        get = self.tables.changelog_queue.get
        while not self.should_stop:
            self.signal_recovery_end.clear()
            try:
                event = await asyncio.wait_for(get(), IDLE_SECONDS)
            except TimeoutError:
                event = None
            if event is not None:
                self._fold(event.message)
                event.value = event.message.value = None  # the event may live on, its records need not
            if self.in_recovery and not self.need_recovery():
                self._set_recovery_ended()
                self.signal_recovery_end.set()

    def _fold(self, message: Any) -> None:
        if message.tp not in self.active_tps or message.generation_id != self.app.consumer_generation_id:
            return
        table: Any = self.tp_to_table[message.tp]
        owner = table.owners.get(message.tp.partition)
        if owner is None or owner.mine is not None:  # while it is open we write it ourselves
            return
        chunk = message.value
        table.observer.changelog_read(chunk.span)
        try:
            read = self.active_offsets[message.tp]
            if read is not None:
                refuse_gap(str(message.tp), read, chunk.after)
            owner.feed(chunk)
        except Exception as error:  # Faust would log it and go on
            self.app.die(error)
        self.active_offsets[message.tp] = message.offset


class FoldTableManager(TableManager):
    """Faust's table manager with the recovery above."""

    logger = logging.getLogger(ENGINE_LOG)
    _recovery: FoldRecovery | None
    _changelog_queue: Any

    async def on_start(self) -> None:
        """Override: Faust sleeps a second here, for tables that are made while the app starts. Ours was made before."""
        await self._update_channels()
        await self.recovery.start()

    @property
    def recovery(self) -> FoldRecovery:
        """Override: our recovery."""
        if self._recovery is None:
            self._recovery = FoldRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery

    @property
    def changelog_queue(self) -> Any:
        """Override: a bound for chunks, not for records."""
        if self._changelog_queue is None:
            self._changelog_queue = self.app.FlowControlQueue(maxsize=QUEUE_CHUNKS_MAX, clear_on_resume=True)
        return self._changelog_queue
