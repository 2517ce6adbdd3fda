"""The protocol on random histories: all of it exact, and each of its rules needed."""

from __future__ import annotations

import pytest

from tests.model.checking import check, replay_command
from tests.model.rules import RULES

HISTORY_COUNT = 5_000
PROCESSES = 2
NEEDED = [name for name, rule in RULES.items() if not rule.kept]


@pytest.mark.slow
@pytest.mark.timeout(1_200)
def test_no_history_shows_a_wrong_number() -> None:
    tally = check(range(HISTORY_COUNT), processes=PROCESSES)
    assert tally.first is None, f"{tally.first.wrong}; {replay_command(tally.first.seed)}"
    assert tally.histories == HISTORY_COUNT
    met = {name: count for name, count in tally.sums.items() if count < HISTORY_COUNT // 50}
    assert not met, f"too little of it happened for the histories to mean anything: {met}"


@pytest.mark.parametrize("rule", NEEDED)
@pytest.mark.timeout(600)
def test_without_a_rule_some_history_is_wrong(rule: str) -> None:
    assert check(range(RULES[rule].search), rule).first is not None, RULES[rule].says
