"""A TCP proxy between a client and its server that can be told to misbehave."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from enum import Enum, auto

CHUNK_BYTES = 64 * 1024
CONNECT_SECONDS = 5.0


class Way(Enum):
    """What happens to what passes."""

    OPEN = auto()
    """Everything passes."""
    SLOW = auto()
    """Every piece waits for `DELAY_SECONDS` in each direction."""
    NO_REPLIES = auto()
    """Requests pass and are done, replies do not; the connection stays."""
    SILENT = auto()
    """Half open: nothing passes, nothing is closed."""
    CLOSED = auto()
    """Connections are cut, and new ones at once, too."""


DELAY_SECONDS = 0.15


class Proxy:
    """Listens on a port of its own and passes everything on to another, in a thread of its own.

    Attributes:
        port: where it listens.
        lost_replies: pieces of replies that were dropped.
    """

    def __init__(self, server_port: Callable[[], int]) -> None:
        """`server_port` is asked for every new connection."""
        self._server_port = server_port
        self._way = Way.OPEN
        self._changed = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self.lost_replies = 0
        self.port = 0
        started = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, args=(started,), name="proxy")
        self._thread.start()
        started.wait()

    @property
    def url(self) -> str:
        """Where a client of Redis finds it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def set(self, way: Way) -> None:
        """Pass things this way from here on; what was held back since the last change passes if it is open again."""
        asyncio.run_coroutine_threadsafe(self._set(way), self._loop).result()

    def cut(self) -> None:
        """Close every connection there is."""
        asyncio.run_coroutine_threadsafe(self._cut(), self._loop).result()

    def end(self) -> None:
        """Close everything."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()

    # ---------------------------------------------------------------- in the loop

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(started))
        finally:
            self._loop.close()

    async def _serve(self, started: threading.Event) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        await self._stop.wait()
        server.close()
        self._way = Way.CLOSED
        self._changed.set()
        await self._cut()
        await asyncio.sleep(0)
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _set(self, way: Way) -> None:
        self._way = way
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
        if way is Way.CLOSED:
            await self._cut()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._way is Way.CLOSED:
            writer.transport.abort()
            return
        try:
            there = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self._server_port()), CONNECT_SECONDS)
        except (OSError, TimeoutError):
            writer.transport.abort()
            return
        pair = {writer, there[1]}
        self._writers |= pair
        ways = [
            asyncio.create_task(self._pass(reader, there[1], self._request)),
            asyncio.create_task(self._pass(there[0], writer, self._reply)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._writers -= pair
            for way in ways:
                way.cancel()
            for one in pair:
                one.transport.abort()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: Callable[[], Awaitable[bool]]
    ) -> None:
        try:
            while piece := await reader.read(CHUNK_BYTES):
                if await may_pass():
                    writer.write(piece)
                    await writer.drain()
        except OSError:
            pass

    async def _request(self) -> bool:
        await self._wait()
        return True

    async def _reply(self) -> bool:
        if self._way is Way.NO_REPLIES:
            self.lost_replies += 1
            return False
        await self._wait()
        return True

    async def _wait(self) -> None:
        if self._way is Way.SLOW:
            await asyncio.sleep(DELAY_SECONDS)
        while self._way is Way.SILENT:
            await self._changed.wait()
