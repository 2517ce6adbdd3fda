"""Targets: what a subject was asked for, how it came about, and how far it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api import answers
from api.answering import AppReads, Metric, answer, checked_bucket
from api.board_snapshot import as_of_json, instant
from api.directory import nearest_day
from api.figures import Period, children_target, progress, text
from api.reads import TargetDocuments, digest
from domain.attainment import attainment_ppm
from domain.boards import AttainmentGroup, MemberKind
from domain.cells import EMPTY
from domain.facts_by_date import FactDocument
from domain.targets import SET, Targets, document_id

router = APIRouter(prefix="/v1/targets", tags=["targets"], responses=answers.PROBLEMS)


@router.get("/{subject_kind}/{subject_id:texts}/{bucket:text}", response_model=answers.Target)
async def get_target(
    request: Request,
    reads: AppReads,
    subject_kind: Annotated[MemberKind, Path(description="`rep` or `unit`.")],
    subject_id: Annotated[str, Path(description="The rep or unit.")],
    bucket: Annotated[str, Path(description="Period of the target.")],
    metric: Metric = "revenue",
) -> Response:
    """The target in force, the first one, its history, and what is reached of it."""
    goals = await reads.goals(AttainmentGroup(subject_kind, checked_bucket(bucket)))
    documents = await reads.targets()
    is_rep = subject_kind == "rep"
    home = reads.directory.roster.home(subject_id, nearest_day(bucket, reads.today(""))) if is_rep else subject_id
    today = reads.today(home or "")
    org = reads.directory.on(nearest_day(bucket, today))
    targets = _targets(documents, subject_kind, subject_id, bucket)
    current = targets.value(subject_kind, subject_id, bucket, metric) or None
    original = targets.original(subject_kind, subject_id, bucket, metric) or None
    cell = goals.view.whole.get(subject_id, EMPTY)
    total: int = getattr(cell, metric)
    period = Period.of(org, home or "", bucket, today)
    below = {"children_target": None, "children_target_gap": None}
    reached = progress(cell, metric, current, period.selling_days_left)
    version = digest("", [], goals.version, documents.version, today)
    body = {
        "subject": {"kind": subject_kind, "id": subject_id, "name": org.member_name(subject_kind, subject_id)},
        "bucket": bucket,
        "metric": metric,
        "current": reached.pop("target"),
        "original": text(original),
        **reached,
        "attainment_of_original_ppm": None if original is None else attainment_ppm(total, original),
        **(below if is_rep else children_target(org, subject_id, metric, goals.view)),
        "history": [
            _history(fact)
            for fact in targets.facts(subject_kind, subject_id, bucket)
            if fact["data"]["metric"] == metric
        ],
        "version": version,
        "as_of": as_of_json(documents.as_of),
    }
    return answer(request, version, body)


def _targets(documents: TargetDocuments, kind: str, subject_id: str, bucket: str) -> Targets:
    """The targets of one subject in one bucket."""
    key = document_id(kind, subject_id, bucket)
    found = documents.documents.get(key)
    return Targets.from_documents({} if found is None else {key: found})


def _history(fact: FactDocument) -> dict[str, Any]:
    data = fact["data"]
    return {
        "type": fact["type"],
        "revision": data["revision"],
        "value": str(data["value"]) if fact["type"] == SET else None,
        "reason": data.get("reason"),
        "set_by": data.get("set_by"),
        "recorded_at": instant(datetime.fromtimestamp(fact["recorded_ms"] / 1_000, UTC)),
    }
