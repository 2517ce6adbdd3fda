"""Changes as the step script reads them: MessagePack, with each reach once and members as flat lists."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from domain.boards import BoardGroup, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from domain.rows import REACHES_CACHED_MAX, Reach
from projections.ports import GroupChange, ReachCells
from projections.texts import cell_text, reach_text, targets_text

TARGET_WEIGHT = 20
TARGETED_WEIGHT = 3
"""So many times as much costs a member that is on attainment boards, too."""

DOCUMENT_BYTES = 200

_encode = msgspec.msgpack.Encoder().encode


class Piece(NamedTuple):
    """What one call does of a change: all of it, or a slice.

    Attributes:
        at: place of the change in the flush.
        change: the change, or the members of it that this slice sets.
        slice: number of the slice, from 1; 0 = it is the whole change.
        last: whether nothing of the change follows.
        attempt: a name never used before, the same for all slices of a change.
    """

    at: int
    change: GroupChange
    slice: int = 0
    last: bool = True
    attempt: str = ""


def calls(changes: Sequence[GroupChange], weight_max: int, targeted: Collection[Group] = ()) -> Iterator[list[Piece]]:
    """What to do in each call, so that none stalls Redis for long; a change too large for one call goes in slices.

    Args:
        changes: each group once.
        weight_max: values that one call writes, about.
        targeted: groups known to have attainment boards: their members are ranked there, too.
    """
    some: list[Piece] = []
    room = weight_max
    for at, change in enumerate(changes):
        weights = _weights(change, TARGETED_WEIGHT if change.targets or change.group in targeted else 1)
        weight = sum(weights)
        if some and weight > room:
            yield some
            some, room = [], weight_max
        if weight > weight_max:
            attempt = uuid.uuid4().hex
            *before, (number, part, last) = _slices(change, weights, weight_max)
            yield from ([Piece(at, part, number, last, attempt)] for number, part, last in before)
            some, room = [Piece(at, part, number, last, attempt)], 0
        else:
            some.append(Piece(at, change))
            room -= weight
    if some:
        yield some


def _weights(change: GroupChange, times: int) -> list[int]:
    """Of each entry, in the order of ``_entries``: about how many values it writes."""
    return [
        *(times * sum([2 + len(scopes) for (_, scopes), _ in cells]) for cells in change.reached.values()),
        *(TARGET_WEIGHT for _ in change.targets),
        *(1 + len(text) // DOCUMENT_BYTES for text in change.documents.values()),
    ]


def _slices(change: GroupChange, weights: Sequence[int], weight_max: int) -> Iterator[tuple[int, GroupChange, bool]]:
    """(number, part, is the last) of a change; a member that is too large alone is a slice alone."""
    number, part, room, left = 1, GroupChange(change.group), weight_max, change.size
    entries = (
        (kind, name, value)
        for kind in ("reached", "targets", "documents")
        for name, value in getattr(change, kind).items()
    )
    for (kind, name, value), weight in zip(entries, weights, strict=True):
        if part.size and weight > room:
            yield number, part, False
            number, part, room = number + 1, GroupChange(change.group), weight_max
        getattr(part, kind)[name] = value
        room -= weight
        left -= 1
        if left == 0:
            yield number, part, True


def encoded(pieces: Sequence[Piece]) -> bytes:
    """The last argument of the step script; ``lua/step.lua``, ``reps.lua`` and ``units.lua`` say what is in it.

    Raises:
        ValueError: a change of a sales board; it is written with its bucket, by reach.
    """
    names = _Names()
    changes = [_sliced(piece, _told(piece.change, names)) for piece in pieces]
    return _encode({"boards": list(names.boards), "reaches": names.told, "changes": changes})


class _Names:
    """What the changes of a call speak of, each told once; places count from 1, as in Lua."""

    def __init__(self) -> None:
        self.boards: dict[str, int] = {}
        self.told: list[tuple[str | int, ...]] = []
        self._reaches: dict[Reach, int] = {}

    def reach(self, reach: Reach) -> int:
        """The place of a reach."""
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


def _sliced(piece: Piece, told: dict[str, Any]) -> dict[str, Any]:
    if piece.slice:
        told |= {"slice": piece.slice, "last": piece.last, "attempt": piece.attempt}
    return told


def _told(change: GroupChange, names: _Names) -> dict[str, Any]:
    group = change.group
    told: dict[str, Any] = {"group": str(group)}
    if isinstance(group, DocumentGroup):
        return told | {"documents": [x for pair in change.documents.items() for x in pair]}
    if isinstance(group, BoardGroup) or change.cells:
        raise ValueError(f"{group}: cells are written by reach")
    told["bucket"] = group.bucket
    told["of_reps"] = group.kind == "rep"
    told["targets"] = [x for member, held in change.targets.items() for x in (member, targets_text(held))]
    return told | (_reps(change.reached, names) if group.kind == "rep" else _units(change.reached, names))


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
