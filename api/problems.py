"""Problems (RFC 9457): every error that the API answers with, by stable type.

``Problem`` is the one exception of the API; endpoints raise it, handlers render it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"


class Kind(NamedTuple):
    """One type of problem.

    Attributes:
        status: HTTP status.
        title: the same for every occurrence.
        help: what it means and what to do; served at the type's address.
        retry_after: seconds, for those that pass by themselves.
    """

    status: int
    title: str
    help: str
    retry_after: int | None = None


KINDS: dict[str, Kind] = {
    "bad-board-name": Kind(
        404,
        "This names no board",
        "A board is UNIT/MEMBERS/METRIC/BUCKET. Check the metric and the spelling of the bucket.",
    ),
    "bad-bucket": Kind(404, "This names no period", "A bucket is like 2026-05-21, 2026-W21, 2026-05, 2026-Q2 or 2026."),
    "unknown-unit": Kind(404, "No such unit", "No placement of this unit is known. Its boards may still hold rows."),
    "unknown-rep": Kind(404, "No such rep", "The rep neither joined nor sold in the periods asked for."),
    "not-on-board": Kind(
        404, "The member has no row on this board", "See …/absent for members of the roster without a row."
    ),
    "not-found": Kind(404, "Nothing is here", "The path names nothing that the API serves; see /v1/openapi.json."),
    "bad-cursor": Kind(
        400, "The cursor can't be read", "Use next_cursor or prev_cursor as given, or start without a cursor."
    ),
    "cursor-of-another-board": Kind(
        400,
        "The cursor belongs to another board",
        "A cursor goes on where a page of the same listing ended. Start without one.",
    ),
    "bad-parameter": Kind(
        422, "A parameter can't be used", "The member `errors` names each parameter and what is wrong with it."
    ),
    "method-not-allowed": Kind(405, "Only GET is allowed", "The API only reads. Facts are sent as events."),
    "too-long": Kind(414, "The request is too long", "Path and query together may have 8,192 bytes."),
    "rebuilding": Kind(
        503, "The boards are being rebuilt", "There is no consistent board to show at the moment. Ask again shortly.", 1
    ),
    "store-unreachable": Kind(
        503, "The board store can't be reached", "Ask again shortly; the log is not affected.", 1
    ),
    "too-many-streams": Kind(
        503, "Too many streams are open", "Read the board itself now and then, or connect again later.", 30
    ),
    "internal": Kind(500, "Something is broken here", "This is a fault of the server. Its log names the cause."),
}


class Problem(Exception):  # noqa: N818 - the standard's word
    """An answer that is no success.

    Args:
        kind: a key of ``KINDS``.
        detail: what was wrong with this very request, for a person.
        members: extension members of the problem.
    """

    def __init__(self, kind: str, detail: str, **members: object) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail
        self.members = members


def document(kind: str, detail: str, instance: str, **members: object) -> bytes:
    """The problem's JSON text."""
    body = {"type": TYPE_PREFIX + kind, "title": KINDS[kind].title, "status": KINDS[kind].status, "detail": detail}
    return msgspec.json.encode({**body, "instance": instance, **members})


def response(kind: str, detail: str, instance: str, **members: object) -> Response:
    """The problem as an answer."""
    headers = {"Cache-Control": "no-store"}
    retry_after = KINDS[kind].retry_after
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    if kind == "method-not-allowed":
        headers["Allow"] = "GET"
    return Response(document(kind, detail, instance, **members), KINDS[kind].status, headers, MEDIA_TYPE)


def _errors(errors: Sequence[Any]) -> list[dict[str, str]]:
    """What FastAPI found, without the input and the library's own codes."""
    return [{"parameter": str(error["loc"][-1]), "detail": str(error["msg"])} for error in errors]


def install(app: FastAPI) -> None:
    """Make every error of the app a problem."""

    async def on_problem(request: Request, problem: Exception) -> Response:
        assert isinstance(problem, Problem)
        return response(problem.kind, problem.detail, request.url.path, **problem.members)

    async def on_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        found = _errors(error.errors())
        detail = "; ".join(f"{e['parameter']}: {e['detail']}" for e in found)
        return response("bad-parameter", detail, request.url.path, errors=found)

    async def on_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 405:
            return response("method-not-allowed", f"{request.method} is not allowed.", request.url.path)
        return response("not-found", f"There is nothing at {request.url.path}.", request.url.path)

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
