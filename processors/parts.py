"""What a folded partition adds to boards, in pieces that are told one by one."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from functools import reduce
from itertools import chain
from typing import Any

from domain.boards import AttainmentGroup, BoardGroup, Group, MemberKind
from domain.cells import EMPTY, Cell
from domain.entries import DocumentEntry, TargetEntry
from domain.partition import PartitionState
from domain.rows import Reach, entries
from processors.shares import Change, Folded, Piece, Talk
from projections.ports import GroupChange, ReachCells

PIECE_ENTRIES_MAX = 1_000
"""Entries of a piece. It becomes one call of the board store: other clients of Redis want their turn."""

Part = tuple[Group, str, str, Any]
"""One entry: a group, the field of its `GroupChange`, a name in that field, and the value."""


async def tell_parts(
    talk: Talk, state: PartitionState, groups: Collection[Group] | None, offsets: dict[str, int], read_count: int
) -> None:
    """Tell everything that a partition adds to the wanted groups, and then that this is all.

    Args:
        talk: to whom.
        state: the folded partition.
        groups: the wanted ones; None = all.
        offsets: how far each source was folded.
        read_count: records that were read.
    """
    for changes in pieces_of(_all_parts(state) if groups is None else _wanted_parts(state, groups)):
        await talk.tell(Piece(state.partition, [Change.of(change) for change in changes]))
    await talk.tell(Folded(state.partition, offsets, dict(state.accounting.counts), read_count))


def pieces_of(parts: Iterable[Part]) -> Iterator[list[GroupChange]]:
    """Parts in pieces of at most ``PIECE_ENTRIES_MAX``; each group comes once in a piece."""
    piece: dict[Group, GroupChange] = {}
    room = PIECE_ENTRIES_MAX
    for group, field, name, value in parts:
        change = piece.get(group)
        if change is None:
            change = piece[group] = GroupChange(group)
        getattr(change, field)[name] = value
        room -= 1
        if room == 0:
            yield list(piece.values())
            piece, room = {}, PIECE_ENTRIES_MAX
    if piece:
        yield list(piece.values())


def _all_parts(state: PartitionState) -> Iterator[Part]:
    for kind, member_id, bucket, by_reach in state.cells_in(lambda _: True):
        yield AttainmentGroup(kind, bucket), "reached", member_id, by_reach
    yield from _fact_parts(state)


def _wanted_parts(state: PartitionState, groups: Collection[Group]) -> Iterator[Part]:
    wanted = _WantedCells(groups)
    for kind, member_id, bucket, by_reach in state.cells_in(wanted.buckets.__contains__):
        for group, cell in wanted.cells(kind, bucket, by_reach):
            yield group, "cells", member_id, cell
    yield from (part for part in _fact_parts(state) if part[0] in groups)


def _fact_parts(state: PartitionState) -> Iterator[Part]:
    for key, value in chain(state.fact_rows(), state.unit_rows()):
        for entry in entries(key, value):
            match entry:
                case TargetEntry():
                    yield entry.group, "targets", entry.member_id, (entry.stands, entry.targets)
                case DocumentEntry():
                    yield entry.group, "documents", entry.document_id, entry.text


class _WantedCells:
    """Which of a member's cells are wanted.

    Args:
        groups: the groups wanted.

    Attributes:
        buckets: theirs.
    """

    def __init__(self, groups: Collection[Group]) -> None:
        boards = [group for group in groups if isinstance(group, BoardGroup)]
        self._boards = {(group.unit_id, group.members, group.bucket): group for group in boards}
        self._wholes = {group for group in groups if isinstance(group, AttainmentGroup)}
        self.buckets = {group.bucket for group in boards} | {group.bucket for group in self._wholes}
        self._of_reach: dict[tuple[str, Reach], list[BoardGroup]] = {}

    def cells(self, kind: MemberKind, bucket: str, by_reach: ReachCells) -> Iterator[tuple[Group, Cell]]:
        """The wanted groups that a member stands in, and its cells there."""
        whole = AttainmentGroup(kind, bucket)
        if whole in self._wholes:
            yield whole, reduce(Cell.plus, (cell for _, cell in by_reach))
        if len(by_reach) == 1:
            [(reach, cell)] = by_reach
            for group in self._boards_of(bucket, reach):
                yield group, cell
            return
        sums: dict[BoardGroup, Cell] = {}
        for reach, cell in by_reach:
            for group in self._boards_of(bucket, reach):
                sums[group] = sums.get(group, EMPTY).plus(cell)
        yield from sums.items()

    def _boards_of(self, bucket: str, reach: Reach) -> list[BoardGroup]:
        known = self._of_reach.get((bucket, reach))
        if known is None:
            members, scopes = reach
            found = (self._boards.get((scope, members, bucket)) for scope in scopes)
            known = self._of_reach[bucket, reach] = [group for group in found if group is not None]
        return known
