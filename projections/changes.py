"""From board entries to changes of groups: what one flush sets, last value wins."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from domain.boards import Group
from domain.entries import CellEntry, DocumentEntry, Entry, TargetEntry, WholeEntry
from projections.ports import GroupChange


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
