"""Units: the tree, with totals and targets of a period."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from api import answers
from api.answering import AppReads, Bucket, Metric, On, SalesMetric, answer, checked_bucket, day_of
from api.board_snapshot import as_of_json
from api.figures import Period, unit_figures
from api.org_day import OrgDay
from api.problems import Problem
from api.reads import Goals, Reads
from domain.boards import AttainmentGroup

router = APIRouter(prefix="/v1/units", tags=["units"], responses=answers.PROBLEMS)

Unit = Annotated[str, Path(description="The unit; a slash in its id as %2F.")]


class _Look:
    """The tree of a day, with the totals of a bucket if there is one."""

    def __init__(self, reads: Reads, goals: Goals | None, metric: SalesMetric, org: OrgDay, today: str) -> None:
        self.org = org
        self._goals, self._metric, self._today = goals, metric, today
        version, as_of = reads.directory_state()
        self.as_of = as_of_json(as_of if goals is None else goals.view.as_of)
        self.version = f"{version if goals is None else goals.version}.{org.day}.{today}"

    @classmethod
    async def at(cls, reads: Reads, unit_id: str | None, bucket: str | None, metric: SalesMetric, on: On) -> _Look:
        """Read what is needed.

        Raises:
            Problem: ``bad-bucket``, ``unknown-unit``, ``rebuilding``, ``store-unreachable``.
        """
        goals = None
        if bucket is None:
            await reads.names()
        else:
            goals = await reads.goals(AttainmentGroup("unit", checked_bucket(bucket)))
        today = reads.today(unit_id or "")
        org = reads.directory.on(day_of(today, bucket, on))
        if unit_id is not None and not org.is_known(unit_id):
            raise Problem("unknown-unit", f"No placement of {unit_id!r} is known.")
        return cls(reads, goals, metric, org, today)

    def unit(self, unit_id: str) -> dict[str, Any]:
        """A unit with its figures."""
        figures = None
        if self._goals is not None:
            view = self._goals.view
            period = Period.of(self.org, unit_id, view.group.bucket, self._today)
            figures = unit_figures(self.org, unit_id, self._metric, view, period)
        return {**self.org.describe(unit_id), "figures": figures}

    def head(self) -> dict[str, Any]:
        """What every answer says besides."""
        return {"on": self.org.day, "version": self.version, "as_of": self.as_of}

    def by_total(self, unit_ids: Sequence[str]) -> list[str]:
        """Units by total, highest first, then by id; without a bucket by id."""
        if self._goals is None:
            return sorted(unit_ids)
        whole = self._goals.view.whole
        return sorted(unit_ids, key=lambda u: (-getattr(whole[u], self._metric) if u in whole else 0, u))


@router.get("", response_model=answers.Units)
async def get_roots(
    request: Request, reads: AppReads, bucket: Bucket = None, metric: Metric = "revenue", on: On = None
) -> Response:
    """The units without a parent: where a page starts."""
    look = await _Look.at(reads, None, bucket, metric, on)
    units = [look.unit(unit) for unit in look.by_total(look.org.roots())]
    return answer(request, look.version, {"unit_id": None, "units": units, **look.head()})


@router.get("/{unit_id:texts}/children", response_model=answers.Units)
async def get_children(
    request: Request, reads: AppReads, unit_id: Unit, bucket: Bucket = None, metric: Metric = "revenue", on: On = None
) -> Response:
    """The units directly below, by total."""
    look = await _Look.at(reads, unit_id, bucket, metric, on)
    units = [look.unit(unit) for unit in look.by_total(look.org.children(unit_id))]
    return answer(request, look.version, {"unit_id": unit_id, "units": units, **look.head()})


@router.get("/{unit_id:texts}/path", response_model=answers.Units)
async def get_path(
    request: Request, reads: AppReads, unit_id: Unit, bucket: Bucket = None, metric: Metric = "revenue", on: On = None
) -> Response:
    """The units from the top down to this one."""
    look = await _Look.at(reads, unit_id, bucket, metric, on)
    units = [look.unit(unit) for unit in look.org.path(unit_id)]
    return answer(request, look.version, {"unit_id": unit_id, "units": units, **look.head()})


@router.get("/{unit_id:texts}", response_model=answers.OneUnit)
async def get_unit(
    request: Request, reads: AppReads, unit_id: Unit, bucket: Bucket = None, metric: Metric = "revenue", on: On = None
) -> Response:
    """One unit."""
    look = await _Look.at(reads, unit_id, bucket, metric, on)
    return answer(request, look.version, {"unit": look.unit(unit_id), **look.head()})
