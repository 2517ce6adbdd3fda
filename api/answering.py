"""What every endpoint does with its answer: encode it, name its version, and say 304 when the client has it already."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Depends, Query, Request, Response

from api.directory import nearest_day
from api.problems import Problem
from api.reads import Reads
from domain.boards import SALES_METRICS, BadBoardName, BoardName
from domain.calendar import BadBucket, bucket_span

JSON = "application/json"
CACHE_CONTROL = "no-cache"

SalesMetric = Literal["revenue", "quantity", "count"]
assert SalesMetric.__args__ == SALES_METRICS  # type: ignore[attr-defined]


def reads_of(request: Request) -> Reads:
    """The app's reads."""
    reads: Reads = request.app.state.reads
    return reads


AppReads = Annotated[Reads, Depends(reads_of)]


def answer(request: Request, version: str, body: dict[str, Any]) -> Response:
    """A JSON answer; without its body if the client holds this version."""
    etag = f'W/"{version}"'
    headers = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
    if _holds(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=304, headers=headers)
    return Response(msgspec.json.encode(body), media_type=JSON, headers=headers)


def _holds(if_none_match: str, etag: str) -> bool:
    """Weak comparison, as RFC 9110 asks for with If-None-Match."""
    wanted = etag.removeprefix("W/")
    return any(tag.strip() == "*" or tag.strip().removeprefix("W/") == wanted for tag in if_none_match.split(","))


def board_name(unit_id: str, members: str, metric: str, bucket: str) -> BoardName:
    """The board that a path names.

    Raises:
        Problem: ``bad-board-name``.
    """
    try:
        name = BoardName.parse(f"{unit_id}/{members}/{metric}/{bucket}")
    except BadBoardName as error:
        raise Problem("bad-board-name", str(error)) from error
    if name.unit_id != unit_id:
        raise Problem("bad-board-name", "Only the unit's id may hold a slash.")
    return name


def checked_bucket(bucket: str) -> str:
    """A bucket from a path or a query.

    Raises:
        Problem: ``bad-bucket``.
    """
    try:
        bucket_span(bucket)
    except BadBucket as error:
        raise Problem("bad-bucket", str(error)) from error
    return bucket


def day_of(today: str, bucket: str | None, on: date | None) -> str:
    """The day whose tree is meant: the given one, else today or the nearest day of the bucket."""
    if on is not None:
        return on.isoformat()
    return today if bucket is None else nearest_day(bucket, today)


Metric = Annotated[SalesMetric, Query(description="Metric of totals and targets.")]
Bucket = Annotated[str | None, Query(description="Period of totals and targets; without it there are no figures.")]
On = Annotated[date | None, Query(description="Day of the tree; default today, or the nearest day of the bucket.")]
