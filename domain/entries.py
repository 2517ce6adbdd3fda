"""Board entries: what a state row of the changelog changes on the boards.

A state row names every entry that it sets, as an absolute value, so that whoever projects it needs to know nothing
about the organisation, the calendar or the rules. Of several entries with one group and field the last one is right.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup
from domain.cells import Cell


@dataclass(frozen=True, slots=True)
class CellEntry:
    """One partition's part of a member's cell on the sales boards of a group."""

    group: BoardGroup
    member_id: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class WholeEntry:
    """One partition's part of a member's whole cell in a bucket, over all scopes."""

    group: AttainmentGroup
    member_id: str
    cell: Cell


@dataclass(frozen=True, slots=True)
class TargetEntry:
    """A member's targets in a bucket, and the boards it stands on by them.

    Attributes:
        stands: (unit_id, members) of every attainment board that lists the member, complete; empty takes it off all.
        targets: metric to value, only values above 0.
    """

    group: AttainmentGroup
    member_id: str
    stands: tuple[tuple[str, str], ...]
    targets: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class DocumentEntry:
    """A JSON document; only one partition ever writes a given id."""

    group: DocumentGroup
    document_id: str
    text: str


Entry = CellEntry | WholeEntry | TargetEntry | DocumentEntry
