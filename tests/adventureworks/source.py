"""Where the CSV files are."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def shared_data() -> Path:
    """The folder of the CSV files, beside the repository; skips the test without it.

    With ``STANDINGS_REQUIRE_SHARED=1`` in the environment a missing folder is a failure.
    """
    folder = REPOSITORY.parent / "shared" / "data" / "adventureworks"
    if not (folder / "Sales.csv").is_file():
        message = f"the AdventureWorks files are not at {folder}"
        if os.environ.get("STANDINGS_REQUIRE_SHARED") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return folder
