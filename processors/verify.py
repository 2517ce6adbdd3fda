"""Verify: folds the sources again and compares every live board at the offsets that the board itself names.

The boards are dumped first, each with its as_of; then every partition is folded once from its start, with a stop at
each as_of that some board names for it. What the partition adds to a board is taken at that stop. A share has one
partition in memory at a time. Nothing of the engine decides anything here, and its changelog is not read: only the
way of records from the broker is shared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from domain.accounting import Accounting
from domain.boards import Group
from domain.partition import Rules
from processors.comparison import Difference, ExpectedGroup, compare
from processors.log_reader import LogReader
from processors.replay_log import dealt
from processors.shares import ALONE, Folded, Piece, Told, Workers
from processors.topics import SOURCES, TopicNames
from processors.verify_share import Offsets, Stops, Vector, VerifyShare, vector, wants
from projections.ports import BoardStore, GroupDump, Position

DUMP_GROUPS = 200
DUMP_TRIES = 5

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
    workers: Workers = ALONE,
    progress: Progress = lambda _: None,
) -> VerifyReport:
    """Compare every live board with the fold of the log at its own as_of.

    Args:
        boards: the live store.
        reader: connected to the log; tells where it ends. Each share has one of its own.
        names: topic names.
        rules: of the deployment.
        buckets: compare only the boards of these, and no documents; empty = everything.
        workers: who folds the log.
        progress: told what is being done.

    Raises:
        CannotCompare: the boards are being rebuilt.
        ShareFailed: the log can't be read, or a share did not come to its end.
    """
    dumped = await _dump(boards, buckets)
    progress(f"{len(dumped.groups)} groups of boards read")
    report = VerifyReport(dumped.version)
    expected: dict[Group, ExpectedGroup] = {}

    async def take(told: Told) -> None:
        match told:
            case Piece():
                for change in told.changes:
                    part = change.read()
                    expected.setdefault(part.group, ExpectedGroup()).add(told.partition, part)
            case Folded():
                report.accounting = report.accounting.plus(Accounting(told.accounting))
                report.record_count += told.read_count
                report.behind_count += await _behind(reader, told)
                progress(f"partition {told.partition}: {told.read_count} records folded")

    count = await reader.partition_count()
    parts = dealt({partition: dict(dumped.pos.get(partition, {})) for partition in range(count)}, workers.shares)
    shares = [
        VerifyShare(
            reader.bootstrap_servers, names, count, {partition: _stops(dumped, partition) for partition in part},
            rules, frozenset(buckets),
        )
        for part in parts
    ]  # fmt: skip
    await workers.run(shares, take)
    for group in expected.keys() | dumped.groups.keys():
        compare(group, expected.get(group, ExpectedGroup()), dumped.groups.get(group), report)
    return report


def _stops(dumped: _Dumped, partition: int) -> Stops:
    """Where the fold of a partition stops: at the version's position, and at every other as_of that a board names."""
    end = dumped.pos.get(partition, {})
    groups: dict[Vector, set[Group]] = defaultdict(set)
    offsets: dict[Vector, Offsets] = {}
    for group, dump in dumped.groups.items():
        at = dump.as_of.get(partition, {})
        if vector(at) != vector(end):
            groups[vector(at)].add(group)
            offsets[vector(at)] = at
    return Stops(end, tuple((offsets[at], frozenset(found)) for at, found in groups.items()))


async def _behind(reader: LogReader, told: Folded) -> int:
    """Records of the sources of a partition after the offsets to which it was folded, as the log ends now."""
    ends = [await reader.end(source, told.partition) for source in SOURCES]
    return sum(max(0, end - 1 - told.offsets.get(source, -1)) for source, end in zip(SOURCES, ends, strict=True))


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
