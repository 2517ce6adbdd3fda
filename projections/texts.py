"""How cells, targets and replies are written as text in Redis."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any

from domain.cells import EMPTY, Cell
from domain.rows import REACHES_CACHED_MAX, Reach
from projections.ports import Position, Targets

Flat = Sequence[str]
"""A hash or a sorted set as Redis answers it: field, value, field, value, …"""

DOUBLE_EXACT_MAX = 2**53
"""Up to here a sorted set's score says a whole number exactly."""


def cell_text(cell: Cell) -> str:
    """A cell as stored.

    >>> cell_text(Cell(1200, 3, 1, 1))
    '1200 3 1 1'
    """
    return f"{cell[0]} {cell[1]} {cell[2]} {cell[3]}"


def parse_cells(text: str) -> list[tuple[str, Cell]]:
    """Read a member's stored cells: the number of each reach, and the cell; a rep's partition, the last, is left out.

    >>> parse_cells("7 1200 3 1 1 11")
    [('7', Cell(revenue=1200, quantity=3, count=1, lines=1))]
    >>> [number for number, _ in parse_cells("+7 1200 3 1 1 8 5 1 1 1 11")]
    ['7', '8']
    """
    words = text.removeprefix("+").split(" ")
    return [
        (words[at], Cell(int(words[at + 1]), int(words[at + 2]), int(words[at + 3]), int(words[at + 4])))
        for at in range(0, len(words) - 4, 5)
    ]


def parse_parts(text: str) -> dict[int, list[tuple[str, Cell]]]:
    """Read a unit's stored parts: of each partition the numbers of its reaches, and the cells.

    A unit of one reach has its number first, and then partition and cell by turns; one of several has '+' before, and
    then partition, number and cell by turns.

    >>> parse_parts("7 0 1200 3 1 1 11 5 1 1 1")[11]
    [('7', Cell(revenue=5, quantity=1, count=1, lines=1))]
    >>> parse_parts("+0 7 1200 3 1 1 0 8 5 1 1 1")
    {0: [('7', Cell(revenue=1200, quantity=3, count=1, lines=1)), ('8', Cell(revenue=5, quantity=1, count=1, lines=1))]}
    """
    if text.startswith("+"):
        words = text[1:].split(" ")
        rows = [words[at : at + 6] for at in range(0, len(words), 6)]
    else:
        number, *words = text.split(" ")
        rows = [[words[at], number, *words[at + 1 : at + 5]] for at in range(0, len(words), 5)]
    found: dict[int, list[tuple[str, Cell]]] = {}
    for partition, number, *cell in rows:
        found.setdefault(int(partition), []).append((number, Cell(*map(int, cell))))
    return found


def summed(cells: Iterable[tuple[str, Cell]]) -> Cell:
    """The sum of a member's cells, over all reaches."""
    (_, whole), *others = cells
    for _, cell in others:
        whole = whole.plus(cell)
    return whole


def parse_whole(text: str) -> Cell:
    """The sum of a member's stored cells."""
    return summed(parse_cells(text))


def partition_of(text: str) -> int:
    """The partition that wrote a rep's stored cells.

    >>> partition_of("7 1200 3 1 1 11")
    11
    """
    return int(text.rpartition(" ")[2])


@lru_cache(maxsize=REACHES_CACHED_MAX)
def reach_text(reach: Reach) -> str:
    """A reach as stored.

    >>> reach_text(("rep", ("s1", "cn")))
    '["rep",["s1","cn"]]'
    """
    return compact(reach)


@lru_cache(maxsize=REACHES_CACHED_MAX)
def parse_reach(text: str) -> Reach:
    """Read a stored reach."""
    members, scopes = json.loads(text)
    return members, tuple(scopes)


def cell_of(cells: Iterable[tuple[str, Cell]], unit_id: str, members: str, reaches: Mapping[str, Reach]) -> Cell:
    """A member's cell on the boards of a unit: the sum over the reaches that hold it.

    Args:
        cells: the member's, by the number of their reach.
        unit_id: whose boards.
        members: of which kind.
        reaches: number to reach.
    """
    found = EMPTY
    for number, cell in cells:
        kind, scopes = reaches[number]
        if kind == members and unit_id in scopes:
            found = found.plus(cell)
    return found


def targets_text(targets: Targets) -> str:
    r"""Targets and stands as stored; "" when there is no target.

    Stands come first, as JSON (which has no line break of its own): members of one unit share that text, so that a
    script reads it once for all of them.

    >>> targets_text(((("cn", "rep"),), (("count", 7), ("revenue", 5))))
    '[["cn","rep"]]\ncount 7 revenue 5'
    """
    stands, values = targets
    if not values:
        return ""
    return compact(stands) + "\n" + " ".join(f"{metric} {value}" for metric, value in values)


def parse_targets(text: str) -> Targets:
    """Read stored targets."""
    stands, _, values = text.partition("\n")
    words = values.split(" ")
    targets = tuple(zip(words[::2], map(int, words[1::2]), strict=True))
    return tuple((unit_id, members) for unit_id, members in json.loads(stands)), targets


def parse_values(text: str) -> dict[str, int]:
    """Only the targets by metric of a stored text."""
    words = text.partition("\n")[2].split(" ")
    return dict(zip(words[::2], map(int, words[1::2]), strict=True))


def compact(value: object) -> str:
    """JSON without spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def pairs(flat: Flat | Mapping[str, Any] | None) -> Iterable[tuple[str, str]]:
    """Field and value of a flat reply; Lua writes an empty one as an object."""
    if not flat:
        return ()
    assert not isinstance(flat, Mapping), "a reply with entries is a list"
    return zip(flat[::2], flat[1::2], strict=True)


def scores(flat: Flat) -> list[tuple[str, int]]:
    """Members and scores of a sorted set in its order; the stored sign is undone."""
    return [(member, -_whole(score)) for member, score in pairs(flat)]


def _whole(score: str) -> int:
    try:
        return int(score)
    except ValueError:
        return int(float(score))


def as_of(pos: Mapping[int, str], later: Mapping[int, str]) -> dict[int, dict[str, int]]:
    """Offsets folded per partition: the version's, and a group's own where that is later."""
    return {p: dict(Position.parse(later.get(p, text)).offsets) for p, text in pos.items()}


def mark_of(text: str) -> int:
    """The mark of a position text.

    >>> mark_of("-1|-1|{}")
    -1
    """
    return int(text.partition("|")[0])
