"""Replay: folds a file or the log offline, with the same pure core, into boards of any store.

The work is divided into shares, which run here or in processes of their own; what they tell is added up in one version
of the boards, which readers see only when every share came to its end.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, Protocol

from domain.accounting import Accounting
from domain.boards import Group
from domain.partition import Rules
from events.registry import CONTROL
from processors.log_reader import LogReader
from processors.replay_file import FOLD, LOOK, FileShare
from processors.replay_log import LOG, LogShare, dealt, record_count
from processors.shares import ALONE, Advanced, Folded, Piece, Run, Share, ShareFailed, Told, Workers
from processors.source_fold import ends_of
from processors.topics import CONTROL_PARTITION, TopicNames
from projections.ports import NEW, BoardWriter, Flush, Position, Said

__all__ = [
    "FOLD",
    "LOG",
    "LOOK",
    "NoProgress",
    "Progress",
    "Replayed",
    "ShareFailed",
    "Version",
    "Workers",
    "replay_file",
    "replay_log",
]


class Replayed(NamedTuple):
    """What a replay read; the boards are in the store it was given.

    Attributes:
        accounting: records by outcome.
        read_count: records, counted one by one.
        entry_count: entries of boards that were written.
    """

    accounting: Accounting
    read_count: int
    entry_count: int


class Progress(Protocol):
    """Is told how far a replay is."""

    def begin(self, stage: str, total: int) -> None:
        """A stage begins: ``look`` and ``fold`` count bytes of a file, ``log`` counts offsets."""

    def advance(self, stage: str, done: int, records: int) -> None:
        """So much more of a stage is done, and so many more records were folded."""


class NoProgress:
    """Nobody wants to know."""

    def begin(self, stage: str, total: int) -> None:
        """See `Progress.begin`."""

    def advance(self, stage: str, done: int, records: int) -> None:
        """See `Progress.advance`."""


class Version(NamedTuple):
    """The version of the boards that is built.

    Attributes:
        name: never used before in its store.
        replaces: the one that readers follow until then; "" = none.
        first_mark: its marks count from here; above those of the version that it replaces, or it would show less.
    """

    name: str = "replay"
    replaces: str = ""
    first_mark: int = 0


FIRST = Version()


async def replay_file(
    file: Path,
    rules: Rules,
    boards: BoardWriter,
    *,
    groups: Collection[Group] | None,
    workers: Workers = ALONE,
    progress: Progress | None = None,
    version: Version = FIRST,
    reopened: int | None = None,
) -> Replayed:
    """Fold a JSONL archive, which has no partitions and no offsets; boards and digests do not depend on its order.

    Args:
        file: structured CloudEvents, one a line; lines of white space are passed.
        rules: of the deployment.
        boards: where to put the boards.
        groups: the groups wanted; others are folded and not kept; None = all.
        workers: who folds it.
        progress: told now and then.
        version: of the boards.
        reopened: leave out the closes of this year and of later ones; None = all closes count.

    Raises:
        ShareFailed: it can't be read, or a share did not come to its end.
    """
    progress = progress or NoProgress()
    with tempfile.TemporaryDirectory(prefix="standings-replay-") as folder:
        part = _whole_file(file, Path(folder), rules, groups, reopened)
        for stage in (LOOK, FOLD):
            progress.begin(stage, part.size)
        shares = [replace(part, number=number, count=workers.shares) for number in range(workers.shares)]
        build = _Build(boards, version, workers.shares, progress)
        return await build.run(shares, workers.run)


def _whole_file(
    file: Path, folder: Path, rules: Rules, groups: Collection[Group] | None, reopened: int | None
) -> FileShare:
    try:
        size = file.stat().st_size
    except OSError as error:
        raise ShareFailed(f"{file}: {error}") from error
    return FileShare(0, 1, file, size, folder, rules, _wanted(groups), reopened)


def _wanted(groups: Collection[Group] | None) -> frozenset[Group] | None:
    return None if groups is None else frozenset(groups)


async def replay_log(
    reader: LogReader,
    names: TopicNames,
    rules: Rules,
    boards: BoardWriter,
    *,
    groups: Collection[Group] | None,
    workers: Workers = ALONE,
    progress: Progress | None = None,
    version: Version = FIRST,
    reopened: int | None = None,
) -> Replayed:
    """Fold the source topics up to their ends as they are now; a share has one partition in memory at a time.

    Args:
        reader: connected; tells where the log ends. Each share has one of its own.
        names: topic names.
        rules: of the deployment.
        boards: where to put the boards.
        groups: the groups wanted; others are folded and not kept; None = all.
        workers: who folds it; there are never more shares than partitions.
        progress: told now and then.
        version: of the boards.
        reopened: leave out the closes of this year and of later ones; None = all closes count.

    Raises:
        ShareFailed: a share did not come to its end.
        TopicsUnfit: a source topic does not exist.
    """
    progress = progress or NoProgress()
    count = await reader.partition_count()
    control_end = await reader.end(CONTROL, CONTROL_PARTITION)
    ends = {partition: await ends_of(reader, partition, control_end) for partition in range(count)}
    progress.begin(LOG, sum(map(record_count, ends.values())))
    shares = [
        LogShare(reader.bootstrap_servers, names, count, part, rules, _wanted(groups), reopened)
        for part in dealt(ends, workers.shares)
    ]
    build = _Build(boards, version, count, progress)
    return await build.run(shares, workers.run)


class _Build:
    """Adds up what the shares tell.

    Each piece is a flush of its own, with the next mark: a group may come in several.
    """

    def __init__(self, boards: BoardWriter, version: Version, partitions: int, progress: Progress) -> None:
        self._boards, self._version, self._progress = boards, version, progress
        self._at = dict.fromkeys(range(partitions), NEW)
        self._marks = dict.fromkeys(range(partitions), version.first_mark)
        self._built: dict[int, str] = {}
        self._accounting = Accounting()
        self._read_count = self._entry_count = 0

    async def run(self, shares: Sequence[Share], run: Run) -> Replayed:
        """Run the shares and show what they told; a version that does not come to its end is dropped."""
        name = self._version.name
        await self._boards.begin(name, len(self._at))
        try:
            await run(shares, self.take)
            if len(self._built) < len(self._at):
                raise ShareFailed("not every partition was folded")
            if await self._boards.swap(self._version.replaces, name, self._built) != Said.DONE:
                raise ShareFailed("the boards were changed by somebody else")
        except BaseException:
            await self._boards.drop(name)
            raise
        return Replayed(self._accounting, self._read_count, self._entry_count)

    async def take(self, told: Told) -> None:
        """Take what a share tells."""
        match told:
            case Advanced():
                self._progress.advance(told.stage, told.done, told.records)
            case Piece():
                await self._write(told, {})
            case Folded():
                await self._write(Piece(told.partition, []), told.offsets)
                self._built[told.partition] = self._at[told.partition]
                self._accounting = self._accounting.plus(Accounting(told.accounting))
                self._read_count += told.read_count

    async def _write(self, piece: Piece, offsets: dict[str, int]) -> None:
        name, partition, changes = self._version.name, piece.partition, [change.read() for change in piece.changes]
        start, target = self._at[partition], str(Position(self._marks[partition], 0, offsets))
        flush = [Flush(partition, start, target, changes)]
        [said], [moved] = await self._boards.step(name, flush), await self._boards.move(name, flush)
        if moved != Said.DONE or any(each != Said.DONE for each in said):
            raise ShareFailed(f"somebody else writes to version {name} of the boards")
        self._at[partition] = target
        self._marks[partition] += 1
        self._entry_count += sum(change.size for change in changes)
