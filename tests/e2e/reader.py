"""Reads what is on the page: every cell's text, and every text with a figure that stands anywhere else."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import Page

from tests.e2e.expected import Json

PAINTED = "#page[data-version]"

READ = (Path(__file__).parent / "read_page.js").read_text(encoding="utf-8")


def board_path(name: str) -> str:
    """The API's path of a board."""
    unit_id, *rest = name.rsplit("/", 3)
    return "/v1/boards/" + "/".join([quote(unit_id, safe=""), *rest])


def fetch(page: Page, path: str) -> Json:
    """An answer of the API, asked from the test, not from the page."""
    response = page.request.get(path)
    assert response.ok, f"{path}: {response.status} {response.text()[:300]}"
    answer: Json = response.json()
    return answer


def read_page(page: Page) -> Json:
    """Everything on the page with a figure in it."""
    page.wait_for_selector(PAINTED)
    read: dict[str, Any] = page.evaluate(READ)
    return read
