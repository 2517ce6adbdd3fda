"""Boards: pages, the window around a member, chosen members, the absent, and the stream."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query, Request, Response

from api import answers, limits
from api.answering import AppReads, answer, board_name
from api.paging import Asked, absent_page, around, chosen, page
from api.problems import Problem
from api.stream_response import EventStream
from api.streams import Streams, Topic
from domain.ranking import TiePolicy

router = APIRouter(prefix="/v1/boards", tags=["boards"], responses=answers.PROBLEMS)

BOARD = "/{unit_id:texts}/{members:text}/{metric:text}/{bucket:text}"

Unit = Annotated[str, Path(description="Unit whose board it is; a slash in it as %2F.")]
Members = Annotated[str, Path(description="`rep`, or the level of units strictly below.")]
BoardMetric = Annotated[str, Path(description="`revenue`, `quantity`, `count`, or `attainment-` and one of them.")]
Period = Annotated[str, Path(description="2026-05-21, 2026-W21, 2026-05, 2026-Q2 or 2026.")]
Limit = Annotated[int, Query(ge=1, le=limits.PAGE_ROWS_MAX, description="Rows at most.")]
CursorText = Annotated[str | None, Query(description="`next_cursor` or `prev_cursor` of the same listing.")]
Tie = Annotated[TiePolicy, Query(description="Ranks of equal scores: 1,1,3 or 1,1,2 or 1,2,3.")]


@router.get(BOARD + "/around/{member_id:texts}", response_model=answers.Board)
async def get_around(
    request: Request,
    reads: AppReads,
    unit_id: Unit,
    members: Members,
    metric: BoardMetric,
    bucket: Period,
    member_id: Annotated[str, Path(description="Member in the middle.")],
    radius: Annotated[int, Query(ge=0, le=limits.RADIUS_MAX, description="Rows on each side.")] = limits.RADIUS_DEFAULT,
    tie: Tie = "competition",
) -> Response:
    """The rows around a member; the window is as long at the ends as in the middle."""
    board = await reads.board(board_name(unit_id, members, metric, bucket))
    at = board.positions.get(member_id)
    if at is None:
        raise Problem("not-on-board", f"{member_id!r} has no row on {board.name}.")
    return answer(request, board.version, around(board, at, radius, tie))


@router.get(BOARD + "/members", response_model=answers.ChosenMembers)
async def get_members(
    request: Request,
    reads: AppReads,
    unit_id: Unit,
    members: Members,
    metric: BoardMetric,
    bucket: Period,
    ids: Annotated[list[str], Query(description="Member ids: repeated, or separated by commas.")],
    tie: Tie = "competition",
) -> Response:
    """The rows of chosen members, in board order."""
    board = await reads.board(board_name(unit_id, members, metric, bucket))
    wanted = _ids(ids)
    return answer(request, board.version, chosen(board, wanted, tie))


@router.get(BOARD + "/absent", response_model=answers.Absent)
async def get_absent(
    request: Request,
    reads: AppReads,
    unit_id: Unit,
    members: Members,
    metric: BoardMetric,
    bucket: Period,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
    cursor: CursorText = None,
) -> Response:
    """Members of the roster without a row on the board."""
    board = await reads.board(board_name(unit_id, members, metric, bucket))
    return answer(request, board.version, absent_page(board, Asked(limit, cursor)))


@router.get(
    BOARD + "/stream",
    response_class=Response,
    responses={200: {"content": {"text/event-stream": {}}, "description": "Events."}},
)
async def get_stream(
    request: Request,
    unit_id: Unit,
    members: Members,
    metric: BoardMetric,
    bucket: Period,
    window: Annotated[
        int, Query(ge=1, le=limits.WINDOW_ROWS_MAX, description="Rows covered.")
    ] = limits.WINDOW_ROWS_MAX,
    tie: Tie = "competition",
    last_event_id: Annotated[str | None, Header(description="Version of the last event received.")] = None,
) -> Response:
    """Server-sent events over the first rows: a snapshot, then what changed."""
    streams: Streams = request.app.state.streams
    topic = Topic(board_name(unit_id, members, metric, bucket), window, tie)
    client = streams.open(topic, last_event_id)
    return EventStream(client, streams.heartbeat_seconds, lambda: streams.leave(topic, client))


@router.get(BOARD, response_model=answers.Board)
async def get_board(
    request: Request,
    reads: AppReads,
    unit_id: Unit,
    members: Members,
    metric: BoardMetric,
    bucket: Period,
    limit: Limit = limits.PAGE_ROWS_DEFAULT,
    cursor: CursorText = None,
    tie: Tie = "competition",
) -> Response:
    """A page of the standings."""
    board = await reads.board(board_name(unit_id, members, metric, bucket))
    return answer(request, board.version, page(board, Asked(limit, cursor, tie)))


def _ids(given: list[str]) -> list[str]:
    """Ids as asked for: all parameters, split at commas.

    Raises:
        Problem: ``bad-parameter`` if there are none or too many.
    """
    ids = [member for text in given for member in text.split(",") if member]
    if not 0 < len(ids) <= limits.IDS_MAX:
        detail = f"between 1 and {limits.IDS_MAX} ids"
        raise Problem("bad-parameter", f"ids: {detail}", errors=[{"parameter": "ids", "detail": detail}])
    return ids
