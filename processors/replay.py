"""Replay: folds a file or the log offline, with the same pure core, into boards of any store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from domain.accounting import DEAD_LETTERED, Accounting
from domain.boards import DocumentGroup, Group
from domain.partition import PartitionState, Rules
from domain.rows import flush_entries
from events.codec import read_line
from events.facts import Fact, Rejected
from events.registry import BY_SHORT, CONTROL
from processors.log_reader import LogReader
from processors.source_fold import ControlPrefix, SourceFold, ends_of
from processors.topics import TopicNames
from projections.changes import changes_of
from projections.ports import NEW, BoardWriter, Position

VERSION = "replay"
FILE_PARTITION = 0
PROGRESS_LINES = 10_000

Progress = Callable[[int], None]
"""Told how many records were read since it was last told."""


class Replayed(NamedTuple):
    """What a replay read; the boards are in the store it was given."""

    accounting: Accounting
    read_count: int


async def replay_lines(
    lines: Iterable[bytes],
    rules: Rules,
    boards: BoardWriter,
    *,
    groups: Collection[Group],
    progress: Progress = lambda _: None,
) -> Replayed:
    """Fold a JSONL archive, which has no partitions and no offsets; its order does not matter.

    Args:
        lines: structured CloudEvents, one a line; empty lines are passed.
        rules: of the deployment.
        boards: where to put the boards.
        groups: the groups wanted; others are folded and not kept.
        progress: told now and then.
    """
    fold = _FileFold(rules)
    told = 0
    for line in lines:
        if line.strip():
            fold.take(line.strip(b"\r\n"))
        if fold.read_count - told >= PROGRESS_LINES:
            progress(fold.read_count - told)
            told = fold.read_count
    fold.settle()
    progress(fold.read_count - told)
    state, count = fold.state, fold.read_count
    await boards.begin(VERSION, 1)
    built = await _show(state, boards, groups, {"lines": count - 1} if count else {})
    await boards.swap("", VERSION, {FILE_PARTITION: built})
    return Replayed(state.accounting, count)


class _FileFold:
    """A file as one partition.

    Control facts that come after sales wait for the end: each would re-attribute what is known by then, and their order
    does not matter.
    """

    def __init__(self, rules: Rules) -> None:
        self.state = PartitionState(FILE_PARTITION, rules)
        self.read_count = 0
        self._waiting: list[Fact] = []

    def take(self, line: bytes) -> None:
        """Fold a line."""
        self.read_count += 1
        try:
            fact = read_line(line)
            if BY_SHORT[fact.type].topic == CONTROL:
                self._waiting.append(fact)
                return
            if self._waiting and not self.state.sales.line_count:
                self.settle()
            self.state.apply(fact)
        except Rejected:
            self.state.account(DEAD_LETTERED)

    def settle(self) -> None:
        """Fold the control facts that wait."""
        self.state.control(self._waiting)
        self._waiting = []


async def replay_log(
    reader: LogReader,
    names: TopicNames,
    rules: Rules,
    boards: BoardWriter,
    *,
    groups: Collection[Group],
    progress: Progress = lambda _: None,
) -> Replayed:
    """Fold the source topics up to their ends as they are now, one partition in memory at a time."""
    partition_count = await reader.partition_count()
    control = await ControlPrefix.read(reader, names, partition_count)
    await boards.begin(VERSION, partition_count)
    accounting, read_count, built = Accounting(), 0, {}
    for partition in range(partition_count):
        fold = SourceFold(partition, partition_count, rules, reader=reader, control=control, names=names)
        ends = await ends_of(reader, partition, control)
        await fold.advance(ends)
        built[partition] = await _show(fold.state, boards, groups, ends)
        accounting = accounting.plus(fold.state.accounting)
        read_count += fold.read_count
        progress(fold.read_count)
    await boards.swap("", VERSION, built)
    return Replayed(accounting, read_count)


async def _show(state: PartitionState, boards: BoardWriter, groups: Collection[Group], offsets: dict[str, int]) -> str:
    """Put what a partition adds to the wanted groups into the store; returns its position text there."""
    _, rows = state.flush()
    buckets = {group.bucket for group in groups if not isinstance(group, DocumentGroup)}
    changes = changes_of(entry for entry in flush_entries(rows, buckets) if entry.group in groups)
    target = str(Position(0, 0, offsets))
    await boards.step(VERSION, state.partition, NEW, target, changes)
    await boards.move(VERSION, state.partition, NEW, target, [change.group for change in changes])
    return target
