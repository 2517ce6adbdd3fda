"""Each rule is needed: without it some history is wrong. What is only a second guard says why it stays."""

from __future__ import annotations

import pytest

from tests.model.history import run_history
from tests.model.rules import RULES

NEEDED = [name for name, rule in RULES.items() if not rule.kept]


@pytest.mark.parametrize("name", NEEDED)
def test_without_this_rule_some_history_is_wrong(name: str) -> None:
    rule = RULES[name]
    found = any(run_history(seed, rule.without).wrong for seed in range(rule.first, rule.first + rule.search))
    assert found, f"nothing is wrong in {rule.search} histories without: {rule.says}"


@pytest.mark.parametrize("name", [name for name in RULES if name not in NEEDED])
def test_a_second_guard_is_no_guard_against_itself(name: str) -> None:
    """Histories run to their end without it, so that the count in the documentation means something."""
    assert [run_history(seed, RULES[name].without).wrong for seed in range(20)] == [""] * 20
