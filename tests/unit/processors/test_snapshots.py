"""A snapshot file is whole, or it is refused."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from processors.engine.changelog import Row
from processors.engine.snapshots import (
    BLOCK_ROWS_MAX,
    FORMAT,
    SnapshotFacts,
    SnapshotFile,
    SnapshotRefused,
    write_snapshot,
)

ROWS: list[Row] = [(b"k%05d" % number, os.urandom(20)) for number in range(2 * BLOCK_ROWS_MAX + 17)]


def facts(**changed: Any) -> SnapshotFacts:
    told: dict[str, Any] = {
        "format": FORMAT,
        "topic": "log",
        "partition": 3,
        "mark": 41,
        "marked_ms": 1_700_000_000_000,
        "end": 41,
        "epoch": 7,
        "positions": {"sales": 9, "control": 2},
        "fenced": [(b"\0mark", 5)],
    }
    return SnapshotFacts(**(told | changed))


def read(path: Path) -> tuple[SnapshotFacts, list[Row]]:
    with SnapshotFile(path) as file:
        return file.facts, [row for block in file.blocks() for row in block]


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "p"
    assert write_snapshot(path, facts(), ROWS) == len(ROWS)
    assert read(path) == (facts(), ROWS)
    assert write_snapshot(path, facts(mark=50), []) == 0
    assert read(path) == (facts(mark=50), [])
    assert os.listdir(tmp_path) == ["p"]


def test_a_file_that_is_changed_or_cut_anywhere_is_refused(tmp_path: Path) -> None:
    path, rnd = tmp_path / "p", random.Random(2)
    write_snapshot(path, facts(), ROWS)
    whole = path.read_bytes()
    for _ in range(300):
        at = rnd.randrange(len(whole))
        damaged = whole[:at] if rnd.random() < 0.3 else whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        path.write_bytes(damaged)
        with pytest.raises(SnapshotRefused):
            read(path)


def test_blocks_of_two_files_are_not_mixed(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    write_snapshot(one, facts(), ROWS)
    write_snapshot(other, facts(), [*ROWS[:5], *ROWS[6:], ROWS[5]])
    half = one.stat().st_size // 2
    one.write_bytes(one.read_bytes()[:half] + other.read_bytes()[half:])
    with pytest.raises(SnapshotRefused):
        read(one)


@pytest.mark.parametrize("content", [b"", b"x" * 1000, b"standings snapshot\n"])
def test_what_is_no_snapshot_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "p").write_bytes(content)
    with pytest.raises(SnapshotRefused):
        read(tmp_path / "p")


def test_another_format_is_refused_by_its_number(tmp_path: Path) -> None:
    write_snapshot(tmp_path / "p", facts(format=FORMAT + 1), ROWS)
    with pytest.raises(SnapshotRefused, match=f"its format is {FORMAT + 1}, not {FORMAT}"):
        read(tmp_path / "p")


def test_giving_up_or_failing_leaves_the_old_file(tmp_path: Path) -> None:
    def failing() -> Iterator[Row]:
        yield from ROWS
        raise ArithmeticError

    path = tmp_path / "p"
    write_snapshot(path, facts(), ROWS)
    assert write_snapshot(path, facts(mark=99), ROWS, give_up=lambda: True) is None
    with pytest.raises(ArithmeticError):
        write_snapshot(path, facts(mark=99), failing())
    assert read(path) == (facts(), ROWS)
    assert os.listdir(tmp_path) == ["p"]
