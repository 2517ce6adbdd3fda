"""A small story whose boards were worked out by hand: the oracle and the product both give them."""

from __future__ import annotations

from typing import Any

import pytest

from domain.boards import BoardName
from domain.ranking import ranks
from projections.ports import SnapshotRequest
from tests.histories.generator import event
from tests.histories.live import straight
from tests.oracle.oracle import Row, boards

POS = "/pos/s1"


def placed(unit: str, level: str, parent: str | None, on: str, **more: Any) -> bytes:
    data = {"unit_id": unit, "name": unit, "level": level, "parent_id": parent, "effective_on": on, **more}
    return event("unit.placed.v1", data, "control")


def sale(number: str, rep: str, at: str, amount: int, **more: Any) -> bytes:
    data = {
        "sale_id": number,
        "rep_id": rep,
        "unit_id": "s1",
        "occurred_at": at,
        "amount_minor": amount,
        "quantity": 1,
        "currency": "CNY",
        **more,
    }
    return event("sale.recorded.v1", data, rep, source=POS)


def target(kind: str, subject: str, value: int) -> bytes:
    data = {
        "subject": {"type": kind, "id": subject},
        "bucket": "2026-05",
        "metric": "revenue",
        "value": value,
        "revision": 0,
        "reason": "plan",
        "set_by": "boss",
    }
    return event("target.set.v1", data, subject)


STORY = (
    # A store of Beijing moves to Tianjin on May 15.
    placed("cn", "nation", None, "2026-01-01", time_zone="Asia/Shanghai"),
    placed("bj", "city", "cn", "2026-01-01"),
    placed("tj", "city", "cn", "2026-01-01"),
    placed("s1", "store", "bj", "2026-01-01"),
    placed("s1", "store", "tj", "2026-05-15"),
    event(
        "rep.joined.v1", {"rep_id": "r1", "display_name": "王芳", "unit_id": "s1", "effective_on": "2026-01-01"}, "r1"
    ),
    # The last millisecond of May 14 in Shanghai, and the first of May 15.
    sale("A", "r1", "2026-05-14T23:59:59.999+08:00", 100),
    sale("B", "r1", "2026-05-14T16:00:00Z", 250),
    # Amended from 500 to 350; the correction comes first.
    sale("C", "r2", "2026-05-15T12:00:00+08:00", 350, revision=1),
    sale("C", "r2", "2026-05-15T12:00:00+08:00", 500),
    # Void before it was sold; a return of A; another currency.
    event(
        "sale.voided.v1",
        {
            "sale_id": "D",
            "line": 1,
            "rep_id": "r1",
            "occurred_at": "2026-05-16T00:00:00Z",
            "reason": "mistake",
            "voided_at": "2026-05-16T00:00:00Z",
        },
        "r1",
        source=POS,
    ),
    sale("D", "r1", "2026-05-16T12:00:00+08:00", 9_000),
    sale("E", "r1", "2026-05-20T12:00:00+08:00", -100, quantity=-1, returns="A"),
    sale("F", "r1", "2026-05-20T12:00:00+08:00", 7, currency="USD"),
    target("rep", "r1", 999),
    target("rep", "r2", 100),
    target("unit", "s1", 1_200),
    target("unit", "tj", 600),
)
BY_HAND: dict[str, list[Row]] = {
    "cn/rep/revenue/2026-05": [(1, "r2", 350, (350, 1, 1, 1), None), (2, "r1", 250, (250, 1, 1, 3), None)],
    "cn/rep/count/2026-05": [(1, "r1", 1, (250, 1, 1, 3), None), (1, "r2", 1, (350, 1, 1, 1), None)],
    "cn/city/revenue/2026-05": [(1, "tj", 500, (500, 1, 1, 3), None), (2, "bj", 100, (100, 1, 1, 1), None)],
    "bj/store/revenue/2026-05": [(1, "s1", 100, (100, 1, 1, 1), None)],
    "tj/store/revenue/2026-05": [(1, "s1", 500, (500, 1, 1, 3), None)],
    "cn/store/revenue/2026": [(1, "s1", 600, (600, 2, 2, 4), None)],
    "s1/rep/revenue/2026-05-14": [(1, "r1", 100, (100, 1, 1, 1), None)],
    "s1/rep/revenue/2026-W20": [(1, "r1", 350, (350, 2, 2, 2), None), (1, "r2", 350, (350, 1, 1, 1), None)],
    "tj/rep/revenue/2026-W21": [(1, "r1", -100, (-100, -1, -1, 1), None)],
    # r1's home stands under Tianjin on May 31; nobody knows where r2 is at home.
    "tj/rep/attainment-revenue/2026-05": [(1, "r1", 250_250, (250, 1, 1, 3), 999)],
    "bj/rep/attainment-revenue/2026-05": [],
    "tj/store/attainment-revenue/2026-05": [(1, "s1", 500_000, (600, 2, 2, 4), 1_200)],
    "cn/city/attainment-revenue/2026-05": [(1, "tj", 833_333, (500, 1, 1, 3), 600)],
}


@pytest.mark.parametrize("name", BY_HAND)
def test_the_oracle_agrees_with_the_hand(name: str) -> None:
    assert boards(STORY).board(name) == BY_HAND[name]


async def test_the_product_agrees_with_the_hand() -> None:
    live = await straight(STORY)
    names = {name: BoardName.parse(name) for name in BY_HAND}
    views = (await live.boards.snapshot(SnapshotRequest(boards=tuple(names.values())))).boards
    for name, board in names.items():
        entries = views[board].entries
        rows = zip(ranks([entry.score for entry in entries]), entries, strict=True)
        assert [(rank, e.member_id, e.score, tuple(e.cell), e.target) for rank, e in rows] == BY_HAND[name], name
    assert live.outcomes == boards(STORY).outcomes


def test_every_line_has_one_outcome() -> None:
    oracle = boards(STORY)
    assert dict(oracle.outcomes) == {"applied": 15, "superseded": 2, "dead_lettered": 1}
    assert oracle.read == len(STORY)
