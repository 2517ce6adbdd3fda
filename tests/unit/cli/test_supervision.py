"""What ends is started again at once; only repeated quick exits are followed by pauses."""

from __future__ import annotations

from pathlib import Path

from cli.processes import ChildProcess
from cli.supervisor import PAUSE_SECONDS_MAX, QUICK_EXIT_SECONDS, Part, last_advice
from processors.operator_commands import skip_command


def part(tmp_path: Path) -> Part:
    return Part("worker", ChildProcess("worker", tmp_path, tmp_path / "log"), lambda: 1, lambda: True)


def pauses(tmp_path: Path, lifetimes: list[float]) -> list[float]:
    """The pause after each of several lives of these lengths in seconds."""
    watched, now, found = part(tmp_path), 1000.0, []
    for lifetime in lifetimes:
        watched.started_at = now
        now += lifetime
        found.append(watched.ended(now))
        now += found[-1]
    return found


def test_a_process_that_has_lived_long_is_started_again_at_once_every_time(tmp_path: Path) -> None:
    assert pauses(tmp_path, [QUICK_EXIT_SECONDS + 1] * 20) == [0.0] * 20


def test_the_first_quick_exits_cause_no_pause_and_later_ones_growing_pauses(tmp_path: Path) -> None:
    found = pauses(tmp_path, [0.1] * 12)
    assert found[:2] == [0.0, 0.0]
    assert found == sorted(found)
    assert found[-1] == PAUSE_SECONDS_MAX


def test_a_long_life_ends_the_pauses(tmp_path: Path) -> None:
    assert pauses(tmp_path, [0.1] * 8 + [60.0, 0.1])[-2:] == [0.0, 0.0]


def test_only_the_last_word_of_a_log_is_advice() -> None:
    command = skip_command("north.sales.v1-3@42", "north", "127.0.0.1:9092")
    stopped = f"worker stops: FoldFailed: …\nuntil the fault is mended the record can be passed by: {command}\n"
    assert last_advice(stopped) == command
    assert last_advice(stopped + "worker ready: recovered in 0.1 s\n") is None
    assert last_advice("") is None
    assert last_advice(
        '{"event": "it can be passed by: standings skip sales-3@4 --reason WHY", "level": "critical"}'
    ) == ("standings skip sales-3@4 --reason WHY")
