"""A small organisation on boards in memory, and the API before it: one partition, a clock that stands still."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from fastapi import FastAPI

from api.options import ApiOptions
from api.server import create_app
from domain.partition import PartitionState, Rules
from events import contract
from events.facts import Fact
from events.instants import instant_ms
from projections.changes import changes_of_rows
from projections.memory import MemoryBoards
from projections.ports import NEW, BoardStore, Flush, Position, Snapshot, SnapshotRequest
from tests.unit.domain.build import joined, led, placed

NOW = datetime(2026, 5, 21, 6, 32, 8, 120_000, tzinfo=UTC)
"""21 May, 14:32 in Shanghai."""

OPTIONS = ApiOptions(
    snapshot_age_min_seconds=0.0,
    snapshot_age_max_seconds=0.0,
    push_interval_seconds=0.0,
    heartbeat_seconds=0.05,
    build_version="test",
)

ORGANISATION: tuple[Fact, ...] = (
    placed("nation-cn", name="全国"),
    placed("city-nj", "nation-cn", name="南京市"),
    placed("city-sz", "nation-cn", name="苏州市"),
    placed("store-1", "city-nj", name="德基广场店"),
    placed("store-2", "city-nj", name="新街口旗舰店"),
    placed("store/3 园区", "city-sz", level="store", name="园区店"),
    led("store-1", "rep-a", "2026-01-01"),
    led("city-nj", "rep-c", "2026-01-01"),
)
ROSTER: tuple[Fact, ...] = (
    joined("rep-a", "store-1", display_name="周婉清"),
    joined("rep-b", "store-1", display_name="孙浩然"),
    joined("rep-c", "store-2", display_name="陈立新"),
    joined("rep-d", "store-2", display_name="沈若兰"),
    joined("导购/戊", "store/3 园区", display_name="阿卜杜热西提·买买提依明"),
)


def sale(rep_id: str, unit_id: str, amount_minor: int, at: str = "2026-05-20T10:00:00+08:00", **fields: Any) -> Fact:
    """One line; its identity is the amount, the rep and the instant, unless the fields say otherwise."""
    sale_id = f"{rep_id}@{at}/{amount_minor}"[-64:]
    said = {"sale_id": sale_id, "rep_id": rep_id, "unit_id": unit_id, "amount_minor": amount_minor, "occurred_at": at}
    data = contract.SaleRecorded.model_validate(said | {"quantity": 1, "currency": "CNY"} | fields)
    return Fact("sale.recorded.v1", "/pos", rep_id, data, instant_ms(at), instant_ms(at))


def today(rep_id: str, unit_id: str, amount_minor: int) -> Fact:
    """A sale of this morning."""
    return sale(rep_id, unit_id, amount_minor, "2026-05-21T09:00:00+08:00")


def target(kind: str, subject_id: str, value: int, bucket: str = "2026-05", revision: int = 0) -> Fact:
    subject = contract.Subject(type=kind, id=subject_id)  # type: ignore[arg-type]  # rep or unit
    data = contract.TargetSet(
        subject=subject, bucket=bucket, metric="revenue", value=value, revision=revision, reason="plan", set_by="hq"
    )
    return Fact("target.set.v1", "/hq", subject_id, data, 0, 1_777_000_000_000 + revision)


@dataclass
class Stage:
    """Boards in memory, what fills them, and the clock."""

    boards: BoardStore = field(default_factory=MemoryBoards)
    state: PartitionState = field(default_factory=lambda: PartitionState(0, Rules("CNY", "Asia/Shanghai")))
    now: datetime = NOW
    version: str = "v1"
    mark: int = 0
    position: str = NEW
    read_count: int = 0

    async def open(self) -> None:
        """Make the version that readers see."""
        await self.boards.begin(self.version, 1)
        await self.boards.swap("", self.version, {0: NEW})

    async def close(self) -> None:
        """Lose the version: nothing to show any more."""
        await self.boards.forget(self.version)
        await self.boards.announce("", [])

    async def say(self, *facts: Fact) -> None:
        """Fold facts, flush them to the boards, announce the groups."""
        self.state.control([fact for fact in facts if fact.type.split(".")[0] in ("unit", "calendar", "period")])
        for fact in facts:
            if fact.type.split(".")[0] in ("sale", "target", "rep"):
                self.state.apply(fact)
        _, rows = self.state.flush()
        changes = changes_of_rows(rows)
        self.mark += 1
        target = str(Position(self.mark, 1, {"sales": self.mark}))
        flush = [Flush(0, self.position, target, changes)]
        await self.boards.step(self.version, flush)
        await self.boards.move(self.version, flush)
        self.position = target
        await self.boards.announce(self.version, [change.group for change in changes])

    def clock(self) -> datetime:
        return self.now

    def tomorrow(self) -> None:
        self.now += timedelta(days=1)


class CountingBoards(MemoryBoards):
    """Counts reads."""

    def __init__(self) -> None:
        super().__init__()
        self.read_count = 0

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        self.read_count += bool(request.boards)
        return await super().snapshot(request)


@dataclass
class Visitor:
    """A client of the app."""

    app: FastAPI
    http: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> dict[str, Any]:
        """The body of a 200."""
        response = await self.http.get(path, headers=headers)
        assert response.status_code == 200, (path, response.status_code, response.text)
        body: dict[str, Any] = json.loads(response.content)
        return body

    async def problem(self, path: str) -> dict[str, Any]:
        """The body of an error."""
        response = await self.http.get(path)
        assert response.headers["content-type"] == "application/problem+json", (path, response.text)
        body: dict[str, Any] = json.loads(response.content)
        assert body["status"] == response.status_code
        return body


@asynccontextmanager
async def serving(stage: Stage, **options: Any) -> AsyncIterator[Visitor]:
    """The app, started, before the stage's boards."""
    app = create_app(replace(OPTIONS, **options), stage.boards, stage.clock)
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api") as http:
            yield Visitor(app, http)


async def filled(*facts: Fact, boards: BoardStore | None = None) -> Stage:
    """A stage with the organisation, its roster, and facts."""
    stage = Stage(boards or MemoryBoards())
    await stage.open()
    await stage.say(*ORGANISATION, *ROSTER, *facts)
    return stage


def ids(rows: Sequence[dict[str, Any]]) -> list[str]:
    return [row["member_id"] for row in rows]
