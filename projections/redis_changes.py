"""Changes as the step script reads them: MessagePack, with each reach once and members as flat lists."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from domain.rows import REACHES_CACHED_MAX, Reach
from projections.ports import Flush, GroupChange, ReachCells
from projections.texts import cell_text, mark_of, reach_text, targets_text

TARGET_WEIGHT = 20
TARGETED_WEIGHT = 3
"""So many times as much costs a member that is on attainment boards, too."""

DOCUMENT_BYTES = 200

_encode = msgspec.msgpack.Encoder().encode


class Piece(NamedTuple):
    """What one call does of a change: all of it, or a slice.

    Attributes:
        number: place of the flush among those that are written together.
        at: place of the change in the flush.
        change: the change, or the members of it that this slice sets.
        slice: number of the slice, from 1; 0 = it is the whole change.
        last: whether nothing of the change follows.
        attempt: a name never used before, the same for all slices of a change.
    """

    number: int
    at: int
    change: GroupChange
    slice: int = 0
    last: bool = True
    attempt: str = ""


def calls(flushes: Sequence[Flush], weight_max: int, targeted: Collection[Group] = ()) -> Iterator[list[Piece]]:
    """What to do in each call, so that none stalls Redis for long; a change too large for one call goes in slices.

    What several flushes change of a group stands together.

    Args:
        flushes: of different partitions.
        weight_max: values that one call writes, about.
        targeted: groups known to have attainment boards: their members are ranked there, too.
    """
    some: list[Piece] = []
    room = weight_max
    for number, at, change in _by_group(flushes):
        weights = _weights(change, TARGETED_WEIGHT if change.targets or change.group in targeted else 1)
        weight = sum(weights)
        if some and weight > room:
            yield some
            some, room = [], weight_max
        if weight > weight_max:
            attempt = uuid.uuid4().hex
            *before, end = _slices(change, weights, weight_max)
            yield from ([Piece(number, at, *each, attempt)] for each in before)
            some, room = [Piece(number, at, *end, attempt)], 0
        else:
            some.append(Piece(number, at, change))
            room -= weight
    if some:
        yield some


def _by_group(flushes: Sequence[Flush]) -> Iterator[tuple[int, int, GroupChange]]:
    """(number of the flush, place in it, change), each group's changes side by side."""
    found: dict[Group, list[tuple[int, int, GroupChange]]] = {}
    for number, flush in enumerate(flushes):
        for at, change in enumerate(flush.changes):
            found.setdefault(change.group, []).append((number, at, change))
    return itertools.chain.from_iterable(found.values())


def _weights(change: GroupChange, times: int) -> list[int]:
    """Of each entry, in the order in which slices take them: about how many values it writes."""
    weights = []
    for cells in change.reached.values():  # loops: expressions in place of them take half as long again
        weight = 0
        for reach, _ in cells:
            weight += 2 + len(reach[1])
        weights.append(times * weight)
    weights += [TARGET_WEIGHT] * len(change.targets)
    weights += [1 + len(text) // DOCUMENT_BYTES for text in change.documents.values()]
    return weights


def _slices(change: GroupChange, weights: Sequence[int], weight_max: int) -> Iterator[tuple[GroupChange, int, bool]]:
    """(part, number, is the last) of a change; a member that is too large alone is a slice alone."""
    number, part, room, left = 1, GroupChange(change.group), weight_max, change.size
    entries = (
        (kind, name, value)
        for kind in ("reached", "targets", "documents")
        for name, value in getattr(change, kind).items()
    )
    for (kind, name, value), weight in zip(entries, weights, strict=True):
        if part.size and weight > room:
            yield part, number, False
            number, part, room = number + 1, GroupChange(change.group), weight_max
        getattr(part, kind)[name] = value
        room -= weight
        left -= 1
        if left == 0:
            yield part, number, True


def flushes_of(pieces: Sequence[Piece]) -> list[int]:
    """The numbers of the flushes that have a piece here, in the order in which a call speaks of them."""
    return list(dict.fromkeys(piece.number for piece in pieces))


def encoded(flushes: Sequence[Flush], pieces: Sequence[Piece]) -> bytes:
    """The last argument of the step script; ``lua/step.lua``, ``reps.lua`` and ``units.lua`` say what is in it.

    Raises:
        ValueError: a change of a sales board; it is written with its bucket, by reach.
    """
    names, places = _Names(), {number: place for place, number in enumerate(flushes_of(pieces), 1)}
    heads = [
        (str(flush.partition), flush.start, mark_of(flush.target), flush.target)
        for flush in map(flushes.__getitem__, places)
    ]
    groups = []
    for group, some in itertools.groupby(pieces, lambda piece: piece.change.group):
        parts = [_part(piece, places[piece.number], names) for piece in some]
        groups.append(_head(group) | {"parts": parts})
    return _encode({"flushes": heads, "boards": list(names.boards), "reaches": names.told, "groups": groups})


class _Names:
    """What the changes of a call speak of, each told once; places count from 1, as in Lua."""

    def __init__(self) -> None:
        self.boards: dict[str, int] = {}
        self.told: list[tuple[str | int, ...]] = []
        self._reaches: dict[Reach, int] = {}
        self._same: dict[int, int] = {}  # by the id of a reach, which the change keeps alive: to hash one is dear

    def reach(self, reach: Reach) -> int:
        """The place of a reach."""
        place = self._same.get(id(reach))
        if place is None:
            place = self._same[id(reach)] = self._place(reach)
        return place

    def _place(self, reach: Reach) -> int:
        place = self._reaches.get(reach)
        if place is None:
            place = self._reaches[reach] = len(self._reaches) + 1
            text, boards = _named(reach)
            self.told.append((text, *map(self.board, boards)))
        return place

    def board(self, name: str) -> int:
        """The place of a board."""
        return self.boards.setdefault(name, len(self.boards) + 1)


@lru_cache(maxsize=REACHES_CACHED_MAX)
def _named(reach: Reach) -> tuple[str, list[str]]:
    """The text of a reach, and the boards of its scopes."""
    members, scopes = reach
    return reach_text(reach), [f"{scope}/{members}" for scope in scopes]


def _head(group: Group) -> dict[str, Any]:
    told: dict[str, Any] = {"group": str(group)}
    if isinstance(group, AttainmentGroup):
        told |= {"bucket": group.bucket, "of_reps": group.kind == "rep"}
    return told


def _part(piece: Piece, place: int, names: _Names) -> dict[str, Any]:
    """What a flush says of a group."""
    told: dict[str, Any] = {"flush": place}
    if piece.slice:
        told |= {"slice": piece.slice, "last": piece.last, "attempt": piece.attempt}
    change = piece.change
    if isinstance(change.group, DocumentGroup):
        return told | {"documents": [x for pair in change.documents.items() for x in pair]}
    if isinstance(change.group, BoardGroup) or change.cells:
        raise ValueError(f"{change.group}: cells are written by reach")
    told["targets"] = [x for member, held in change.targets.items() for x in (member, targets_text(held))]
    return told | (_reps(change.reached, names) if change.group.kind == "rep" else _units(change.reached, names))


def _reps(reached: dict[str, ReachCells], names: _Names) -> dict[str, Any]:
    one: list[Any] = []
    off: list[Any] = []
    several: list[Any] = []
    for member, cells in reached.items():
        if len(cells) == 1:
            reach, cell = cells[0]
            if cell[3] > 0:
                one += (member, names.reach(reach), f"{cell[0]} {cell[1]} {cell[2]} {cell[3]}", -cell[0])
                continue
            if cell == EMPTY:
                off += (member, names.reach(reach))
                continue
        several.append((member, _held(cells, names), _ranked(cells, names)))
    return {"one": one, "off": off, "several": several}


def _units(reached: dict[str, ReachCells], names: _Names) -> dict[str, Any]:
    one: list[Any] = []
    several: list[Any] = []
    for member, cells in reached.items():
        if len(cells) == 1:
            reach, cell = cells[0]
            one += (member, names.reach(reach), f"{cell[0]} {cell[1]} {cell[2]} {cell[3]}", *cell)
        else:
            several.append((member, [x for reach, cell in cells for x in (names.reach(reach), *cell)]))
    return {"one": one, "several": several}


def _held(cells: ReachCells, names: _Names) -> list[Any]:
    """Reach and text of each cell that is not empty."""
    return [x for reach, cell in cells if cell != EMPTY for x in (names.reach(reach), cell_text(cell))]


def _ranked(cells: ReachCells, names: _Names) -> list[Any]:
    """Every board that a rep ever stood on, and its score there; False takes it off."""
    totals: dict[str, Cell] = {}
    for reach, cell in cells:
        for board in _named(reach)[1]:
            totals[board] = totals.get(board, EMPTY).plus(cell)
    return [
        x for board, cell in totals.items() for x in (names.board(board), -cell.revenue if cell.lines > 0 else False)
    ]
