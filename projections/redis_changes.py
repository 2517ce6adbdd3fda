"""Changes as the step script reads them: MessagePack, with each reach once and members as flat lists."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from domain.rows import REACHES_CACHED_MAX, Reach
from projections.ports import Flush, GroupChange, ReachCells
from projections.texts import cell_text, mark_of, reach_text, targets_text
from projections.unit_parts import Unit

TARGET_WEIGHT = 20
TARGETED_WEIGHT = 3
"""So many times as much costs a member that is on attainment boards, too."""

DOCUMENT_BYTES = 200

_encode = msgspec.msgpack.Encoder().encode


Changes = list[tuple[int, int, GroupChange]]
"""What several flushes change of a group: (number of the flush, place in it, change)."""


class Tagged(NamedTuple):
    """What the step of a group of units is compared with, and leaves behind.

    Attributes:
        was: the tag of the group that the change was worked out from.
        now: a name never used before.
        units: the units that change.
    """

    was: str
    now: str
    units: Mapping[str, Unit]


class Piece(NamedTuple):
    """What one call does of a change of a group: all of it, or a slice.

    Attributes:
        of: whose it is, one flush's or, of units, that of several: (number of the flush, place of its change in it).
        change: the change, or the members of it that this slice sets; of units, their sums.
        slice: number of the slice, from 1; 0 = it is the whole change.
        last: whether nothing of the change follows.
        attempt: a name never used before, the same for all slices of a change.
        tagged: of units.
    """

    of: tuple[tuple[int, int], ...]
    change: GroupChange
    slice: int = 0
    last: bool = True
    attempt: str = ""
    tagged: Tagged | None = None


def calls(changes: Iterable[Piece], weight_max: int, targeted: Collection[Group] = ()) -> Iterator[list[Piece]]:
    """What to do in each call, so that none stalls Redis for long; a change too large for one call goes in slices.

    Args:
        changes: whole, each group's side by side.
        weight_max: values that one call writes, about.
        targeted: groups known to have attainment boards: their members are ranked there, too.
    """
    some: list[Piece] = []
    room = weight_max
    for piece in changes:
        change = piece.change
        weights = _weights(change, TARGETED_WEIGHT if change.targets or change.group in targeted else 1)
        weight = sum(weights)
        if some and weight > room:
            yield some
            some, room = [], weight_max
        if weight > weight_max:
            *before, end = _sliced(piece, weights, weight_max)
            yield from ([each] for each in before)
            some, room = [end], 0
        else:
            some.append(piece)
            room -= weight
    if some:
        yield some


def by_group(flushes: Sequence[Flush], numbers: Iterable[int], groups: Collection[Group] = ()) -> dict[Group, Changes]:
    """What the flushes of these numbers change of each group; of some groups alone, if any are named."""
    found: dict[Group, Changes] = {}
    for number in numbers:
        for at, change in enumerate(flushes[number].changes):
            if not groups or change.group in groups:
                found.setdefault(change.group, []).append((number, at, change))
    return found


def new_name() -> str:
    """A name never used before."""
    return uuid.uuid4().hex


def _sliced(piece: Piece, weights: Sequence[int], weight_max: int) -> Iterator[Piece]:
    """A change in slices; one of units is compared with the tag that the slice before it left behind."""
    attempt, tagged = new_name(), piece.tagged
    for change, number, last in _slices(piece.change, weights, weight_max):
        yield Piece(piece.of, change, number, last, attempt, tagged)
        if tagged is not None:
            tagged = tagged._replace(was=tagged.now, now=new_name())


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
    return list(dict.fromkeys(number for piece in pieces for number, _ in piece.of))


def encoded(flushes: Sequence[Flush], pieces: Sequence[Piece]) -> bytes:
    """The last argument of the step script; ``lua/step.lua`` and ``members.lua`` say what is in it.

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
        parts = [_part(piece, [places[number] for number, _ in piece.of], names) for piece in some]
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


def _part(piece: Piece, places: list[int], names: _Names) -> dict[str, Any]:
    """What a flush, or of units several together, says of a group."""
    told: dict[str, Any] = {"flushes": places}
    if piece.slice:
        told |= {"slice": piece.slice, "last": piece.last, "attempt": piece.attempt}
    change = piece.change
    if isinstance(change.group, DocumentGroup):
        return told | {"documents": [x for pair in change.documents.items() for x in pair]}
    if isinstance(change.group, BoardGroup) or change.cells:
        raise ValueError(f"{change.group}: cells are written by reach")
    told["targets"] = [x for member, held in change.targets.items() for x in (member, targets_text(held))]
    if piece.tagged is None:
        return told | _members(change.reached, names)
    told |= {"was": piece.tagged.was, "tag": piece.tagged.now}
    return told | _members(change.reached, names, piece.tagged.units)


def _members(
    reached: dict[str, ReachCells], names: _Names, units: Mapping[str, Unit] | None = None
) -> dict[str, list[Any]]:
    one: list[Any] = []
    off: list[Any] = []
    several: list[Any] = []
    for member, cells in reached.items():
        if len(cells) == 1:
            reach, cell = cells[0]
            revenue, quantity, count, lines = cell
            if lines > 0:
                one += (member, names.reach(reach), f"{revenue} {quantity} {count} {lines}", -revenue)
                if units is not None:
                    one.append(units[member].text)
                continue
            if cell == EMPTY:
                off += (member, names.reach(reach))
                continue
        parts = () if units is None else _parts(units[member], names)
        several.append((member, _held(cells, names), _ranked(cells, names), parts))
    return {"one": one, "off": off, "several": several}


def _parts(unit: Unit, names: _Names) -> list[Any]:
    return [x for partition, reach, text in unit.parts for x in (str(partition), names.reach(reach), text)]


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
