"""`standings replay`: what it refuses, how many processes it takes, and what it says meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from cli.errors import CommandError, ExitCode
from cli.replay import FILE_BYTES_PER_PROCESS, ReplayRequest, processes_for, replay
from cli.replay_progress import LINE_SECONDS, ProgressLines
from cli.settings import RedisSettings, Settings
from processors.replay import FOLD, LOOK


def silent(_: str) -> None:
    """Says nothing."""


@pytest.mark.parametrize("prefix", ["", "standings:", "standings:replay:", "stand", "s"])
def test_a_prefix_that_overlaps_with_the_live_one_is_wrong_usage(tmp_path: Path, prefix: str) -> None:
    settings = Settings(redis=RedisSettings(url="redis://127.0.0.1:1/0"))  # nobody is there, and nobody is asked
    with pytest.raises(CommandError, match="overlaps") as caught:
        replay(settings, ReplayRequest(tmp_path / "file", (), load_prefix=prefix), silent)
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_name_that_is_no_boards_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        replay(Settings(), ReplayRequest(tmp_path / "file", ("cn/rep/profit/2026",)), silent)
    assert caught.value.exit_code == ExitCode.USAGE


def test_a_file_that_is_gone_fails_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"gone\.jsonl") as caught:
        replay(Settings(), ReplayRequest(tmp_path / "gone.jsonl", ("cn/rep/revenue/2026",), processes=1), silent)
    assert caught.value.exit_code == ExitCode.FAILED


@pytest.mark.parametrize(
    ("size", "processors", "processes"),
    [(0, 8, 1), (FILE_BYTES_PER_PROCESS, 8, 1), (3 * FILE_BYTES_PER_PROCESS, 8, 3), (2**40, 8, 8), (2**40, 1, 1)],
)
def test_a_small_file_takes_fewer_processes_than_there_are_processors(
    size: int, processors: int, processes: int
) -> None:
    assert processes_for(size, processors) == processes


def test_progress_is_said_every_few_seconds_with_the_records_so_far() -> None:
    said: list[str] = []
    now = 100.0
    lines = ProgressLines(said.append, lambda: now)
    for stage in (LOOK, FOLD):
        lines.begin(stage, 1_000)
    lines.advance(LOOK, 1_000, 0)
    assert said == []
    now += LINE_SECONDS
    lines.advance(FOLD, 250, 4_000)
    lines.advance(FOLD, 250, 4_000)
    now += LINE_SECONDS
    lines.advance(FOLD, 250, 4_000)
    assert said == ["folding: 25%, 4,000 records", "folding: 75%, 12,000 records"]
