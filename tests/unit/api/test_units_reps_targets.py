from __future__ import annotations

from tests.unit.api.stage import filled, sale, serving, target, today
from tests.unit.domain.build import calendar, closed, joined, left, placed


async def test_the_tree_is_read_from_the_top_down_with_totals_and_leaders() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 300),
        sale("rep-c", "store-2", 500),
        target("unit", "store-1", 1_000),
        target("unit", "store-2", 400),
        target("unit", "city-nj", 2_000),
    )
    async with serving(stage) as visitor:
        roots = await visitor.get("/v1/units?bucket=2026-05")
        assert [unit["unit_id"] for unit in roots["units"]] == ["nation-cn"]
        children = await visitor.get("/v1/units/city-nj/children?bucket=2026-05")
        assert [(u["unit_id"], u["figures"]["total"], u["figures"]["attainment_ppm"]) for u in children["units"]] == [
            ("store-2", "500", 1_250_000),
            ("store-1", "300", 300_000),
        ]
        assert children["units"][1]["leader"] == {"rep_id": "rep-a", "name": "周婉清"}
        path = await visitor.get("/v1/units/store-1/path?bucket=2026-05")
        assert [unit["name"] for unit in path["units"]] == ["全国", "南京市", "德基广场店"]
        city = (await visitor.get("/v1/units/city-nj?bucket=2026-05"))["unit"]
    assert city["leader"] == {"rep_id": "rep-c", "name": "陈立新"}
    assert city["path"][-1] == {"unit_id": "city-nj", "name": "南京市", "level": "city"}
    figures = city["figures"]
    assert (figures["total"], figures["target"], figures["remaining"]) == ("800", "2000", "1200")
    assert (figures["children_target"], figures["children_target_gap"]) == ("1400", "600")


async def test_without_a_bucket_there_are_no_figures() -> None:
    async with serving(await filled()) as visitor:
        body = await visitor.get("/v1/units/store%2F3%20%E5%9B%AD%E5%8C%BA")
        assert (body["unit"]["name"], body["unit"]["figures"]) == ("园区店", None)
        children = await visitor.get("/v1/units/city-sz/children")
        assert [unit["unit_id"] for unit in children["units"]] == ["store/3 园区"]


async def test_a_unit_whose_id_ends_like_a_listing_is_still_a_unit() -> None:
    async with serving(await filled(placed("a/children", "city-sz", level="store"))) as visitor:
        body = await visitor.get("/v1/units/a%2Fchildren")
    assert body["unit"]["unit_id"] == "a/children"


async def test_the_tree_is_that_of_the_day_asked_for() -> None:
    move = placed("store-2", "city-sz", "2026-05-10", name="新街口旗舰店")
    async with serving(await filled(move, closed("store-1", "2026-05-15"))) as visitor:

        async def children(unit_id: str, query: str) -> list[str]:
            body = await visitor.get(f"/v1/units/{unit_id}/children{query}")
            return [unit["unit_id"] for unit in body["units"]]

        assert await children("city-nj", "?on=2026-05-01") == ["store-1", "store-2"]
        assert await children("city-nj", "") == []
        assert await children("city-nj", "?bucket=2026-04") == ["store-1", "store-2"]
        assert await children("city-sz", "") == ["store-2", "store/3 园区"]


async def test_selling_days_come_from_the_calendar_and_end_with_the_period() -> None:
    weekdays = calendar("nation-cn", weekdays=(1, 2, 3, 4, 5), holidays=("2026-05-01",))
    async with serving(await filled(weekdays)) as visitor:
        may = (await visitor.get("/v1/units/city-nj?bucket=2026-05"))["unit"]["figures"]
        april = await visitor.get("/v1/boards/city-nj/rep/revenue/2026-04")
        june = await visitor.get("/v1/boards/city-nj/rep/revenue/2026-06")
    assert (may["selling_day_count"], may["selling_days_left"], may["pace_ppm"]) == (20, 7, 700_000)
    assert (april["period"]["phase"], april["provisional"], april["period"]["selling_days_left"]) == ("ended", True, 0)
    assert (april["period"]["pace_ppm"], june["period"]["pace_ppm"]) == (1_000_000, 0)
    assert (june["period"]["phase"], june["provisional"]) == ("upcoming", False)


async def test_who_has_left_is_not_on_the_roster_but_keeps_the_row() -> None:
    stage = await filled(
        left("rep-b", "2026-05-10"),
        left("rep-d", "2026-05-10"),
        sale("rep-b", "store-1", 5, "2026-05-02T10:00:00+08:00"),
    )
    async with serving(stage) as visitor:
        body = await visitor.get("/v1/boards/city-nj/rep/revenue/2026-05")
    assert (body["member_count"], body["roster_count"], body["absent_count"]) == (1, 2, 2)
    assert body["rows"][0]["unit_name"] == "德基广场店"


async def test_a_rep_has_totals_targets_and_a_rank_in_every_unit_above() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 300),
        sale("rep-c", "store-2", 500),
        today("rep-a", "store-1", 50),
        target("rep", "rep-a", 700),
    )
    async with serving(stage) as visitor:
        body = await visitor.get("/v1/reps/rep-a")
        past = await visitor.get("/v1/reps/rep-a?on=2026-05-20&ranks=day")
    assert (body["display_name"], body["unit"]["name"], body["present"]) == ("周婉清", "德基广场店", True)
    assert [(t["bucket"], t["total"]) for t in body["totals"]] == [
        ("2026-05-21", "50"),
        ("2026-W21", "350"),
        ("2026-05", "350"),
        ("2026-Q2", "350"),
        ("2026", "350"),
    ]
    assert (body["totals"][2]["target"], body["totals"][2]["attainment_ppm"]) == ("700", 500_000)
    assert [(r["name"], r["rank"], r["previous_rank"], r["member_count"]) for r in body["ranks"]] == [
        ("德基广场店", 1, 1, 1),
        ("南京市", 2, 2, 2),
        ("全国", 2, 2, 2),
    ]
    assert past["ranks"][0]["board"] == "store-1/rep/revenue/2026-05-20"
    assert past["totals"][0]["total"] == "300"


async def test_a_target_shows_its_history_and_what_is_reached_of_the_first_and_the_last() -> None:
    stage = await filled(
        sale("rep-a", "store-1", 300),
        target("unit", "store-1", 600),
        target("unit", "store-1", 400, revision=1),
        target("rep", "导购/戊", 9),
    )
    async with serving(stage) as visitor:
        body = await visitor.get("/v1/targets/unit/store-1/2026-05")
        assert (body["current"], body["original"], body["total"]) == ("400", "600", "300")
        assert (body["attainment_ppm"], body["attainment_of_original_ppm"]) == (750_000, 500_000)
        assert [(h["revision"], h["value"], h["set_by"]) for h in body["history"]] == [
            (0, "600", "hq"),
            (1, "400", "hq"),
        ]
        city = await visitor.get("/v1/targets/unit/city-nj/2026-05")
        assert (city["current"], city["children_target"], city["children_target_gap"]) == (None, "400", None)
        assert (city["history"], city["attainment_ppm"]) == ([], None)
        rep = await visitor.get("/v1/targets/rep/%E5%AF%BC%E8%B4%AD%2F%E6%88%8A/2026-05")
        assert (rep["subject"]["name"], rep["current"]) == ("阿卜杜热西提·买买提依明", "9")


async def test_search_finds_units_and_reps_by_name_and_id_the_best_first() -> None:
    stage = await filled(
        joined("rep-e", "store/3 园区", display_name="新街口旗舰店之友"),
        joined("rep-f", "store-1", display_name="旗舰店"),
    )
    async with serving(stage) as visitor:

        async def found(query: str) -> list[str]:
            return [result["id"] for result in (await visitor.get(f"/v1/search?{query}"))["results"]]

        assert await found("q=旗舰店") == ["rep-f", "store-2", "rep-e"]
        assert await found("q=新街口") == ["store-2", "rep-e"]
        assert await found("q=旗舰店&unit_id=city-nj") == ["rep-f", "store-2"]
        assert await found("q=REP-A") == ["rep-a"]
        assert await found("q=rep-&limit=2") == ["rep-a", "rep-b"]  # by name
        assert await found("q=没有") == []
        results = (await visitor.get("/v1/search?q=周婉清"))["results"]
    assert results == [
        {"kind": "rep", "id": "rep-a", "name": "周婉清", "level": None, "unit_id": "store-1", "unit_name": "德基广场店"}
    ]


async def test_names_follow_the_documents() -> None:
    stage = await filled(sale("rep-a", "store-1", 1))
    async with serving(stage) as visitor:
        await visitor.get("/v1/boards/city-nj/rep/revenue/2026-05")
        await stage.say(joined("rep-a", "store-1", display_name="周婉清（新）", revision=1))
        body = await visitor.get("/v1/boards/city-nj/rep/revenue/2026-05")
    assert body["rows"][0]["display_name"] == "周婉清（新）"
