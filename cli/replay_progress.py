"""How far a replay is: bars on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, TaskID, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from cli.output import say, stderr
from processors.replay import FOLD, LOG, LOOK, Progress

WHAT = {LOOK: "looking at lines", FOLD: "folding", LOG: "folding the log"}
LINE_SECONDS = 5.0


@contextmanager
def shown_progress() -> Iterator[Progress]:
    """Somebody to tell; what is told is shown on stderr."""
    if not stderr.is_terminal:
        yield ProgressLines(say, time.monotonic)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[records]:,} records"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=stderr, transient=True) as bars:
        yield ProgressBars(bars)


class ProgressBars:
    """A bar for each stage."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}
        self._records: dict[str, int] = {}

    def begin(self, stage: str, total: int) -> None:
        """See `Progress.begin`."""
        self._tasks[stage] = self._bars.add_task(WHAT[stage], total=total, records=0)
        self._records[stage] = 0

    def advance(self, stage: str, done: int, records: int) -> None:
        """See `Progress.advance`."""
        self._records[stage] += records
        self._bars.update(self._tasks[stage], advance=done, records=self._records[stage])


class ProgressLines:
    """A line for each stage every few seconds, and none for what is done sooner.

    Args:
        say: prints a line.
        clock: seconds.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say, self._clock = say, clock
        self._told_at = clock()
        self._totals: dict[str, int] = {}
        self._done: dict[str, int] = {}
        self._records = 0

    def begin(self, stage: str, total: int) -> None:
        """See `Progress.begin`."""
        self._totals[stage], self._done[stage] = total, 0

    def advance(self, stage: str, done: int, records: int) -> None:
        """See `Progress.advance`."""
        self._done[stage] += done
        self._records += records
        if self._clock() - self._told_at >= LINE_SECONDS:
            self._told_at = self._clock()
            share = self._done[stage] / max(1, self._totals[stage])
            self._say(f"{WHAT[stage]}: {share:.0%}, {self._records:,} records")
