"""Whatever happens to workers, logs, projectors and boards: every mark and every board is true, all the time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.model.__main__ import main
from tests.model.checking import Tally, check, replay_command
from tests.model.history import run_history
from tests.model.parts import Rules

HISTORIES = 5_000
PROCESSES = 2


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_in_five_thousand_random_histories_everything_stays_true() -> None:
    tally = check(range(HISTORIES), processes=PROCESSES)
    assert tally.first is None, f"{tally.first.wrong}\n{replay_command(tally.first.seed)}"
    assert_meaningful(tally)


def assert_meaningful(tally: Tally) -> None:
    """The histories did contain what they are about."""
    a_history = {name: count / tally.histories for name, count in tally.sums.items()}
    assert a_history["counted"] > 10, a_history
    assert a_history["rejected"] > 1, a_history
    assert a_history["reclaimed"] > 0.1, a_history
    assert a_history["rebuilt"] > 0.02, a_history
    assert a_history["shown"] > 10, a_history
    assert a_history["built"] > 2, a_history
    assert a_history["refused"] > 1, a_history


def test_a_seed_says_everything_about_a_history() -> None:
    def told(seed: int) -> list[str]:
        lines: list[str] = []
        run_history(seed, Rules(), lines.append)
        return lines

    assert told(3) == told(3)
    assert told(3) != told(4)


def test_the_first_wrong_history_is_named_with_the_command_that_replays_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--histories", "50", "--without", "at"]) == 1
    *_, last = capsys.readouterr().out.splitlines()
    assert last.startswith("python -m tests.model --histories 1 --seed ")
    assert main(last.split()[3:]) == 1
    assert main(["--histories", "2"]) == 0


def test_the_rules_are_documented_and_every_documented_one_exists(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--rules"]) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    page = (Path(__file__).parents[2] / "docs/explanation/model.md").read_text(encoding="utf-8")
    documented = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    assert documented == names
