from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.api.stage import CountingBoards, Visitor, filled, ids, sale, serving, target, today

MAY = "/v1/boards/city-nj/rep/revenue/2026-05"


async def all_pages(visitor: Visitor, path: str, link: str = "next") -> list[dict[str, Any]]:
    pages = [await visitor.get(path)]
    while pages[-1]["links"][link] is not None:
        pages.append(await visitor.get(pages[-1]["links"][link]))
    return pages


async def test_an_unknown_board_is_empty_and_not_an_error() -> None:
    async with serving(await filled()) as visitor:
        body = await visitor.get("/v1/boards/nowhere/rep/revenue/2026-05")
    assert (body["rows"], body["member_count"], body["roster_count"]) == ([], 0, 0)
    assert body["unit"]["name"] is None


async def test_a_row_says_rank_name_home_gap_target_and_pace() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 900),
        sale("rep-b", "store-1", 500),
        target("rep", "rep-b", 1_000),
        target("unit", "city-nj", 2_000),
        target("unit", "store-1", 1_500),
    )
    async with serving(stage) as visitor:
        body = await visitor.get(MAY)
    assert ids(body["rows"]) == ["rep-a", "rep-b"]
    row = body["rows"][1]
    assert row["rank"] == 2
    assert row["display_name"] == "孙浩然"
    assert (row["unit_id"], row["unit_name"]) == ("store-1", "德基广场店")
    assert row["leader"] == {"rep_id": "rep-a", "name": "周婉清"}
    assert row["score"] == "500"
    assert row["cell"] == {"revenue": "500", "quantity": "1", "count": "1", "lines": "1"}
    assert (row["gap_above"], row["gap_above_per_day"]) == ("400", "37")  # 11 selling days left
    assert (row["target"], row["attainment_ppm"]) == ("1000", 500_000)
    assert (row["remaining"], row["required_per_day"]) == ("500", "46")
    figures = body["unit"]["figures"]
    assert (figures["total"], figures["target"], figures["attainment_ppm"]) == ("1400", "2000", 700_000)
    assert (figures["children_target"], figures["children_target_gap"]) == ("1500", "500")
    assert (figures["selling_days_left"], figures["pace_ppm"]) == (11, 677_419)
    assert body["no_target_count"] == 1
    assert body["as_of"] == {"0": {"sales": 1}} == body["targets_as_of"]


async def test_a_board_of_units_ranks_a_level_with_the_persons_responsible() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 900), sale("rep-c", "store-2", 500), sale("导购/戊", "store/3 园区", 700)
    )
    async with serving(stage) as visitor:
        body = await visitor.get("/v1/boards/nation-cn/store/revenue/2026-Q2")
    assert ids(body["rows"]) == ["store-1", "store/3 园区", "store-2"]
    assert [row["display_name"] for row in body["rows"]] == ["德基广场店", "园区店", "新街口旗舰店"]
    assert [row["leader"] and row["leader"]["name"] for row in body["rows"]] == ["周婉清", None, None]
    assert body["unit"]["levels_below"] == [{"level": "city", "unit_count": 2}, {"level": "store", "unit_count": 3}]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 50])
async def test_paging_forth_and_back_shows_every_row_once_and_in_order(limit: int) -> None:
    stage = await filled(*(sale(f"rep-{n:02}", "store-1", 100 + n // 3) for n in range(20)))
    async with serving(stage) as visitor:
        whole = (await visitor.get(f"{MAY}?limit=1000"))["rows"]
        pages = await all_pages(visitor, f"{MAY}?limit={limit}")
        assert [row for page in pages for row in page["rows"]] == whole
        back = await all_pages(visitor, pages[-1]["links"]["self"], "prev")
    assert [row for page in reversed(back) for row in page["rows"]] == whole


async def test_paging_goes_on_at_the_same_place_when_rows_come_in_before_it() -> None:
    stage = await filled(*(sale(f"rep-{n}", "store-1", 100 - n) for n in range(6)))
    async with serving(stage) as visitor:
        first = await visitor.get(f"{MAY}?limit=3")
        await stage.say(sale("rep-new", "store-1", 500))
        second = await visitor.get(first["links"]["next"])
    assert ids(second["rows"]) == ["rep-3", "rep-4", "rep-5"]


async def test_a_cursor_is_refused_by_another_board_and_by_another_listing() -> None:
    stage = await filled(*(sale(f"rep-{n}", "store-1", 100 - n) for n in range(4)))
    async with serving(stage) as visitor:
        cursor = (await visitor.get(f"{MAY}?limit=2"))["next_cursor"]
        for path in ("/v1/boards/city-nj/rep/revenue/2026", "/v1/boards/store-1/rep/revenue/2026-05", f"{MAY}/absent"):
            problem = await visitor.problem(f"{path}?cursor={cursor}")
            assert (problem["status"], problem["type"]) == (400, "/problems/cursor-of-another-board")
        for broken in (cursor[:-3], "x", "é", cursor + "AAAA"):
            assert (await visitor.problem(f"{MAY}?cursor={broken}"))["type"] == "/problems/bad-cursor"


async def test_ties_share_a_rank_by_the_policy_and_the_gap_is_to_the_next_better_score() -> None:
    stage = await filled(
        *(sale(f"rep-{name}", "store-1", amount) for name, amount in zip("abcd", (9, 7, 7, 3), strict=True))
    )
    async with serving(stage) as visitor:
        rows = (await visitor.get(MAY))["rows"]
        assert [row["rank"] for row in rows] == [1, 2, 2, 4]
        assert [row["is_tied"] for row in rows] == [False, True, True, False]
        assert [row["gap_above"] for row in rows] == [None, "2", "2", "4"]
        dense = await visitor.get(f"{MAY}?tie=dense")
        assert [row["rank"] for row in dense["rows"]] == [1, 2, 2, 3]
        assert "tie=dense" in dense["links"]["self"]
        assert [row["rank"] for row in (await visitor.get(f"{MAY}?tie=ordinal"))["rows"]] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("member", "expected"),
    [
        ("rep-0", "0 1 2 3 4"),
        ("rep-1", "0 1 2 3 4"),
        ("rep-5", "3 4 5 6 7"),
        ("rep-8", "5 6 7 8 9"),
        ("rep-9", "5 6 7 8 9"),
    ],
)
async def test_the_window_around_a_member_is_full_at_the_ends(member: str, expected: str) -> None:
    stage = await filled(*(sale(f"rep-{n}", "store-1", 100 - n) for n in range(10)))
    async with serving(stage) as visitor:
        body = await visitor.get(f"{MAY}/around/{member}?radius=2")
    assert ids(body["rows"]) == [f"rep-{n}" for n in expected.split()]


async def test_the_window_around_a_member_is_the_whole_of_a_short_board() -> None:
    stage = await filled(sale("rep-a", "store-1", 2), sale("导购/戊", "store-1", 1))
    async with serving(stage) as visitor:
        body = await visitor.get(f"{MAY}/around/%E5%AF%BC%E8%B4%AD%2F%E6%88%8A?radius=100")
        assert ids(body["rows"]) == ["rep-a", "导购/戊"]
        assert (await visitor.problem(f"{MAY}/around/rep-d"))["type"] == "/problems/not-on-board"


async def test_chosen_members_come_in_board_order_and_the_others_are_named() -> None:
    stage = await filled(sale("rep-a", "store-1", 2), sale("rep-b", "store-1", 3), sale("导购/戊", "store-1", 1))
    async with serving(stage) as visitor:
        body = await visitor.get(f"{MAY}/members?ids=rep-a,导购/戊&ids=rep-b,rep-z")
        assert (ids(body["rows"]), body["missing"]) == (["rep-b", "rep-a", "导购/戊"], ["rep-z"])
        for query in ("", "?ids=", "?ids=" + ",".join("x" * 101)):
            problem = await visitor.problem(f"{MAY}/members{query}")
            assert (problem["status"], problem["errors"][0]["parameter"]) == (422, "ids")


async def test_who_has_not_sold_is_listed_by_store_with_the_person_responsible() -> None:
    stage = await filled(sale("rep-b", "store-1", 2))
    async with serving(stage) as visitor:
        body = await visitor.get(f"{MAY}/absent")
        board = await visitor.get(MAY)
        pages = await all_pages(visitor, f"{MAY}/absent?limit=1")
    assert (board["roster_count"], board["absent_count"], board["member_count"]) == (4, 3, 1)
    assert body["reason"] == "no_sale"
    assert [(row["member_id"], row["rank"], row["unit_name"]) for row in body["rows"]] == [
        ("rep-a", None, "德基广场店"),
        ("rep-c", None, "新街口旗舰店"),
        ("rep-d", None, "新街口旗舰店"),
    ]
    assert body["rows"][0]["leader"]["name"] == "周婉清"
    assert body["rows"][0]["joined_on"] == "2026-01-01"
    assert [row for page in pages for row in page["rows"]] == body["rows"]


async def test_on_an_attainment_board_a_target_makes_a_row_and_the_absent_have_none() -> None:
    stage = await filled(sale("rep-b", "store-1", 25), target("rep", "rep-a", 100), target("rep", "rep-b", 100))
    async with serving(stage) as visitor:
        board = await visitor.get("/v1/boards/city-nj/rep/attainment-revenue/2026-05")
        absent = await visitor.get("/v1/boards/city-nj/rep/attainment-revenue/2026-05/absent")
    assert [(row["member_id"], row["score"]) for row in board["rows"]] == [("rep-b", "250000"), ("rep-a", "0")]
    assert board["rows"][1]["contribution_ppm"] is None
    assert (absent["reason"], ids(absent["rows"])) == ("no_target", ["rep-c", "rep-d"])


async def test_the_previous_rank_leaves_out_the_business_day_of_today() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 100),
        sale("rep-b", "store-1", 90),
        today("rep-b", "store-1", 20),
        today("rep-c", "store-2", 5),
    )
    async with serving(stage) as visitor:
        month = await visitor.get(MAY)
        assert [(r["member_id"], r["rank"], r["previous_rank"]) for r in month["rows"]] == [
            ("rep-b", 1, 2),
            ("rep-a", 2, 1),
            ("rep-c", 3, None),
        ]
        day = await visitor.get("/v1/boards/city-nj/rep/revenue/2026-05-21")
        assert [r["previous_rank"] for r in day["rows"]] == [None, None]
        stage.tomorrow()
        again = await visitor.get(MAY)
        assert [r["previous_rank"] for r in again["rows"]] == [1, 2, 3]
        assert again["version"] != month["version"]


async def test_the_previous_rank_of_an_attainment_board_leaves_out_today_too() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 60),
        today("rep-b", "store-1", 80),
        *(target("rep", rep, 100) for rep in ("rep-a", "rep-b")),
    )
    async with serving(stage) as visitor:
        body = await visitor.get("/v1/boards/city-nj/rep/attainment-revenue/2026-05")
    assert [(r["member_id"], r["previous_rank"]) for r in body["rows"]] == [("rep-b", 2), ("rep-a", 1)]


async def test_an_etag_holds_until_something_changes_or_the_day_does() -> None:
    stage = await filled(sale("rep-a", "store-1", 100))
    async with serving(stage) as visitor:
        first = await visitor.http.get(MAY)
        etag = first.headers["etag"]
        assert first.headers["cache-control"] == "no-cache"
        same = await visitor.http.get(MAY, headers={"If-None-Match": f'"other", {etag}'})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
        await stage.say(sale("rep-b", "store-1", 5))
        changed = await visitor.http.get(MAY, headers={"If-None-Match": etag})
        assert changed.status_code == 200
        etag = changed.headers["etag"]
        stage.tomorrow()
        assert (await visitor.http.get(MAY, headers={"If-None-Match": etag})).status_code == 200


@pytest.mark.parametrize("path", ["store%2F3%20%E5%9B%AD%E5%8C%BA", "store/3%20%E5%9B%AD%E5%8C%BA", "store%2F3 园区"])
async def test_a_unit_id_may_hold_a_slash_and_chinese_text(path: str) -> None:
    stage = await filled(sale("导购/戊", "store/3 园区", 7))
    async with serving(stage) as visitor:
        body = await visitor.get(f"/v1/boards/{path}/rep/revenue/2026-05")
        assert body["board"] == "store/3 园区/rep/revenue/2026-05"
        assert ids(body["rows"]) == ["导购/戊"]
        again = await visitor.get(body["links"]["self"])
        assert again["rows"] == body["rows"]


@pytest.mark.parametrize(
    "name",
    ["city-nj/rep/profit/2026-05", "city-nj/rep/revenue/2026-13", "city-nj/rep/revenue/May", "a/b%2Fc/revenue/2026"],
)
async def test_a_name_of_no_board_is_a_problem(name: str) -> None:
    async with serving(await filled()) as visitor:
        assert (await visitor.problem(f"/v1/boards/{name}"))["type"] == "/problems/bad-board-name"


async def test_requests_for_the_same_board_share_one_read() -> None:
    boards = CountingBoards()
    stage = await filled(sale("rep-a", "store-1", 1), boards=boards)
    async with serving(stage, snapshot_age_max_seconds=60.0) as visitor:
        await visitor.app.state.reads.is_following.wait()
        bodies = await asyncio.gather(*(visitor.get(MAY) for _ in range(20)))
        assert boards.read_count == 1
        assert all(body == bodies[0] for body in bodies)
        await visitor.get(MAY)
        assert boards.read_count == 1
        await stage.say(sale("rep-b", "store-1", 1))
        await asyncio.sleep(0)
        assert (await visitor.get(MAY))["member_count"] == 2
        assert boards.read_count == 2


async def test_integers_that_need_64_bits_are_exact() -> None:
    big = [
        sale("rep-a", "store-1", 10**11, f"2026-05-{n % 20 + 1:02}T{n // 20 % 24:02}:00:00+08:00") for n in range(200)
    ]
    async with serving(await filled(*big, sale("rep-a", "store-1", 1))) as visitor:
        assert (await visitor.get(MAY))["rows"][0]["score"] == str(200 * 10**11 + 1)
