"""Chromium and the page's server.

``STANDINGS_E2E_URL`` points the tests at a server that runs already, such as the real stack; those that need the
invented retail organisation are skipped then. ``STANDINGS_CHROMIUM`` names the browser. Without one the tests are
skipped, unless ``STANDINGS_REQUIRE_BROWSER=1``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, sync_playwright

from tests.e2e import retail
from tests.e2e.stage import Stage

CHROMIUM = Path(os.environ.get("STANDINGS_CHROMIUM", "/usr/bin/chromium"))
ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
DESK, PHONE, NARROW = (1280, 900), (390, 800), (320, 640)

OpenPage = Callable[..., Page]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this folder needs the browser."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests."""
    if not CHROMIUM.exists():
        message = f"needs Chromium: {CHROMIUM} is not there; STANDINGS_CHROMIUM names another"
        if os.environ.get("STANDINGS_REQUIRE_BROWSER") == "1":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def outside_url() -> str | None:
    """A server that runs already, if one was named."""
    url = os.environ.get("STANDINGS_E2E_URL")
    return url.rstrip("/") if url else None


@pytest.fixture(scope="module")
def stage(outside_url: str | None) -> Iterator[Stage]:
    """The invented organisation on a server of its own."""
    if outside_url:
        pytest.skip("needs the invented organisation; STANDINGS_E2E_URL names another")
    stage = Stage(retail.NOW)
    stage.start()
    stage.show(retail.everything())
    stage.publish()
    yield stage
    stage.stop()


@pytest.fixture(scope="module")
def url(outside_url: str | None, request: pytest.FixtureRequest) -> str:
    """Where the page is."""
    if outside_url:
        return outside_url
    stage: Stage = request.getfixturevalue("stage")
    return stage.url


@pytest.fixture
def complaints() -> list[str]:
    """What the browser's console said against the page, and errors of its scripts."""
    return []


@pytest.fixture
def open_page(browser: Browser, url: str, complaints: list[str]) -> Iterator[OpenPage]:
    """Opens the page with a query, in a window of a size; fails at the end if the browser complained."""
    contexts = []

    def open_it(query: str = "", size: tuple[int, int] = DESK, motion: bool = False) -> Page:
        context = browser.new_context(
            base_url=url,
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="no-preference" if motion else "reduce",
        )
        contexts.append(context)
        page = context.new_page()

        def said(kind: str, text: str) -> None:
            if kind in ("error", "warning"):
                complaints.append(f"{kind}: {text}")

        def failed(error: Error) -> None:
            complaints.append(str(error))

        page.on("console", lambda message: said(message.type, message.text))
        page.on("pageerror", failed)
        page.goto("/?" + query)
        return page

    yield open_it
    for context in contexts:
        context.close()
    assert complaints == []
