"""Pages of a board: which rows, with cursors to go on and links."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from api.board_snapshot import BoardSnapshot
from api.cursors import Cursor, Direction, listing_of, read_cursor
from api.problems import Problem
from domain.boards import BoardName
from domain.ranking import TiePolicy

STANDINGS, ABSENT = "standings", "absent"


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a listing is asked for.

    Attributes:
        limit: rows at most.
        cursor: text of a cursor; None = the beginning.
        tie: how equal scores are ranked.
    """

    limit: int
    cursor: str | None = None
    tie: TiePolicy = "competition"


def address(name: BoardName) -> str:
    """The path of a board."""
    return "/v1/boards/" + "/".join(
        quote(part, safe="") for part in (name.unit_id, name.members, name.metric, name.bucket)
    )


def page(board: BoardSnapshot, asked: Asked) -> dict[str, Any]:
    """A page of the standings.

    Raises:
        Problem: a cursor that can't be used.
    """
    cursor = None if asked.cursor is None else read_cursor(asked.cursor, listing_of(str(board.name), STANDINGS))
    key = None if cursor is None else (-_score(cursor), cursor.member_id)
    start, stop = _span(board.keys, key, cursor, asked.limit)
    return window(board, start, stop, asked)


def window(board: BoardSnapshot, start: int, stop: int, asked: Asked) -> dict[str, Any]:
    """The rows from one place to another, in the envelope."""
    listing = listing_of(str(board.name), STANDINGS)
    before, after = _cursors(
        [(str(entry.score), entry.member_id) for entry in board.entries[start:stop]],
        listing,
        start > 0,
        stop < len(board.entries),
    )
    rows = [board.row(at, asked.tie) for at in range(start, stop)]
    return {**board.head, "rows": rows, **_links(board.name, "", asked, before, after)}


def chosen(board: BoardSnapshot, ids: Sequence[str], tie: TiePolicy) -> dict[str, Any]:
    """The rows of chosen members, in board order."""
    places = sorted({board.positions[member] for member in ids if member in board.positions})
    missing = sorted({member for member in ids if member not in board.positions})
    asked = Asked(limit=len(ids), tie=tie)
    rows = [board.row(at, tie) for at in places]
    return {**board.head, "rows": rows, "missing": missing, **_links(board.name, "", asked, None, None)}


def around(board: BoardSnapshot, at: int, radius: int, tie: TiePolicy) -> dict[str, Any]:
    """The window around a place: as long at the ends as in the middle."""
    size = min(2 * radius + 1, len(board.entries))
    start = min(max(at - radius, 0), len(board.entries) - size)
    return window(board, start, start + size, Asked(limit=size, tie=tie))


def absent_page(board: BoardSnapshot, asked: Asked) -> dict[str, Any]:
    """A page of the roster's members without a row.

    Raises:
        Problem: a cursor that can't be used.
    """
    listing = listing_of(str(board.name), ABSENT)
    cursor = None if asked.cursor is None else read_cursor(asked.cursor, listing)
    key = None if cursor is None else (cursor.major, cursor.member_id)
    start, stop = _span(board.absent, key, cursor, asked.limit)
    keys = board.absent[start:stop]
    before, after = _cursors(keys, listing, start > 0, stop < len(board.absent))
    return {
        **board.head,
        "reason": "no_target" if board.name.is_attainment else "no_sale",
        "rows": [board.absent_row(member) for _, member in keys],
        **_links(board.name, "/absent", asked, before, after),
    }


def _score(cursor: Cursor) -> int:
    """The score in a cursor of the standings."""
    try:
        return int(cursor.major)
    except ValueError as error:
        raise Problem("bad-cursor", "The cursor was changed.") from error


def _span(keys: Sequence[Any], key: object, cursor: Cursor | None, limit: int) -> tuple[int, int]:
    """First place of the page, and the one after its last."""
    if cursor is None:
        return 0, min(limit, len(keys))
    if cursor.direction == "after":
        start = bisect_right(keys, key)
        return start, min(start + limit, len(keys))
    stop = bisect_left(keys, key)
    return max(0, stop - limit), stop


def _cursors(
    keys: Sequence[tuple[str, str]], listing: str, more_before: bool, more_after: bool
) -> tuple[str | None, str | None]:
    """Cursors to the pages before and after the rows with these keys."""

    def at(direction: Direction, key: tuple[str, str]) -> str:
        return Cursor(listing, direction, *key).encode()

    before = at("before", keys[0]) if keys and more_before else None
    after = at("after", keys[-1]) if keys and more_after else None
    return before, after


def _links(name: BoardName, below: str, asked: Asked, before: str | None, after: str | None) -> dict[str, Any]:
    """Cursors and addresses of the pages around this one."""
    board = address(name)

    def link(cursor: str | None) -> str:
        query: dict[str, object] = {"limit": asked.limit}
        if asked.tie != "competition":
            query["tie"] = asked.tie
        if cursor is not None:
            query["cursor"] = cursor
        return f"{board}{below}?{urlencode(query)}"

    return {
        "next_cursor": after,
        "prev_cursor": before,
        "links": {
            "self": link(asked.cursor),
            "first": link(None),
            "next": None if after is None else link(after),
            "prev": None if before is None else link(before),
            "absent": f"{board}/absent",
            "stream": f"{board}/stream",
            "unit": f"/v1/units/{quote(name.unit_id, safe='')}",
        },
    }
