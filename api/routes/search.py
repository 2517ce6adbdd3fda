"""Search: units and reps by name or id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api import answers, limits
from api.answering import AppReads, answer
from api.directory import Directory
from api.org_day import OrgDay
from domain.boards import REP

router = APIRouter(prefix="/v1/search", tags=["search"], responses=answers.PROBLEMS)


@router.get("", response_model=answers.Search)
async def get_search(
    request: Request,
    reads: AppReads,
    q: Annotated[str, Query(min_length=1, max_length=limits.SEARCH_CHARS_MAX, description="A part of a name or id.")],
    unit_id: Annotated[str | None, Query(description="Only this unit, what is below it, and their reps.")] = None,
    limit: Annotated[int, Query(ge=1, le=limits.SEARCH_RESULTS_MAX)] = limits.SEARCH_RESULTS_DEFAULT,
) -> Response:
    """Units and reps whose name or id holds the text: whole names first, then beginnings, then the rest."""
    directory = await reads.names()
    org = directory.on(reads.today(unit_id or ""))
    wanted = q.strip().casefold()
    found = [
        (how, kind, member)
        for kind, member in _subjects(directory, org, unit_id)
        if (how := _match(org, kind, member, wanted))
    ]
    found.sort(key=lambda f: (f[0], f[1] != "unit", org.member_name(f[1], f[2]), f[2]))
    version, _ = reads.directory_state()
    return answer(
        request, f"{version}.{org.day}", {"q": q, "results": [_result(org, k, m) for _, k, m in found[:limit]]}
    )


def _subjects(directory: Directory, org: OrgDay, unit_id: str | None) -> Iterator[tuple[str, str]]:
    """(kind, id) of everybody who can be found."""
    if unit_id is None:
        yield from (("unit", unit) for unit in directory.tree.unit_ids())
        yield from ((REP, rep) for rep in directory.roster.rep_ids())
        return
    yield from (("unit", unit) for unit in (unit_id, *org.below(unit_id)))
    yield from ((REP, rep) for rep in org.members(unit_id, REP))


def _match(org: OrgDay, kind: str, member: str, wanted: str) -> int:
    """1 = a whole name or id, 2 = its beginning, 3 = within it, 0 = no match."""
    texts = (org.member_name(kind, member).casefold(), member.casefold())
    if wanted in texts:
        return 1
    if any(text.startswith(wanted) for text in texts):
        return 2
    return 3 if any(wanted in text for text in texts) else 0


def _result(org: OrgDay, kind: str, member: str) -> dict[str, Any]:
    unit_id = org.home(member) if kind == REP else member
    return {
        "kind": kind,
        "id": member,
        "name": org.member_name(kind, member),
        "level": None if kind == REP else org.level(member),
        "unit_id": unit_id,
        "unit_name": None if unit_id is None else org.unit_name(unit_id),
    }
