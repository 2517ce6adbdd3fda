"""The page's server for a test: the real fold, boards in memory, the real API, and a clock that stands still."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import zlib
from collections.abc import Coroutine, Iterable
from datetime import datetime
from typing import Any, TypeVar

import uvicorn

from api.options import ApiOptions
from api.server import create_app
from domain.partition import PartitionState, Rules
from domain.rows import entries
from events.facts import Fact
from projections.changes import changes_of
from projections.memory import MemoryBoards
from projections.ports import NEW, Flush

PARTITION_COUNT = 3
START_SECONDS_MAX = 20
VERSION = "v1"
TOPICS = {"sale": "sales", "target": "targets", "rep": "reps"}
T = TypeVar("T")


class Stage:
    """A server in a thread; facts are folded and shown one batch at a time.

    Args:
        now: what the clock says, always.
    """

    def __init__(self, now: datetime) -> None:
        self._states = [PartitionState(p, Rules("CNY", "Asia/Shanghai")) for p in range(PARTITION_COUNT)]
        self._offsets: list[dict[str, int]] = [{} for _ in self._states]
        self._positions = [NEW] * PARTITION_COUNT
        self._marks = [0] * PARTITION_COUNT
        self._boards = MemoryBoards()
        options = ApiOptions(push_interval_seconds=0.2, snapshot_age_max_seconds=0.2, snapshot_age_min_seconds=0.0)
        self._app = create_app(options, self._boards, lambda: now)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._server = uvicorn.Server(uvicorn.Config(self._app, log_config=None, access_log=False, ws="none"))
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve(self._listener)), name="stage")

    @property
    def url(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Serve; returns when the port listens."""
        self._thread.start()
        assert self._ready.wait(START_SECONDS_MAX), "the API did not start"
        self._call(self._boards.begin(VERSION, PARTITION_COUNT))

    def stop(self) -> None:
        """Stop serving."""
        self._loop.call_soon_threadsafe(self._app.state.streams.close)
        self._server.should_exit = True
        self._thread.join(START_SECONDS_MAX)
        self._listener.close()

    def show(self, facts: Iterable[Fact]) -> None:
        """Fold facts and set the boards."""
        self._call(self._show(list(facts)))

    def publish(self) -> None:
        """Let readers see the boards; until then the store is rebuilding."""
        built = dict(enumerate(self._positions))
        self._call(self._boards.swap("", VERSION, built))

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        await self._server.serve(sockets=[listener])

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_SECONDS_MAX)

    async def _show(self, facts: list[Fact]) -> None:
        control = [f for f in facts if f.key == "control"]
        for partition, state in enumerate(self._states):
            if control:
                state.control(control)
                self._count(partition, "control", len(control))
        for f in facts:
            if f.key != "control":
                partition = zlib.crc32(f.key.encode()) % PARTITION_COUNT
                self._states[partition].apply(f)
                self._count(partition, TOPICS[f.type.partition(".")[0]], 1)
        for partition in range(PARTITION_COUNT):
            await self._flush(partition)

    def _count(self, partition: int, source: str, count: int) -> None:
        self._offsets[partition][source] = self._offsets[partition].get(source, -1) + count

    async def _flush(self, partition: int) -> None:
        _, rows = self._states[partition].flush()
        changes = changes_of(entry for key, value in rows for entry in entries(key, value))
        if not changes:
            return
        self._marks[partition] += 1
        start = self._positions[partition]
        target = f"{self._marks[partition]}|1|{json.dumps(self._offsets[partition])}"
        flush = [Flush(partition, start, target, changes)]
        await self._boards.step(VERSION, flush)
        await self._boards.move(VERSION, flush)
        self._positions[partition] = target
        await self._boards.announce(VERSION, [change.group for change in changes])
