"""Rules for all tests: in which order they run, and where the project is."""

from __future__ import annotations

from pathlib import Path

import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests last: the browser's driver keeps a loop running in this thread until the run ends."""
    items.sort(key=lambda item: "e2e" in Path(str(item.fspath)).parts)


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The root of the project."""
    return PROJECT_DIR
