"""Health, and what the types of problems mean."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from api import answers
from api.answering import AppReads
from api.problems import KINDS, Problem

router = APIRouter(tags=["health"])

OK = {"status": "ok"}
NO_STORE = {"Cache-Control": "no-store"}


@router.get("/livez", response_model=answers.Health)
async def get_livez() -> Response:
    """The process answers."""
    return JSONResponse(OK, headers=NO_STORE)


@router.get("/readyz", response_model=answers.Health, responses={503: answers.PROBLEMS[503]})
async def get_readyz(request: Request, reads: AppReads) -> Response:
    """The store has boards to show."""
    if not await reads.has_version():
        raise Problem("rebuilding", "The store has no version, or does not answer.")
    request.app.state.has_started = True
    return JSONResponse(OK, headers=NO_STORE)


@router.get("/startupz", response_model=answers.Health, responses={503: answers.PROBLEMS[503]})
async def get_startupz(request: Request, reads: AppReads) -> Response:
    """The store had boards to show at least once since the start."""
    if not request.app.state.has_started:
        await get_readyz(request, reads)
    return JSONResponse(OK, headers=NO_STORE)


@router.get("/problems/{kind:text}", response_class=PlainTextResponse, responses={404: answers.PROBLEMS[404]})
async def get_problem(kind: str) -> Response:
    """What a type of problem means and what to do."""
    if kind not in KINDS:
        raise Problem("not-found", f"{kind!r} is no type of problem.")
    return PlainTextResponse(f"{KINDS[kind].title}. {KINDS[kind].help}\n")
