"""Recovery by the fold: claim first, read the log at least that far, let `ChangelogFold` decide what counts."""

# mypy: allow-subclassing-any, allow-untyped-decorators
# (Faust is not checked: its own types do not hold together.)

from __future__ import annotations

import asyncio
import logging
from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP
from mode import Service

from processors.engine.chunks import ENGINE_LOG

QUEUE_CHUNKS_MAX = 16
"""Chunks of the changelog that wait to be folded."""

IDLE_SECONDS = 5.0


class FoldRecovery(Recovery):
    """Faust's recovery, with chunks and claims."""

    app: Any  # engine.app.EngineApp; Faust declares its interface class
    logger = logging.getLogger(ENGINE_LOG)

    async def _build_highwaters(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        """Override: claim before the ends are read, so that the log is read at least up to our claims."""
        claims: dict[TP, int] = {}
        if title == "active":
            assigned = list(tps)
            tables: dict[TP, Any] = dict(self.tp_to_table)
            offsets = await asyncio.gather(*[tables[tp].claim(tp) for tp in assigned])
            claims = dict(zip(assigned, offsets, strict=True))
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
        try:
            owner.feed(message.value)
        except Exception as error:  # Faust would log it and go on
            self.app.die(error)
        self.active_offsets[message.tp] = message.offset


class FoldTableManager(TableManager):
    """Faust's table manager with the recovery above."""

    logger = logging.getLogger(ENGINE_LOG)
    _recovery: FoldRecovery | None
    _changelog_queue: Any

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
