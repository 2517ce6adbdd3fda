"""The projector's loop: brings what the changelog says onto the boards, exactly, by compare-and-set.

It keeps no state but its position, and that stands in the board store: it may be killed, frozen, doubled or started
again at any moment. Per partition a *flush* goes from the mark that the boards show to a later one that counted: a step
for each group, then the move of the position. Refused means that somebody else was faster or that the store lost
something: look again and follow. Nothing there means a *build*: everything again under a version never used before,
swapped in at the end of the log.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from domain.boards import Group
from processors.engine.changelog import MARK
from processors.projection_metrics import ProjectorMetrics
from processors.projection_options import ChangelogConsumer, ProjectorOptions
from processors.projection_shown import Shown
from projections.ports import NEW, BoardsUnavailable, BoardWriter, Flush, Position, Said

__all__ = ["Projector", "ProjectorOptions"]

FRESH_SECONDS = 1.0
"""What was recorded so long ago, or less, is live."""

GATHER_SECONDS = 0.03
"""So long is read after a flush before the next: what came meanwhile to all partitions, not to the first heard of."""

PATIENCE_SECONDS_MAX = 3.0
"""However old the facts are that wait, they are shown after so long."""

FETCH_RECORDS_MAX = 5_000
FETCH_SECONDS = 0.1

KEEP_SECONDS = 10.0
"""How often a build says that it is alive."""

SILENT_SECONDS = 120
"""A build that was silent for so long is abandoned; whoever notices sweeps it."""

SWEEP_SECONDS = 60.0

DOUBT_SECONDS = 30.0
"""A log with rows that may be missing is read again after so long."""

FILL_SECONDS_MAX = 3_000.0
"""A fill that took longer reads on to the ends of now: less than the changelog's compaction lag."""

BACKOFF_SECONDS_MIN = 0.1
BACKOFF_SECONDS_MAX = 2.0

log = logging.getLogger(__name__)


class Refused(Exception):  # noqa: N818 - an answer, not a fault
    """The store is not where we left it."""


class Doubtful(Exception):  # noqa: N818 - an answer, not a fault
    """The log may have lost rows to batches that do not count."""


class TooOld(Exception):  # noqa: N818 - an answer, not a fault
    """The cleaner may have passed us: what we read next need not be a true state."""


class Projector:
    """Follows one changelog for one board store.

    Args:
        options: what it is told.
        boards: where boards are written.
        consumer: a started consumer without a group.
        metrics: what it counts.
        fold: makes the fold of a partition that goes on from a position text.
        on_ready: called once, when the current version shows everything up to the ends seen at start.
        new_version: names never used before.
        now: seconds since the epoch, compared with the log's timestamps.
        monotonic: seconds of a clock that is never set.
        sleep: waits for seconds.
    """

    def __init__(
        self,
        options: ProjectorOptions,
        boards: BoardWriter,
        consumer: ChangelogConsumer,
        metrics: ProjectorMetrics,
        *,
        fold: Callable[[str], Shown] = Shown,
        on_ready: Callable[[], None] = lambda: None,
        new_version: Callable[[], str] = lambda: uuid.uuid4().hex,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._options = options
        self._boards = boards
        self._consumer = consumer
        self._metrics = metrics
        self._fold = fold
        self._on_ready: Callable[[], None] | None = on_ready
        self._new_version = new_version
        self._now = now
        self._monotonic = monotonic
        self._sleep = sleep
        self._partitions = {p: TopicPartition(options.changelog, p) for p in range(options.partitions)}
        self._ends_at_start: dict[int, int] | None = None
        self._backoff_seconds = 0.0

    async def run(self) -> None:
        """Project for ever."""
        self._consumer.assign(list(self._partitions.values()))
        while True:
            try:
                if self._ends_at_start is None:
                    self._ends_at_start = await self._ends()
                await self._once()
            except Doubtful as doubt:
                log.warning("no boards are made of %s: %s", self._options.changelog, doubt)
                await self._sleep(DOUBT_SECONDS)
            except Refused as refused:
                log.info("%s: looking again", refused)
            except (BoardsUnavailable, KafkaError) as error:  # whether it was done, the store will say
                self._backoff_seconds = min(max(2 * self._backoff_seconds, BACKOFF_SECONDS_MIN), BACKOFF_SECONDS_MAX)
                log.warning("%r; again in %.1f s", error, self._backoff_seconds)
                await self._sleep(self._backoff_seconds)

    async def _once(self) -> None:
        version, pos = await self._boards.where()
        if version and pos.keys() == self._partitions.keys():
            try:
                await self._live(version, {p: self._fold(text) for p, text in pos.items()})
            except TooOld as reason:
                log.info("boards are rebuilt: %s", reason)
        await self._build(version)

    # ---------------------------------------------------------------- following the log

    async def _live(self, version: str, shown: dict[int, Shown]) -> None:
        """Show what comes, until the store says that something else is current."""
        await self._same_log(version, shown)
        self._seek(shown)
        await self._boards.announce(version, [])
        began = ended = looked = swept = float("-inf")
        while True:
            for p, fold, piece in await self._fetch(shown):
                if shown[p] is not fold:
                    continue  # it was set back meanwhile, and reads again
                fold.feed(piece)
                if self._is_full(shown):
                    began, ended = await self._show(version, shown)
            if self._is_due(shown, began, ended):
                began, ended = await self._show(version, shown)
            self._tell_when_ready(shown)
            if self._monotonic() - looked >= self._options.look_seconds:
                looked = self._monotonic()
                await self._follow(version, shown)
                self._report_lag(shown)
            if self._monotonic() - swept >= SWEEP_SECONDS:
                swept = self._monotonic()
                for orphan in await self._boards.sweep(SILENT_SECONDS):
                    log.info("version %s, abandoned by its builder, is gone", orphan)

    async def _show(self, version: str, shown: dict[int, Shown]) -> tuple[float, float]:
        """Flush; when refused, follow whoever was faster. Returns when it began and ended."""
        began = self._monotonic()
        try:
            await self._flush(version, shown)
            self._metrics.shows(max(fold.recorded_ms for fold in shown.values()))
        except Refused:
            await self._follow(version, shown)
        return began, self._monotonic()

    async def _follow(self, version: str, shown: dict[int, Shown]) -> None:
        """Compare the store with what was left there; also without work, or a lost store would never be noticed.

        Raises:
            Refused: another version is current, or the positions are gone.
        """
        current, pos = await self._boards.where()
        if current != version or pos.keys() != shown.keys():
            raise Refused("the boards were replaced" if current else "the boards are gone")
        for p, text in pos.items():
            fold = shown[p]
            if text != fold.start and not fold.advance(text):
                shown[p] = self._fold(text)
                self._consumer.seek(self._partitions[p], shown[p].rewind())
                await self._boards.announce(version, [])
            self._metrics.shows(shown[p].recorded_ms)

    async def _flush(self, version: str, folds: Mapping[int, Shown]) -> None:
        """One step for each group, then the moves of the positions. One partition that is refused stops no other.

        Raises:
            Refused: for some partition the store is not at the flush's start, or lost a group in between.
        """
        flushes = [Flush(p, fold.start, fold.target, fold.changes()) for p, fold in folds.items() if fold.pending]
        refused: list[int] = []
        stepped: list[Flush] = []
        for flush, said in zip(flushes, await self._boards.step(version, flushes), strict=True):
            self._metrics.answered("step", said)
            if Said.REFUSED in said:
                refused.append(flush.partition)
            else:
                stepped.append(flush)
        groups: dict[Group, None] = {}
        for flush, moved in zip(stepped, await self._boards.move(version, stepped), strict=True):
            self._metrics.answered("move", [moved])
            if moved is Said.REFUSED:
                refused.append(flush.partition)
            else:
                folds[flush.partition].shown()
                groups |= dict.fromkeys(change.group for change in flush.changes)
                self._backoff_seconds = 0.0
        if groups:
            await self._boards.announce(version, list(groups))
        if refused:
            raise Refused(f"partitions {refused}: refused")

    # ---------------------------------------------------------------- building a version

    async def _build(self, expected: str) -> None:
        """Everything again under a new version; swapped in at the end of the log, if the pointer has not moved.

        A compacted log shows true states only from the end seen at the start: nothing is published before that.
        """
        version, shown = self._new_version(), {p: self._fold(NEW) for p in self._partitions}
        log.info("building version %s in place of %s", version, expected or "none")
        await self._boards.begin(version, len(shown))
        self._seek(shown)
        said = Said.BEHIND
        try:
            while said is Said.BEHIND:  # readers never see less than before: read on
                await self._fill_to_an_end(version, shown)
                said = await self._boards.swap(expected, version, {p: fold.start for p, fold in shown.items()})
                self._metrics.answered("swap", [said])
        except Doubtful:
            await self._boards.drop(version)
            raise
        except Refused:
            said = Said.REFUSED
        if said is Said.REFUSED:
            await self._boards.drop(version)
            raise Refused(f"version {version} was not wanted any more")
        log.info("version %s is current", version)
        self._metrics.shows(max(fold.recorded_ms for fold in shown.values()))
        await self._boards.announce(version, [])
        if expected:
            await self._boards.drop(expected)

    async def _fill_to_an_end(self, version: str, shown: dict[int, Shown]) -> None:
        """Fill up to ends so young that the cleaner can't have taken rows before them for later ones.

        Raises:
            Doubtful: nor must it have taken them for rows that do not count; an owner, if any, says those again.
        """
        while True:
            looked = self._now()
            await self._fill(version, shown, await self._ends())
            if self._now() - looked < FILL_SECONDS_MAX:
                break
        self._refuse_doubtful(shown)

    def _refuse_doubtful(self, shown: Mapping[int, Shown]) -> None:
        fenced = [min(fold.fenced.values()) for fold in shown.values() if fold.fenced]
        if fenced and self._now() - min(fenced) / 1000 > self._options.too_old_seconds:
            raise Doubtful("a batch that did not count is not said again, rows may be missing")

    async def _fill(self, version: str, shown: dict[int, Shown], ends: Mapping[int, int]) -> None:
        kept = self._monotonic()
        while any(shown[p].end + 1 < end or shown[p].pending for p, end in ends.items()):
            for _, fold, piece in await self._fetch(shown, every_age=True):
                fold.feed(piece)
                if self._is_full(shown):
                    await self._flush(version, shown)
            due = {p: fold for p, fold in shown.items() if fold.pending and fold.end + 1 >= ends[p]}
            if due:
                await self._flush(version, due)
            if self._monotonic() - kept >= KEEP_SECONDS:
                kept = self._monotonic()
                await self._boards.keep(version)

    # ---------------------------------------------------------------- reading the log

    async def _fetch(
        self, shown: Mapping[int, Shown], *, every_age: bool = False
    ) -> list[tuple[int, Shown, Sequence[Any]]]:
        """Fetch once: (partition, its fold, records up to and with a mark), for a flush may end at each of them.

        Raises:
            TooOld: the first mark fetched is older than what may be resumed.
        """
        seconds = self._options.flush_seconds / 4 if any(fold.pending for fold in shown.values()) else FETCH_SECONDS
        fetched = await self._consumer.getmany(timeout_ms=int(seconds * 1000), max_records=FETCH_RECORDS_MAX)
        if not every_age:
            for records in fetched.values():
                self._refuse_too_old(records)
        return [
            (where.partition, shown[where.partition], piece)
            for where, records in fetched.items()
            for piece in _up_to_marks(records)
        ]

    def _refuse_too_old(self, records: Sequence[Any]) -> None:
        first = next((record for record in records if record.key == MARK), None)
        if first is not None and self._now() - first.timestamp / 1000 > self._options.too_old_seconds:
            raise TooOld(f"{first.topic}-{first.partition}@{first.offset} is older than may be resumed")

    def _seek(self, shown: Mapping[int, Shown]) -> None:
        for p, fold in shown.items():
            self._consumer.seek(self._partitions[p], fold.rewind())

    async def _ends(self) -> dict[int, int]:
        ends = await self._consumer.end_offsets(list(self._partitions.values()))
        return {where.partition: end for where, end in ends.items()}

    async def _same_log(self, version: str, shown: Mapping[int, Shown]) -> None:
        """Boards that stay ahead of the log were made from another one: forget them."""
        for attempt in range(2):
            ends = await self._ends()
            if all(Position.parse(fold.start).mark < ends[p] for p, fold in shown.items()):
                return
            if attempt == 0:
                await self._sleep(self._options.other_log_seconds)
        log.warning("the boards show more than %s holds: they are rebuilt", self._options.changelog)
        await self._boards.forget(version)
        raise Refused("the boards were made from another log")

    def _tell_when_ready(self, shown: Mapping[int, Shown]) -> None:
        ends = self._ends_at_start or {}
        if self._on_ready is not None and all(
            fold.end + 1 >= ends.get(p, 0) and not fold.pending for p, fold in shown.items()
        ):
            self._on_ready()
            self._on_ready = None

    def _report_lag(self, shown: Mapping[int, Shown]) -> None:
        ends = {p: self._highwater(p) for p in self._partitions}
        lag = {p: max(0, end - Position.parse(shown[p].start).mark - 1) for p, end in ends.items() if end is not None}
        self._metrics.lag(self._options.changelog, lag)

    def _is_full(self, shown: Mapping[int, Shown]) -> bool:
        return _size(shown) >= self._options.flush_rows_max

    def _is_due(self, shown: Mapping[int, Shown], began: float, ended: float) -> bool:
        """Whether what waits is to be shown, if the last flush began and ended then."""
        newest_ms = max((fold.read_ms for fold in shown.values() if fold.pending), default=None)
        if newest_ms is None:
            return False
        age = self._now() - newest_ms / 1000 if newest_ms else 0.0
        now, seconds = self._monotonic(), self._options.flush_seconds
        return now - began >= max(patience(age), seconds) and now - ended >= min(GATHER_SECONDS, seconds)

    def _highwater(self, partition: int) -> int | None:
        """The end of a partition as the last fetch told it; None if the consumer doesn't know."""
        known: int | None = getattr(self._consumer, "highwater", lambda _: None)(self._partitions[partition])
        return known


def patience(age_seconds: float) -> float:
    """How many seconds changes may wait whose newest fact was recorded so long ago.

    Who reads boards that are behind can't see the difference, and what many marks say of a member, or many partitions
    change of a board, is then written once: they come up sooner.
    """
    return min(max(0.0, (age_seconds - FRESH_SECONDS) / 2), PATIENCE_SECONDS_MAX)


def _size(shown: Mapping[int, Shown]) -> int:
    return sum(fold.size for fold in shown.values())


def _up_to_marks(records: Sequence[Any]) -> Iterator[Sequence[Any]]:
    start = 0
    for i, record in enumerate(records, start=1):
        if record.key == MARK:
            yield records[start:i]
            start = i
    if start < len(records):
        yield records[start:]
