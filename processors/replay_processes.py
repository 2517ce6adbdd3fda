"""Runs shares in processes of their own: one process each, and every one of them must come to its end.

The processes are started afresh (not forked: a fork would take over threads and connections half way). Each has one
pipe to this process, on which it tells what it found; a meeting of the shares is passed on from here.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import traceback
import zoneinfo
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import msgspec

from processors.shares import Meetings, Share, ShareFailed, Take, Told, first_failure

END_SECONDS = 5.0
"""How long a process may take to end once its pipe is closed."""


class _Met(msgspec.Struct, tag=True, frozen=True):
    """The share came to a meeting and waits for what the others say."""

    said: bytes


class _Done(msgspec.Struct, tag=True, frozen=True):
    """The share came to its end."""


class _Failed(msgspec.Struct, tag=True, frozen=True):
    """The share can't go on."""

    why: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Told | _Met | _Done | _Failed).decode
_decode_heard = msgspec.msgpack.Decoder(list[bytes]).decode


async def run_in_processes(shares: Sequence[Share], take: Take) -> None:
    """Run each share in a process; when one fails or is killed, or this task is cancelled, all of them end.

    Raises:
        ShareFailed: a share failed, or its process ended before it was done.
    """
    children = [_Child(number, share) for number, share in enumerate(shares)]
    meetings = Meetings(len(shares))
    try:
        for child in children:
            child.start()
        await first_failure(_follow(child, take, meetings) for child in children)
    finally:
        for child in children:
            child.stop()


async def _follow(child: _Child, take: Take, meetings: Meetings) -> None:
    async for message in child.messages():
        if isinstance(message, _Met):
            child.connection.send_bytes(_encode(await meetings.meet(child.number, message.said)))
        elif isinstance(message, _Failed):
            raise ShareFailed(message.why)
        else:
            await take(message)


class _Child:
    """A process with its share."""

    def __init__(self, number: int, share: Share) -> None:
        self.number = number
        context = multiprocessing.get_context("spawn")
        self.connection, self._theirs = context.Pipe()
        arguments = (share, self._theirs, tuple(zoneinfo.TZPATH))
        self._process = context.Process(target=_serve, args=arguments, name=f"share-{number}", daemon=True)

    def start(self) -> None:
        """Start it. Ctrl-C in a terminal reaches every process: it is for this one, which then ends the others."""
        with _interrupts_blocked():
            self._process.start()
        self._theirs.close()

    async def messages(self) -> AsyncIterator[Any]:
        """What it tells, until it is done.

        Raises:
            ShareFailed: it ended before that.
        """
        while True:
            await _readable(self.connection)
            try:
                message = _decode(self.connection.recv_bytes())
            except (EOFError, ConnectionError):
                raise ShareFailed(self._end()) from None
            if isinstance(message, _Done):
                return
            yield message

    def _end(self) -> str:
        self._process.join(END_SECONDS)
        code = self._process.exitcode
        how = f"was killed by signal {-code}" if code is not None and code < 0 else f"ended with exit code {code}"
        return f"process {self.number + 1} of the replay {how}; nothing was kept"

    def stop(self) -> None:
        """End it, whatever it does: it keeps nothing that would have to be put in order."""
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()
            self._process.close()
        self.connection.close()
        self._theirs.close()


async def _readable(connection: Connection) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_reader(connection.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(connection.fileno())


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process that is started here begins, and stays, without an ear for Ctrl-C."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# ---------------------------------------------------------------- in the other process


class _PipeTalk:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def tell(self, told: Any) -> None:
        with _ending_when_alone():
            self._connection.send_bytes(_encode(told))

    async def meet(self, said: bytes) -> list[bytes]:
        with _ending_when_alone():
            self._connection.send_bytes(_encode(_Met(said)))
            return _decode_heard(self._connection.recv_bytes())


@contextmanager
def _ending_when_alone() -> Iterator[None]:
    """End this process at once if nobody is at the other end of the pipe: its parent is gone, however that ended."""
    try:
        yield
    except (EOFError, OSError):
        os._exit(1)


def _serve(share: Share, connection: Connection, tz_path: tuple[str, ...]) -> None:
    """What the other process does. The zone database is the same as here: the day of a sale depends on it."""
    zoneinfo.reset_tzpath(to=tz_path)
    talk = _PipeTalk(connection)
    last: _Done | _Failed = _Done()
    try:
        asyncio.run(share.run(talk))
    except ShareFailed as failed:
        last = _Failed(str(failed))
    except Exception as error:  # whatever it is, the parent must hear of it
        traceback.print_exc(file=sys.stderr)
        last = _Failed(f"{type(error).__name__}: {error}")
    with _ending_when_alone():
        connection.send_bytes(_encode(last))
