"""Reps: totals, targets and ranks of one person."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api import answers
from api.answering import AppReads, Metric, On, answer
from api.board_snapshot import BoardSnapshot, as_of_json
from api.figures import Period, progress, target_of, text
from api.problems import Problem
from api.reads import Goals, digest
from domain.boards import REP, AttainmentGroup, BoardName
from domain.calendar import BUCKET_KINDS, BucketKind, bucket_kind, buckets_of
from domain.cells import EMPTY

router = APIRouter(prefix="/v1/reps", tags=["reps"], responses=answers.PROBLEMS)


@router.get("/{rep_id:texts}", response_model=answers.Rep)
async def get_rep(
    request: Request,
    reads: AppReads,
    rep_id: Annotated[str, Path(description="The rep.")],
    on: On = None,
    metric: Metric = "revenue",
    ranks: Annotated[BucketKind, Query(description="Kind of period of the ranks.")] = "month",
) -> Response:
    """Totals and targets in the periods of a day, and the rank in every unit above."""
    directory = await reads.names()
    guess = reads.today("")
    home = directory.roster.home(rep_id, on.isoformat() if on else guess)
    today = reads.today(home or "")
    day = on.isoformat() if on else today
    org = directory.on(day)
    buckets = buckets_of(day)
    goals = await asyncio.gather(*(reads.goals(AttainmentGroup("rep", bucket)) for bucket in buckets))
    if not directory.roster.rep_facts(rep_id) and not any(rep_id in g.view.whole for g in goals):
        raise Problem("unknown-rep", f"Nothing is known of {rep_id!r}.")

    bucket = buckets[BUCKET_KINDS.index(ranks)]
    chain = [] if home is None else [unit for unit, _ in directory.tree.chain(home, day)]
    boards = await asyncio.gather(*(reads.board(BoardName(unit, REP, metric, bucket)) for unit in chain))
    periods = [Period.of(org, home or "", b, today) for b in buckets]
    version = digest("", [], today, day, *(g.version for g in goals), *(b.version for b in boards))
    month = goals[BUCKET_KINDS.index(ranks)].view
    body = {
        "rep_id": rep_id,
        "display_name": directory.roster.display_name(rep_id),
        "on": day,
        "present": org.is_present(rep_id),
        "metric": metric,
        "unit": None if home is None else org.brief(home),
        "leader": org.leader(home),
        "totals": [_total(rep_id, metric, g, p) for g, p in zip(goals, periods, strict=True)],
        "ranks": [{**org.brief(b.name.unit_id), **_rank(rep_id, b)} for b in boards],
        "version": version,
        "as_of": as_of_json(month.as_of),
    }
    return answer(request, version, body)


def _total(rep_id: str, metric: str, goals: Goals, period: Period) -> dict[str, Any]:
    view = goals.view
    cell, target = view.whole.get(rep_id, EMPTY), target_of(view, rep_id, metric)
    return {
        "bucket": period.bucket,
        "kind": bucket_kind(period.bucket),
        **progress(cell, metric, target, period.selling_days_left),
    }


def _rank(rep_id: str, board: BoardSnapshot) -> dict[str, Any]:
    at = board.positions.get(rep_id)
    standing = None if at is None else board.standings()[at]
    return {
        "board": str(board.name),
        "rank": None if standing is None else standing.rank,
        "previous_rank": None if standing is None else board.previous_rank(rep_id),
        "is_tied": at is not None and board.is_tied(at),
        "member_count": len(board.entries),
        "score": None if standing is None else str(standing.score),
        "gap_above": None if standing is None else text(standing.gap_above),
    }
