"""Some partitions of the log, folded by one share up to the offsets that live boards name: what ``verify`` expects."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from domain.boards import DocumentGroup, Group
from domain.closing import ClosedTooLate
from domain.partition import PartitionState, Rules
from domain.rows import flush_entries
from events.registry import CONTROL
from processors.log_reader import LogReader, LogTooShort
from processors.parts import Part, pieces_of
from processors.shares import Change, Folded, Piece, ShareFailed, Talk
from processors.source_fold import ControlPrefix, SourceFold
from processors.topics import SOURCES, TopicNames, TopicsUnfit
from projections.changes import changes_of
from projections.ports import GroupChange

Offsets = Mapping[str, int]
Vector = tuple[int, ...]


def vector(offsets: Offsets) -> Vector:
    """Offsets in a fixed order, -1 for none: of two marks of a partition, the later is the greater in every place."""
    return tuple(offsets.get(source, -1) for source in (*SOURCES, CONTROL))


def wants(group: Group, buckets: Collection[str]) -> bool:
    """Whether a group is compared: all, or those of the named buckets."""
    return not buckets or (not isinstance(group, DocumentGroup) and group.bucket in buckets)


@dataclass(frozen=True, slots=True)
class Stops:
    """Where the fold of a partition stops.

    Attributes:
        end: the position of the version that is compared. What the partition adds to a group is taken here,
        others: or, for groups with an as_of of their own, at that.
    """

    end: Offsets
    others: tuple[tuple[Offsets, frozenset[Group]], ...]


@dataclass(frozen=True, slots=True)
class VerifyShare:
    """One of several that fold the log for ``verify``. It tells what each partition adds to each group at its stop.

    Attributes:
        bootstrap_servers: of the log.
        names: topic names.
        partition_count: of the deployment.
        stops: the partitions of this share, each with its stops.
        rules: of the deployment.
        buckets: only the groups of these, and no documents; empty = all.
    """

    bootstrap_servers: str
    names: TopicNames
    partition_count: int
    stops: Mapping[int, Stops]
    rules: Rules
    buckets: frozenset[str]

    async def run(self, talk: Talk) -> None:
        """See `Share.run`."""
        topics = {source: self.names.of(source) for source in (*SOURCES, CONTROL)}
        try:
            async with LogReader(self.bootstrap_servers, topics) as reader:
                await self.fold(reader, talk)
        except (ClosedTooLate, KafkaError, LogTooShort, TopicsUnfit) as error:
            raise ShareFailed(f"the log can't be read: {error}") from error

    async def fold(self, reader: LogReader, talk: Talk) -> None:
        """The same with a reader that is connected."""
        control = await ControlPrefix.read(reader, self.names, self.partition_count)
        for partition, stops in self.stops.items():
            fold = SourceFold(
                partition, self.partition_count, self.rules, reader=reader, control=control, names=self.names
            )
            await self._fold(fold, stops, talk)

    async def _fold(self, fold: SourceFold, stops: Stops, talk: Talk) -> None:
        elsewhere = frozenset(group for _, groups in stops.others for group in groups)
        held: dict[Group, GroupChange] = {}
        for offsets, groups in sorted([*stops.others, (stops.end, None)], key=lambda stop: vector(stop[0])):
            await fold.advance(offsets)
            self._hold(fold.state, held)
            if groups is not None:
                await self._tell(talk, fold, (held[group] for group in groups if group in held))
            else:
                await self._tell(talk, fold, (change for group, change in held.items() if group not in elsewhere))
                accounting = dict(fold.state.accounting.counts)
                await talk.tell(Folded(fold.state.partition, dict(offsets), accounting, fold.read_count))

    def _hold(self, state: PartitionState, held: dict[Group, GroupChange]) -> None:
        """Bring what this partition says of every group up to the state."""
        _, rows = state.flush()
        said = flush_entries(rows, self.buckets or None)
        for change in changes_of(entry for entry in said if wants(entry.group, self.buckets)):
            known = held.setdefault(change.group, GroupChange(change.group))
            known.cells.update(change.cells)
            known.targets.update(change.targets)
            known.documents.update(change.documents)

    async def _tell(self, talk: Talk, fold: SourceFold, changes: Iterator[GroupChange]) -> None:
        for piece in pieces_of(part for change in changes for part in _parts_of(change)):
            await talk.tell(Piece(fold.state.partition, [Change.of(change) for change in piece]))


def _parts_of(change: GroupChange) -> Iterator[Part]:
    for field in ("cells", "targets", "documents"):
        for name, value in getattr(change, field).items():
            yield change.group, field, name, value
