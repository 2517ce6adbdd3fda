"""Rules for all tests: where the shared inputs are, and what happens where they are not.

A test that needs the folder `../shared` beside the project asks for the fixture `shared_dir`. Where the
folder is absent such a test is skipped with a message; with STANDINGS_REQUIRE_SHARED=1 it fails instead.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

PROJECT_DIR = Path(__file__).resolve().parent.parent
SHARED_DIR = PROJECT_DIR.parent / "shared"


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder of shared inputs (designs, example data)."""
    if not SHARED_DIR.is_dir():
        message = "needs the folder 'shared' beside the project, which is not here"
        if os.environ.get("STANDINGS_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return SHARED_DIR


@pytest.fixture(scope="session")
def project_dir() -> Path:
    """The root of the project."""
    return PROJECT_DIR
