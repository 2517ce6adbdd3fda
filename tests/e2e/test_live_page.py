"""What the page does: a sale appears, the tree is walked by clicks, states are said, addresses are kept."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import retail
from tests.e2e.conftest import NARROW, PHONE, OpenPage
from tests.e2e.expected import Look
from tests.e2e.reader import PAINTED, board_path, fetch, read_page
from tests.e2e.stage import Stage
from tests.e2e.test_every_number import compare, page_and_answer

BY_NAME = {rep.name: rep for rep in retail.reps()}


def names(page: Page) -> list[str]:
    """The names on the board, in order."""
    return page.locator("tbody .name .link").all_text_contents()


def test_a_new_sale_appears_without_reload_and_moves_its_seller_up(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=nj&members=rep", motion=True)
    page.wait_for_selector(PAINTED)
    page.evaluate("() => { window.stayed = true; }")
    before, answer = page_and_answer(page)
    below = answer["rows"][3]
    gap = int(below["gap_above"])
    stage.show([retail.sale(BY_NAME[below["display_name"]], "overtakes", gap + 100)])
    page.wait_for_selector(f"tbody tr:nth-child(3)[data-member='{below['member_id']}']")
    shown, answer = page_and_answer(page)
    assert shown["version"] != before["version"]
    assert page.evaluate("() => window.stayed") is True
    compare(shown, answer, Look("zh"))
    gained = page.locator(f"tr[data-member='{below['member_id']}'] .c-score").get_attribute("data-gained")
    assert gained == f"+{(gap + 100) // 100:,}"


def test_a_new_first_and_the_readers_own_passes_are_spoken(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=sz&members=rep")
    page.wait_for_selector(PAINTED)
    _, answer = page_and_answer(page)
    second = answer["rows"][1]
    rep = next(r for r in retail.reps() if r.rep_id == second["member_id"])
    stage.show([retail.sale(rep, "first", int(second["gap_above"]) + 100)])
    expect(page.locator(".spoken[role=status]")).to_have_text(f"{rep.name} 从第 2 到第 1")


def test_paused_nothing_moves_and_resumed_the_latest_is_shown(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=hz&members=rep")
    page.wait_for_selector(PAINTED)
    pause = page.get_by_role("button", name="暂停更新")
    pause.click()
    expect(page.locator(".live b")).to_have_text("已暂停")
    before = read_page(page)
    last = before["rows"][-1]
    rep = next(r for r in retail.reps() if r.rep_id == last["member"])
    stage.show([retail.sale(rep, "while-paused", 100_000_000)])
    page.wait_for_function("shown => window.standings.latest.version !== shown", arg=before["version"])
    assert read_page(page)["rows"] == before["rows"]
    pause.click()
    page.wait_for_selector(f"tbody tr:first-child[data-member='{rep.rep_id}']")
    compare(*page_and_answer(page), Look("zh"))


def test_a_click_at_a_time_leads_from_the_nation_to_a_store(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("")
    expect(page.locator("h1")).to_have_text("全国")
    for name in ("华东大区", "江苏省", "南京市"):
        page.locator("tbody").get_by_role("link", name=name, exact=True).click()
        expect(page.locator("h1")).to_have_text(name)
    page.locator(".drill summary").click()
    page.locator(".drill").get_by_role("link", name="新街口片区").click()
    expect(page.locator("h1")).to_have_text("新街口片区")
    page.get_by_role("button", name="门店", exact=True).click()
    page.locator("tbody").get_by_role("link", name="德基广场店", exact=True).click()
    expect(page.locator("h1")).to_have_text("德基广场店")
    assert names(page) == ["周婉清", "徐若曦"]
    compare(*page_and_answer(page), Look("zh"))
    page.locator(".path").get_by_role("link", name="江苏省").click()
    expect(page.locator("h1")).to_have_text("江苏省")
    page.go_back()
    expect(page.locator("h1")).to_have_text("德基广场店")


def test_the_list_of_units_below_shows_the_apis_attainment(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=nj")
    page.wait_for_selector(PAINTED)
    page.locator(".drill summary").click()
    page.wait_for_selector(".drill li a")
    units = fetch(page, "/v1/units/nj/children?bucket=2026-05&metric=revenue")["units"]
    shown = [entry.locator("b").text_content() for entry in page.locator(".drill li").all()]
    ppms = [unit["figures"]["attainment_ppm"] for unit in units]
    assert shown == ["–" if p is None else f"{int(p) // 1000 / 10:.1f}%" for p in ppms]


def test_who_has_not_sold_is_listed_with_the_person_responsible(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=nj&members=rep&bucket=2026-05-21")
    page.wait_for_selector(PAINTED)
    page.locator(".absent summary").click()
    page.wait_for_selector(".absent li")
    rows = fetch(page, board_path("nj/rep/revenue/2026-05-21") + "/absent")["rows"]
    texts = page.locator(".absent li").all_text_contents()
    assert len(texts) == len(rows) == fetch(page, board_path("nj/rep/revenue/2026-05-21"))["absent_count"]
    for text, row in zip(texts, rows, strict=True):
        leader = row["leader"]["name"] if row["leader"] else "未指定"
        assert text == f"{row['display_name']}{row['unit_name']}，负责人 {leader}，2025年11月3日入职"


def test_a_name_that_is_markup_is_shown_as_it_is(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=s-hy&members=rep&still")
    page.wait_for_selector(PAINTED)
    assert retail.MARKUP_NAME in names(page)
    assert page.locator("tbody .name b").count() == 0


def test_search_finds_a_store_and_a_person(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=nj")
    page.wait_for_selector(PAINTED)
    page.keyboard.press("/")
    page.keyboard.type("吴思远")
    page.locator(".results").get_by_role("link", name="吴思远").click()
    expect(page.locator("tr.me .name")).to_have_text("吴思远我")
    page.get_by_role("searchbox").fill("砂之船")
    page.locator(".results").get_by_role("link", name="江宁砂之船店").click()
    expect(page.locator("h1")).to_have_text("江宁砂之船店")


def test_a_click_on_a_name_makes_it_the_readers_row_and_again_undoes_it(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=nj&members=rep")
    page.locator("tbody").get_by_role("button", name="赵雨桐").click()
    expect(page.locator("tr.me .name")).to_have_text("赵雨桐我")
    assert "me=rep-0004" in page.url
    page.locator("tr.me").get_by_role("button").click()
    expect(page.locator("tr.me")).to_have_count(0)


@pytest.mark.parametrize("metric", ["revenue", "attainment"])
def test_around_me_of_a_member_beyond_the_first_rows_is_its_own_answer(
    metric: str, stage: Stage, open_page: OpenPage
) -> None:
    page = open_page("unit=cn&members=rep&still")
    page.wait_for_selector(PAINTED)
    name = f"cn/rep/{'attainment-revenue' if metric == 'attainment' else metric}/2026"
    first = fetch(page, board_path(name) + "?limit=1000")
    me = first["rows"][115 if metric == "revenue" else -1]["member_id"]
    page.goto(f"/?unit=cn&members=rep&period=year&metric={metric}&me={me}&view=around")
    beyond = me not in [row["member_id"] for row in first["rows"][:100]]
    shown, answer = page_and_answer(page, f"/around/{me}?radius=6" if beyond else "?limit=100")
    if beyond:
        compare(shown, answer, Look("zh", me=me))
    kept = [row["member"] for row in shown["rows"] if "skip" not in row]
    assert me in kept
    assert any("skip" in row for row in shown["rows"])
    page.get_by_role("button", name="全部").click()
    expect(page.locator("tbody tr:not(.skip)")).to_have_count(min(100, len(first["rows"])))


def test_the_rest_of_a_long_board_opens(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=cn&members=rep")
    page.wait_for_selector(PAINTED)
    total = fetch(page, board_path("cn/rep/revenue/2026-05"))["member_count"]
    more = page.locator("tr.skip button")
    assert more.text_content() == f"后面还有 {total - 100} 人，展开"
    more.click()
    expect(page.locator("tbody tr:not(.skip)")).to_have_count(total)
    expect(page.locator("tr.skip")).to_have_count(0)


def test_the_address_is_the_board(stage: Stage, open_page: OpenPage) -> None:
    page = open_page("unit=nj")
    page.wait_for_selector(PAINTED)
    page.get_by_role("button", name="季", exact=True).click()
    page.get_by_role("button", name="达成率").click()
    page.get_by_role("button", name="万元").click()
    page.get_by_role("button", name="片区").click()
    page.wait_for_selector("#page[data-board='nj/area/attainment-revenue/2026-Q2']")
    page.get_by_role("button", name="上一期").click()
    page.wait_for_selector("#page[data-board='nj/area/attainment-revenue/2026-Q1']")
    page.get_by_role("button", name="下一期").click()
    page.wait_for_selector("#page[data-board='nj/area/attainment-revenue/2026-Q2']")
    before = read_page(page)
    page.reload()
    assert read_page(page)["rows"] == before["rows"]
    page.get_by_role("link", name="EN", exact=True).click()
    page.wait_for_selector("html[lang=en]")
    assert read_page(page)["board"] == before["board"]


@pytest.mark.parametrize("size", [NARROW, PHONE])
@pytest.mark.parametrize(
    "query",
    ["unit=cn&members=rep&lang=en", "unit=nj&me=rep-0009&period=year", "unit=nj&members=store&metric=attainment"],
)
def test_nothing_scrolls_sideways_on_a_phone(
    query: str, size: tuple[int, int], stage: Stage, open_page: OpenPage
) -> None:
    page = open_page(query + "&still", size)
    page.wait_for_selector(PAINTED)
    page.locator(".absent summary").click()
    assert page.evaluate("() => document.documentElement.scrollWidth") <= size[0]


def test_a_unit_that_nobody_placed_is_said_to_be_none(stage: Stage, open_page: OpenPage, complaints: list[str]) -> None:
    page = open_page("unit=nowhere")
    expect(page.locator(".failed b")).to_have_text("没有这个单位")
    complaints[:] = [said for said in complaints if "404" not in said]


def test_while_the_boards_are_rebuilt_the_page_says_so_and_then_shows_them(
    open_page: OpenPage, complaints: list[str], stage: Stage
) -> None:
    fresh = Stage(retail.NOW)
    fresh.start()
    try:
        page = open_page("")
        page.goto(fresh.url + "/")
        expect(page.locator(".live b")).to_have_text("正在重建")
        expect(page.locator("tbody tr")).to_have_count(0)
        fresh.show(retail.organisation())
        fresh.publish()
        expect(page.locator("h1")).to_have_text("全国", timeout=20_000)
        expect(page.locator(".live b")).to_have_text("实时")
    finally:
        fresh.stop()
    expect(page.locator(".live b")).to_have_text("连接中断")
    complaints[:] = [said for said in complaints if "503" not in said and "ERR_" not in said]
