"""Processes of a history: each has an event loop of its own that runs one callback when it is stepped.

So a history decides what happens between any two steps of any process, and a killed process is simply never stepped
again: nothing of it runs on, as after SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
from asyncio import _set_running_loop
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any


class Died(BaseException):
    """Unwinds a process that has stopped itself, as ``os._exit`` does."""


class Process:
    """The part of an event loop that tasks, futures and locks need."""

    def __init__(self) -> None:
        self.dead = False
        self._ready: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()
        self._started: list[tuple[asyncio.Task[Any], Coroutine[Any, Any, Any]]] = []

    # ---- as the loop of its tasks
    def call_soon(self, callback: Callable[..., Any], *args: Any, context: Context | None = None) -> None:
        self._ready.append((callback, args))

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)  # type: ignore[arg-type]  # all that a future asks of its loop is here

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=self)  # type: ignore[arg-type]
        self._started.append((task, coroutine))
        return task

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """A dead process leaves tasks and futures behind; nobody needs to hear of them."""

    # ---- as a history sees it
    @property
    def idle(self) -> bool:
        """Whether it waits for something from outside."""
        return not self._ready

    def step(self, count: int = 1) -> None:
        """Run some callbacks: pieces of tasks between two awaits."""
        ready = self._ready
        _set_running_loop(self)  # type: ignore[arg-type]
        try:
            while count and ready and not self.dead:
                callback, args = ready.popleft()
                callback(*args)
                count -= 1
        except Died:
            pass
        finally:
            _set_running_loop(None)

    def bury(self) -> None:
        """Free what a dead process held; its tasks never run again."""
        self.dead = True
        self._ready.clear()
        for task, coroutine in self._started:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            with contextlib.suppress(Exception, Died):
                coroutine.close()
        self._started.clear()
        self._ready.clear()
