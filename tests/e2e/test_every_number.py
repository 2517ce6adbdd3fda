"""Every number on the page is compared with the API's answer of the page's version."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from playwright.sync_api import Page

from tests.e2e.conftest import DESK, PHONE, OpenPage
from tests.e2e.expected import (
    Json,
    Look,
    bucket_text,
    count_texts,
    row_texts,
    sold_of,
    time_text,
    unit_texts,
)
from tests.e2e.figures import SCALES, Lang, column_scale
from tests.e2e.reader import board_path, fetch, read_page

ATTEMPTS_MAX = 30
ROW_KEYS = ("member", "rank", "move", "name", "at", "score", "score_title", "gap", "day", "percent")


class Case(NamedTuple):
    """One look at one board."""

    place: str
    query: str
    lang: Lang
    size: tuple[int, int]


CASES = [
    Case("top", "", "zh", DESK),
    Case("top", "members=rep", "zh", DESK),
    Case("top", "members=rep&period=year&scale=wan", "en", DESK),
    Case("top", "members=store&metric=attainment", "zh", PHONE),
    Case("top", "period=quarter", "en", PHONE),
    Case("city", "", "zh", DESK),
    Case("city", "", "zh", PHONE),
    Case("city", "metric=attainment", "en", DESK),
    Case("city", "period=day", "zh", DESK),
    Case("city", "period=day&members=store", "en", PHONE),
    Case("city", "period=week", "zh", DESK),
    Case("city", "period=week&metric=attainment", "en", DESK),
    Case("city", "period=quarter&scale=wan", "zh", DESK),
    Case("city", "period=year&metric=attainment", "zh", PHONE),
    Case("city", "bucket=2026-04", "zh", DESK),
    Case("city", "bucket=2026-02&members=store", "en", DESK),
    Case("city", "bucket=2027-03", "zh", DESK),
    Case("store", "", "zh", DESK),
    Case("store", "metric=attainment&scale=wan", "en", PHONE),
]


def place_of(page: Page, place: str) -> str:
    """A unit: the top, the first way down to where two levels are left, or a store."""
    unit = fetch(page, "/v1/units")["units"][0]
    left = {"top": 99, "city": 2, "store": 0}[place]
    while len(unit["levels_below"]) > left:
        unit = fetch(page, f"/v1/units/{unit['unit_id']}/children?bucket=2026-05")["units"][0]
    unit_id: str = unit["unit_id"]
    return unit_id


def page_and_answer(page: Page, query: str = "?limit=100") -> tuple[Json, Json]:
    """The page, and the API's answer of the same version; on a busy server this takes more than one attempt."""
    for _ in range(ATTEMPTS_MAX):
        shown = read_page(page)
        answer = fetch(page, board_path(shown["board"]) + query)
        if answer["version"] == shown["version"] == read_page(page)["version"]:
            return shown, answer
        page.wait_for_selector(f"#page:not([data-version='{shown['version']}'])")
    raise AssertionError("the board changed faster than it can be read")


def compare(shown: Json, answer: Json, look: Look) -> None:
    """Every text with a figure."""
    rows = [row for row in shown["rows"] if "skip" not in row]
    assert [{key: row[key] for key in ROW_KEYS} for row in rows] == row_texts(answer, look)
    for row, stored in zip(rows, answer["rows"], strict=True):
        assert (row["data_score"], row["data_rank"]) == (stored["score"], str(stored["rank"]))
        assert float(row["reach"]) == pytest.approx(int(stored["attainment_ppm"] or 0) / 1e6)
    expected = {name: text for name, text in unit_texts(answer, look).items() if text is not None}
    expected |= count_texts(answer, look)
    if not answer["member_count"] and not answer["absent_count"]:
        expected = {name: text for name, text in expected.items() if name not in ("absent", "ranked")}
    assert shown["figures"] == expected
    if "required" in expected:
        assert shown["required_term"] == look.words["left"].format(answer["period"]["selling_days_left"])
    scale = SCALES[look.lang][look.scale or column_scale([sold_of(answer, row) for row in answer["rows"]])]
    assert shown["score_head"] == look.words["score"].format(scale.head)
    assert shown["gap_head"] == look.words["gap"].format(scale.head)
    assert shown["period"] == bucket_text(answer, look.lang)
    assert shown["time"] == time_text(answer, look.lang)
    assert shown["unit"] == (answer["unit"]["name"] or answer["unit_id"])
    assert shown["foot"].endswith(f"{look.words['version']} {answer['version']}")
    assert shown["as_of"] == answer["as_of"]
    assert shown["loose"] == []


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place}-{case.query}-{case.lang}-{case.size[0]}")
def test_every_number_on_the_page_is_the_apis_at_the_pages_version(case: Case, open_page: OpenPage) -> None:
    page = open_page("still", case.size)
    unit_id = place_of(page, case.place)
    page.goto(f"/?unit={unit_id}&lang={case.lang}&{case.query}")
    shown, answer = page_and_answer(page)
    scale = "wan" if "scale=wan" in case.query else None
    compare(shown, answer, Look(case.lang, scale))
    words, left = Look(case.lang).words, answer["member_count"] - len(answer["rows"])
    count = words["rep" if answer["members"] == "rep" else "unit"].format(left)
    skips = [row["text"] for row in shown["rows"] if "skip" in row]
    assert skips == ([words["below"].format(count)] if left else [])
    if answer["rows"]:
        columns = [
            "c-rank",
            "c-move",
            "c-name",
            "c-score",
            "c-gap",
            *(["c-day"] if case.size == DESK else []),
            "c-percent",
        ]
        assert shown["columns"] == columns


@pytest.mark.parametrize("lang", ["zh", "en"])
@pytest.mark.parametrize("at", [0, 1, 4, -1])
@pytest.mark.parametrize("metric", ["revenue", "attainment"])
def test_the_readers_own_row_says_what_must_be_sold(at: int, metric: str, lang: Lang, open_page: OpenPage) -> None:
    page = open_page("still")
    unit_id = place_of(page, "city")
    page.goto(f"/?unit={unit_id}&metric={metric}&members=rep")
    _, answer = page_and_answer(page)
    me = answer["rows"][at]["member_id"]
    page.goto(f"/?unit={unit_id}&metric={metric}&members=rep&me={me}&lang={lang}&view=all")
    shown, answer = page_and_answer(page)
    compare(shown, answer, Look(lang, me=me))
    assert [row["member"] for row in shown["rows"] if row.get("me")] == [me]
