"""From state rows and board entries to changes of groups: what one flush sets, last value wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from domain.boards import AttainmentGroup, Group
from domain.calendar import buckets_of
from domain.entries import CellEntry, DocumentEntry, Entry, TargetEntry, WholeEntry
from domain.rows import (
    BUCKETS_PER_DAY,
    CELLS,
    cells_by_reach,
    entries,
    one_reach_cells,
    one_reach_of,
    reach_of,
    row_identity,
)
from projections.ports import GroupChange, ReachCells

_ALL_BUCKETS: Final = range(BUCKETS_PER_DAY)


def changes_of(entries: Iterable[Entry]) -> list[GroupChange]:
    """Group entries, given in log order; of several with the same group and field the last one is kept."""
    changes: dict[Group, GroupChange] = {}
    for entry in entries:
        group = entry.group
        change = changes.get(group)
        if change is None:
            change = changes[group] = GroupChange(group)
        match entry:
            case CellEntry() | WholeEntry():
                change.cells[entry.member_id] = entry.cell
            case TargetEntry():
                change.targets[entry.member_id] = entry.stands, entry.targets
            case DocumentEntry():
                change.documents[entry.document_id] = entry.text
            case _:
                assert_never(entry)
    return list(changes.values())


def changes_of_rows(rows: Sequence[tuple[bytes, bytes]]) -> list[GroupChange]:
    """What the rows of a flush set, with the cells of each member and bucket by reach.

    A row holds every reach that its member ever had in each of its buckets. So the newest row that names a member and a
    bucket says all about them, and nothing is read of older ones: a month's cell stands in the rows of thirty days.

    Args:
        rows: in the order of the log, each key at most once; ledger rows and deletions left out.
    """
    changes: dict[Group, GroupChange] = {}
    days: dict[tuple[str, str], list[dict[str, ReachCells]]] = {}
    met: set[tuple[str, str]] = set()
    for key, value in reversed(rows):
        if key[:1] == CELLS:
            kind, member_id, day = row_identity(key)
            buckets = days.get((kind, day))
            if buckets is None:
                groups = [AttainmentGroup(kind, bucket) for bucket in buckets_of(day)]
                buckets = days[kind, day] = [_change(changes, group).reached for group in groups]
            if (member := (kind, member_id)) not in met:
                met.add(member)
                _hold(buckets, _ALL_BUCKETS, member_id, value)
            elif fresh := [at for at, held in enumerate(buckets) if member_id not in held]:
                _hold(buckets, fresh, member_id, value)
        else:
            for entry in entries(key, value):
                match entry:
                    case TargetEntry():
                        _change(changes, entry.group).targets[entry.member_id] = entry.stands, entry.targets
                    case DocumentEntry():
                        _change(changes, entry.group).documents[entry.document_id] = entry.text
    return list(changes.values())


def _hold(buckets: list[dict[str, ReachCells]], fresh: Sequence[int], member_id: str, value: bytes) -> None:
    """Take what a row says of some of its buckets."""
    one = one_reach_of(value)
    if one is None:
        by_reach = cells_by_reach(value)
        for at in fresh:
            buckets[at][member_id] = tuple(by_reach[at])
    else:
        reach = reach_of(one)
        cells = one_reach_cells(value)
        for at in fresh:
            buckets[at][member_id] = ((reach, cells[at]),)


def _change(changes: dict[Group, GroupChange], group: Group) -> GroupChange:
    change = changes.get(group)
    if change is None:
        change = changes[group] = GroupChange(group)
    return change
