"""Verify: folds the sources again and compares every live board at the offsets that the board itself names.

The boards are dumped first, each with its as_of; then every partition is folded once from its start, with a stop at
each as_of that some board names for it. What the partition adds to a board is taken at that stop. One partition is in
memory at a time, and nothing of the engine or its changelog is read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from domain.accounting import Accounting
from domain.boards import DocumentGroup, Group
from domain.partition import PartitionState, Rules
from domain.rows import flush_entries
from processors.comparison import Difference, ExpectedGroup, compare
from processors.log_reader import LogReader
from processors.source_fold import ControlPrefix, SourceFold
from processors.topics import SOURCES, TopicNames
from projections.changes import changes_of
from projections.ports import BoardStore, GroupChange, GroupDump, Position

DUMP_GROUPS = 200
DUMP_TRIES = 5
ACCOUNTING = DocumentGroup("accounting")

Offsets = Mapping[str, int]
Vector = tuple[int, ...]
Progress = Callable[[str], None]


class CannotCompare(Exception):  # noqa: N818 - a state of the world
    """There is no version to compare, or it changes faster than it can be read."""


@dataclass
class VerifyReport:
    """What was compared.

    Attributes:
        accounting: records up to the version's positions, by outcome, counted from the sources.
        record_count: the same records, counted one by one: accounting is closed when its sum is this.
        behind_count: records in the sources after the version's positions, which no board shows yet.
    """

    version: str = ""
    boards_compared: int = 0
    rows_compared: int = 0
    accounting: Accounting = field(default_factory=Accounting)
    record_count: int = 0
    behind_count: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def equal(self) -> bool:
        """Whether every board is what the log says, and every record has an outcome."""
        return not self.differences and self.accounting.read == self.record_count


def vector(offsets: Offsets) -> Vector:
    """Offsets in a fixed order, -1 for none: of two marks of a partition, the later is the greater in every place."""
    return tuple(offsets.get(source, -1) for source in (*SOURCES, "control"))


@dataclass(slots=True)
class _Dumped:
    """The live boards as read: the version's positions first, so that a group that is missing later is missed."""

    version: str
    pos: dict[int, Offsets]
    groups: dict[Group, GroupDump]


async def verify(
    boards: BoardStore,
    reader: LogReader,
    names: TopicNames,
    rules: Rules,
    *,
    buckets: Collection[str] = (),
    progress: Progress = lambda _: None,
) -> VerifyReport:
    """Compare every live board with the fold of the log at its own as_of.

    Args:
        boards: the live store.
        reader: connected to the log.
        names: topic names.
        rules: of the deployment.
        buckets: compare only the boards of these, and no documents; empty = everything.
        progress: told what is being done.

    Raises:
        CannotCompare: the boards are being rebuilt.
    """
    dumped = await _dump(boards, buckets)
    progress(f"{len(dumped.groups)} groups of boards read")
    report = VerifyReport(dumped.version)
    expected: dict[Group, ExpectedGroup] = {}
    count = await reader.partition_count()
    control = await ControlPrefix.read(reader, names, count)
    for partition in range(count):
        fold = SourceFold(partition, count, rules, reader=reader, control=control, names=names)
        await _fold_partition(fold, dumped, expected, report, buckets)
        progress(f"partition {partition}: {fold.read_count} records folded")
    for group in expected.keys() | dumped.groups.keys():
        compare(group, expected.get(group, ExpectedGroup()), dumped.groups.get(group), report)
    return report


async def _dump(boards: BoardStore, buckets: Collection[str]) -> _Dumped:
    for _ in range(DUMP_TRIES):
        version, pos = await boards.where()
        if not version or not pos:
            raise CannotCompare("there is no version of the boards: they are being built or rebuilt")
        found, groups = await boards.groups()
        wanted = [group for group in groups if wants(group, buckets)]
        dumps: list[GroupDump | None] = []
        for at in range(0, len(wanted), DUMP_GROUPS):
            dumps += await boards.dump(version, wanted[at : at + DUMP_GROUPS])
        if found == version and None not in dumps:
            offsets: dict[int, Offsets] = {partition: Position.parse(text).offsets for partition, text in pos.items()}
            return _Dumped(version, offsets, {dump.group: dump for dump in dumps if dump is not None})
    raise CannotCompare("the boards were rebuilt while they were read, several times")


def wants(group: Group, buckets: Collection[str]) -> bool:
    """Whether a group is compared: all, or those of the named buckets."""
    return not buckets or (not isinstance(group, DocumentGroup) and group.bucket in buckets)


async def _fold_partition(
    fold: SourceFold,
    dumped: _Dumped,
    expected: dict[Group, ExpectedGroup],
    report: VerifyReport,
    buckets: Collection[str],
) -> None:
    """Fold one partition, stopping at every as_of that a board names for it, and note what it adds there."""
    partition = fold.state.partition
    stops: dict[Vector, list[Group]] = defaultdict(list)
    offsets: dict[Vector, Offsets] = {}
    for group, dump in dumped.groups.items():
        at = dump.as_of.get(partition, {})
        stops[vector(at)].append(group)
        offsets[vector(at)] = at
    end = dumped.pos.get(partition, {})
    stops.setdefault(vector(end), [])
    offsets[vector(end)] = end
    held: dict[Group, GroupChange] = {}
    for stop in sorted(stops):
        await fold.advance(offsets[stop])
        _hold(fold.state, held, buckets)
        for group in stops[stop]:
            if group in held:
                expected.setdefault(group, ExpectedGroup()).add(partition, held[group])
        if stop == vector(end):
            report.accounting = report.accounting.plus(fold.state.accounting)
            report.record_count += fold.read_count
            report.behind_count += await fold.behind(end)
            for group, change in held.items():
                if group not in dumped.groups:
                    expected.setdefault(group, ExpectedGroup()).add(partition, change)


def _hold(state: PartitionState, held: dict[Group, GroupChange], buckets: Collection[str]) -> None:
    """Bring what this partition says of every group up to the state."""
    _, rows = state.flush()
    said = flush_entries(rows, buckets or None)
    for change in changes_of(entry for entry in said if wants(entry.group, buckets)):
        known = held.setdefault(change.group, GroupChange(change.group))
        known.cells.update(change.cells)
        known.targets.update(change.targets)
        known.documents.update(change.documents)
