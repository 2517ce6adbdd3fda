"""Two oracles, written in two languages, agree on every cell of the sales boards."""

from __future__ import annotations

import ast
import random
from pathlib import Path

import pytest

from tests.histories.closing import closing_history
from tests.histories.generator import history
from tests.oracle.oracle import boards
from tests.oracle.sql import sales_cells

PRODUCT = ("events", "domain", "projections", "processors", "api", "cli")


@pytest.mark.parametrize("seed", range(12))
def test_plain_python_and_sql_give_the_same_cells(seed: int) -> None:
    lines = history(random.Random(seed), 120)
    assert sales_cells(lines) == {name: cells for name, cells in boards(lines).scoped.items() if cells}


@pytest.mark.parametrize("seed", range(24))
def test_they_agree_on_what_comes_too_late_for_a_closed_year(seed: int) -> None:
    lines = closing_history(random.Random(seed), 100)
    oracle = boards(lines)
    assert "too_late" in oracle.dead
    assert sales_cells(lines) == {name: cells for name, cells in oracle.scoped.items() if cells}


def test_the_oracles_share_no_code_with_the_product() -> None:
    for path in Path(__file__).parent.glob("*.py"):
        if path.name.startswith("test_"):
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = (
                [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
            )
            assert not {name.split(".")[0] for name in names} & set(PRODUCT), f"{path.name} imports {names}"
