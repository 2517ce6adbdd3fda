"""WCAG 2.2 AA by axe, in both languages and themes; what axe does not see is asked by hand."""

from __future__ import annotations

from typing import Any

import pytest
from axe_core_python.sync_playwright import Axe

from tests.e2e.conftest import DESK, NARROW, PHONE, OpenPage
from tests.e2e.reader import PAINTED
from tests.e2e.test_every_number import place_of

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
LOOKS = [
    ("", DESK),
    ("lang=en&theme=dark", DESK),
    ("theme=dark&members=rep", PHONE),
    ("lang=en&metric=attainment&members=rep", NARROW),
    ("bucket=2027-03", DESK),
    ("period=day&members=rep", PHONE),
]
FOCUSED = "() => document.activeElement.closest('tr') ? 'row' : document.activeElement.tagName"


@pytest.mark.parametrize(("query", "size"), LOOKS)
def test_axe_finds_nothing(query: str, size: tuple[int, int], open_page: OpenPage) -> None:
    page = open_page("still", size)
    page.goto(f"/?unit={place_of(page, 'city')}&{query}&still")
    page.wait_for_selector(PAINTED)
    first = page.locator("tbody tr[data-member]").first
    if first.count() and "members=rep" in query:
        first.locator(".link").click()
        page.wait_for_selector("tr.me")
    result: dict[str, Any] = Axe().run(page, options={"runOnly": {"type": "tag", "values": TAGS}})
    found = [(v["id"], [n["html"][:200] for n in v["nodes"][:3]]) for v in result["violations"]]
    assert found == []


def test_the_keyboard_alone_goes_from_the_search_to_the_first_row(open_page: OpenPage) -> None:
    page = open_page("members=rep&still")
    page.wait_for_selector(PAINTED)
    page.keyboard.press("/")
    seen = []
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.append(page.evaluate(FOCUSED))
        if seen[-1] == "row":
            break
    assert seen[-1] == "row"
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_without_motion_the_order_changes_at_once(open_page: OpenPage) -> None:
    page = open_page("members=rep&still")
    page.wait_for_selector(PAINTED)
    assert page.evaluate("() => document.getAnimations().length") == 0
    assert page.evaluate("() => getComputedStyle(document.querySelector('.rail')).transitionDuration") in ("0s", "")
