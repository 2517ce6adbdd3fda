"""What the shells need of a board store: a writer for the projector, a reader for the API, replay and verify.

Two implementations keep the same contract: boards in Redis and boards in memory.

A *position text* is ``mark|epoch|{"control":n,"reps":n,"sales":n,"targets":n}``: the offset of a changelog mark, its
writer's epoch, and the source offsets that the state holds there. ``NEW`` stands for "nothing yet" and is written
explicitly, so that its loss is seen.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from domain.boards import AttainmentGroup, BoardName, Group
from domain.cells import Cell
from domain.rows import Reach

NEW = "-1|-1|{}"

Offsets = Mapping[str, int]
"""Source name (``sales``, ``targets``, ``reps``, ``control``) to the last offset folded; absent if none."""

Targets = tuple[tuple[tuple[str, str], ...], tuple[tuple[str, int], ...]]
"""A member's stands ((unit_id, members), …) and its targets ((metric, value), …), values above 0."""


ReachCells = tuple[tuple[Reach, Cell], ...]
"""A member's cells in a bucket by reach, complete: a scope's cell is the sum over the reaches that hold it, the whole
cell the sum over all."""


class BoardsUnavailable(Exception):  # noqa: N818 - the store's state, not a fault of ours
    """The board store did not answer, or could not: what was asked may or may not have been done."""


class Position(NamedTuple):
    """A mark of one changelog partition."""

    mark: int
    epoch: int
    offsets: dict[str, int]

    @classmethod
    def parse(cls, text: str) -> Position:
        """Read a position text."""
        mark, epoch, offsets = text.split("|", 2)
        return cls(int(mark), int(epoch), json.loads(offsets))

    def __str__(self) -> str:
        return f"{self.mark}|{self.epoch}|" + json.dumps(self.offsets, sort_keys=True, separators=(",", ":"))


class Said(StrEnum):
    """What a compare-and-set answered."""

    DONE = "ok"
    SKIPPED = "skipped"
    REFUSED = "refused"
    BEHIND = "behind"


@dataclass(slots=True)
class GroupChange:
    """What one flush of one partition sets in a group; each value is absolute and is this partition's part.

    An attainment group is written together with the sales boards of its member kind and bucket: they share its cells
    and its own marks.

    Attributes:
        group: the group.
        cells: of an attainment group, whole cells without any sales board; of a board group, cells of its boards.
            Only boards in memory take them.
        targets: of an attainment group.
        documents: of a document group.
        reached: of an attainment group: members to everything that the partition says of them in the bucket. It sets
            whole cells and the sales boards of every scope.
    """

    group: Group
    cells: dict[str, Cell] = field(default_factory=dict)
    targets: dict[str, Targets] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    reached: dict[str, ReachCells] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Changed entries."""
        return len(self.cells) + len(self.targets) + len(self.documents) + len(self.reached)


class Flush(NamedTuple):
    """What takes one partition of a version from the mark that it shows to a later one.

    Attributes:
        partition: which.
        start: position text that the version shows.
        target: position text to show.
        changes: what is different then; each group once.
    """

    partition: int
    start: str
    target: str
    changes: Sequence[GroupChange]


class BoardWriter(Protocol):
    """The projector's side: every call is a compare-and-set that may be repeated.

    Every call may raise BoardsUnavailable; then only the store knows whether it was done.
    """

    async def where(self) -> tuple[str, dict[int, str]]:
        """The current version ("" if there is none) and its position text per partition, read in one step."""

    async def begin(self, version: str, partition_count: int) -> None:
        """Create a version that nobody reads yet, at ``NEW`` in every partition."""

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        """Write each change in one atomic step of its own, those of several partitions together: it costs less.

        Of each flush the answer to each change: REFUSED unless the version's position of the partition is ``start``;
        SKIPPED if the group's own mark for the partition is not older than ``target``'s; else written and DONE. Of a
        group of units all may be REFUSED while somebody else writes to it or moves the position of one.
        """

    async def move(self, version: str, flushes: Sequence[Flush]) -> list[Said]:
        """Move each position from start to target; REFUSED unless it is ``start`` and every group shows that."""

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        """Point readers at a built version; REFUSED if pointer or a built position changed, BEHIND if it shows less."""

    async def drop(self, version: str) -> None:
        """Unlink all keys of a version; does nothing to the current one."""

    async def forget(self, version: str) -> None:
        """Take the pointer away if it names this version: readers are told `rebuilding`. For boards of another log."""

    async def keep(self, version: str) -> None:
        """Say that the builder of a version is alive, so that nobody sweeps it."""

    async def sweep(self, silent_seconds: int) -> list[str]:
        """Drop versions that are not current and whose builder was silent for so long; their names."""

    async def announce(self, version: str, groups: Sequence[Group]) -> None:
        """Tell readers which groups changed; no groups, or very many: all of them."""

    async def close(self) -> None:
        """Close connections."""


class BoardEntry(NamedTuple):
    """One member of a board as stored."""

    member_id: str
    score: int
    cell: Cell
    target: int | None


@dataclass(frozen=True, slots=True)
class BoardView:
    """A whole board in total order (score descending, member_id ascending), with the offsets it has folded.

    Attributes:
        as_of: per partition the later of the version's position and the group's own mark; a partition at NEW has {}.
        entries: on a sales board ``target`` is None; on an attainment board ``cell`` is the whole cell.
    """

    name: BoardName
    as_of: dict[int, dict[str, int]]
    entries: tuple[BoardEntry, ...]


@dataclass(frozen=True, slots=True)
class AttainmentView:
    """Whole cells and targets of every member of a kind in a bucket."""

    group: AttainmentGroup
    as_of: dict[int, dict[str, int]]
    whole: dict[str, Cell]
    targets: dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class DocumentsView:
    """The documents of a collection; ``documents`` is None when nothing changed since the caller's ``known`` tag."""

    collection: str
    as_of: dict[int, dict[str, int]]
    tag: str
    documents: dict[str, str] | None


@dataclass(frozen=True, slots=True)
class SnapshotRequest:
    """What to read in one atomic step. ``documents``: collection to the tag already known ("" = none)."""

    boards: tuple[BoardName, ...] = ()
    attainments: tuple[AttainmentGroup, ...] = ()
    documents: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything asked for, at one instant of one version. ``version`` is "" while there is none (rebuilding)."""

    version: str
    boards: dict[BoardName, BoardView] = field(default_factory=dict)
    attainments: dict[AttainmentGroup, AttainmentView] = field(default_factory=dict)
    documents: dict[str, DocumentsView] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GroupDump:
    """A group as stored, for ``verify``: the sets' scores and the cells apart, read in one atomic step.

    Attributes:
        sets: per sorted-set board, member to score (highest is best; the stored sign is undone).
        cells: member to cell summed over partitions.
        parts: (member, partition) to that partition's part; rep groups have one part a member.
            An attainment score beyond 2^53 is only as exact as a double.
        targets: member to its targets by metric, and the boards it stands on.
    """

    group: Group
    as_of: dict[int, dict[str, int]]
    sets: dict[BoardName, dict[str, float]]
    cells: dict[str, Cell]
    parts: dict[tuple[str, int], Cell]
    targets: dict[str, Targets]
    documents: dict[str, str]


class BoardReader(Protocol):
    """The readers' side."""

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        """Read boards, attainments and documents of the current version in one atomic step."""

    async def groups(self) -> tuple[str, list[Group]]:
        """The current version and all its groups."""

    async def dump(self, version: str, groups: Sequence[Group]) -> list[GroupDump | None]:
        """Each group as stored; None for one whose version is gone."""

    def changed(self) -> AsyncIterator[tuple[str, list[str]]]:
        """Each (version, names of changed groups) as it is announced.

        Without names anything may have changed: ("", []) comes whenever the subscription begins, also again.
        """

    async def close(self) -> None:
        """Close connections."""


class BoardStore(BoardWriter, BoardReader, Protocol):
    """Both sides."""
