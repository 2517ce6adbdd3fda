"""A worker that dies at marked points, or whose clocks are wrong: ``python -m tests.faults.worker_process JSON``.

Settings come from the environment, as for ``standings worker``. The argument says what is wrong with it:

- ``plan_file``: a file of lines ``POINT COUNT``. Each start takes the first line out and dies by SIGKILL when the point
  is reached for the COUNT-th time; with no line left it lives.
- ``clock_seconds``: what its clock is ahead of the true time.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from cli.health import HealthServer, build_registry
from cli.logging_setup import set_up_logging
from cli.settings import read_settings
from cli.wiring import rules
from processors.engine.workshop import FlushLimits, Reduce, Workshop
from processors.engine.writer import ChangelogWriter
from processors.worker import WorkerOptions, run_worker

AFTER_DECODE = "decoded"
"""A chunk's records were read and folded in memory; nothing of them is written."""
AFTER_REDIRECT = "redirected"
"""Dead letters and forwarded records have landed; the batch whose mark passes their originals has not been sent."""
BEFORE_APPEND = "before-append"
"""The batch is made and not sent."""
AFTER_APPEND = "appended"
"""The batch has landed; its chunks are not acknowledged."""
BETWEEN_FLUSHES = "acknowledged"
"""The batch has landed and its chunks are acknowledged; the next one is not begun."""
POINTS = (AFTER_DECODE, AFTER_REDIRECT, BEFORE_APPEND, AFTER_APPEND, BETWEEN_FLUSHES)


class Marks:
    """Dies when a point is reached for the so-manieth time."""

    def __init__(self, point: str | None, count: int) -> None:
        self._point = point
        self._left = count

    def reached(self, point: str) -> None:
        """A point is reached."""
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def reshape(self, workshop: Workshop) -> Workshop:
        """Put the points where they belong."""
        writer = cast(ChangelogWriter, MarkedWriter(workshop.writer, self))
        return replace(workshop, writer=writer, reduce=self._reducing(workshop.reduce))

    def _reducing(self, reduce: Reduce) -> Reduce:
        def marked(*arguments: Any) -> Any:
            redirects = reduce(*arguments)
            self.reached(AFTER_DECODE)
            return redirects

        return marked


class MarkedWriter:
    """A writer with points around what it does."""

    def __init__(self, writer: ChangelogWriter, marks: Marks) -> None:
        self._writer = writer
        self._marks = marks

    def __getattr__(self, name: str) -> Any:
        """Everything that has no point is the writer's own."""
        return getattr(self._writer, name)

    async def append(self, *arguments: Any) -> asyncio.Future[Any]:
        """A batch of state."""
        self._marks.reached(BEFORE_APPEND)
        landing = await self._writer.append(*arguments)
        landing.add_done_callback(self._landed)  # before whoever acknowledges the chunks hears of it
        return landing

    def _landed(self, landing: asyncio.Future[Any]) -> None:
        self._marks.reached(AFTER_APPEND)
        # Who waits for the same future is called in this turn of the loop, this in the next.
        landing.get_loop().call_soon(self._marks.reached, BETWEEN_FLUSHES)

    async def redirect(self, *arguments: Any) -> None:
        """Dead letters and forwarded records."""
        await self._writer.redirect(*arguments)
        self._marks.reached(AFTER_REDIRECT)


def next_point(plan_file: Path) -> tuple[str | None, int]:
    """The first line of the plan, which is taken out."""
    lines = plan_file.read_text(encoding="utf-8").splitlines() if plan_file.exists() else []
    if not lines:
        return None, 0
    plan_file.write_text("".join(f"{line}\n" for line in lines[1:]), encoding="utf-8")
    point, count = lines[0].split()
    return point, int(count)


def fast_clock(workshop: Workshop, seconds: float) -> Workshop:
    """Both clocks ahead; the one that must never be set is, from its start."""
    clock, now_ms = workshop.clock, workshop.now_ms
    return replace(workshop, clock=lambda: clock() + seconds, now_ms=lambda: now_ms() + int(seconds * 1000))


def main(told: dict[str, Any]) -> int:
    settings = read_settings()
    set_up_logging(settings.log)
    registry, ready = build_registry("worker", "faults"), threading.Event()
    HealthServer(registry, ready.is_set, port=settings.metrics.port)
    assert settings.worker.data_dir is not None
    options = WorkerOptions(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        rules=rules(settings),
        topic_prefix=settings.kafka.topic_prefix,
        partitions=settings.kafka.partitions,
        data_dir=settings.worker.data_dir,
        session_seconds=settings.worker.session_timeout_seconds,
        limits=FlushLimits(records_max=settings.worker.flush_events_max, seconds=settings.worker.flush_seconds),
    )
    shapes: list[Callable[[Workshop], Workshop]] = []
    if "plan_file" in told:
        shapes.append(Marks(*next_point(Path(told["plan_file"]))).reshape)
    if "clock_seconds" in told:
        shapes.append(lambda workshop: fast_clock(workshop, told["clock_seconds"]))

    def reshape(workshop: Workshop) -> Workshop:
        for shape in shapes:
            workshop = shape(workshop)
        return workshop

    return run_worker(options, on_ready=ready.set, registry=registry, reshape=reshape)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
