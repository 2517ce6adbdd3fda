"""AdventureWorks through the whole path: emitted, folded, shown and replayed, equal to the CSV files to the cent.

The boards compared are those of ``tests.adventureworks.loader.board_names``: of every calendar quarter and year,
revenue by region and by seller, and attainment by seller.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote
from urllib.request import urlopen

import psutil
import pytest

from tests.adventureworks.expected import Scores, expected_boards
from tests.adventureworks.loader import BASE_CURRENCY, TIME_ZONE, board_names, events
from tests.adventureworks.source import shared_data

pytestmark = pytest.mark.timeout(900)

STANDINGS = Path(sys.executable).parent / "standings"
ENVIRONMENT = {**os.environ, "STANDINGS_BASE_CURRENCY": BASE_CURRENCY, "STANDINGS_TIME_ZONE": TIME_ZONE}
READY_SECONDS, SHOWN_SECONDS, STOP_SECONDS, POLL_SECONDS = 240, 300, 40, 0.5

Json = dict[str, Any]


def standings(*arguments: object) -> str:
    """Run a command of the product; returns what it printed."""
    done = subprocess.run(
        [str(STANDINGS), *map(str, arguments)],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
        timeout=SHOWN_SECONDS,
    )
    assert done.returncode == 0, f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


def eventually(holds: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"{what} not within {seconds} s"
        time.sleep(POLL_SECONDS)


@pytest.fixture(scope="module")
def folder() -> Path:
    return shared_data()


@pytest.fixture(scope="module")
def events_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("adventureworks") / "events.jsonl"
    path.write_bytes(b"".join(event + b"\n" for event in events(folder)))
    return path


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Json]:
    """The embedded stack without its simulator; the addresses it serves at."""
    data, log = tmp_path_factory.mktemp("stack"), tmp_path_factory.mktemp("log") / "up.log"
    ready = data / "ready.json"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [str(STANDINGS), "up", "--data-dir", str(data / "data"), "--no-simulate", "--ready-file", str(ready)],
            env=ENVIRONMENT,
            stdout=out,
            stderr=subprocess.STDOUT,
        )
        try:
            eventually(lambda: ready.is_file() or process.poll() is not None, READY_SECONDS, "the stack serves")
            assert process.poll() is None, log.read_text()[-4000:]
            yield json.loads(ready.read_text())
        finally:
            pids = json.loads(ready.read_text())["pids"] if ready.is_file() else {}
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
            assert not [name for name, pid in pids.items() if psutil.pid_exists(pid)], "a process was left"


@pytest.fixture(scope="module")
def replayed(folder: Path, events_file: Path) -> Json:
    """What ``standings replay`` says about the file."""
    options = [part for name in board_names(folder) for part in ("--board", name)]
    return cast(Json, json.loads(standings("replay", events_file, *options, "--output", "json")))


def rows_of(api_url: str, board: str) -> list[Json]:
    """All rows of a board, page by page."""
    url = f"{api_url}/v1/boards/" + "/".join(quote(part, safe="") for part in board.rsplit("/", 3)) + "?limit=7"
    rows: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        with urlopen(url + (f"&cursor={quote(cursor, safe='')}" if cursor else "")) as answer:
            page = json.load(answer)
        rows += page["rows"]
        cursor = page["next_cursor"]
    return rows


def scores_of(rows: list[Json]) -> Scores:
    return [(row["rank"], row["member_id"], int(row["score"])) for row in rows]


def digest_of(board: str, rows: list[Json]) -> str:
    """The digest of a board from its rows as anyone can compute it."""
    attainment = "/attainment-" in board
    content = [
        board,
        [
            [
                str(row["rank"]),
                row["member_id"],
                row["score"],
                [row["cell"][part] for part in ("revenue", "quantity", "count", "lines")],
                row["target"] if attainment else None,
            ]
            for row in rows
        ],
    ]
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def test_replay_of_the_file_equals_the_csv_files(folder: Path, replayed: Json) -> None:
    expected = expected_boards(folder)
    for board in board_names(folder):
        assert scores_of(replayed["boards"][board]["rows"]) == expected.get(board, []), board
    accounting = replayed["accounting"]
    assert accounting["read"] == accounting["applied"]


def test_the_whole_path_equals_the_csv_files_to_the_cent(
    folder: Path, events_file: Path, stack: Json, replayed: Json
) -> None:
    expected = expected_boards(folder)
    standings("emit", events_file, "--bootstrap-servers", stack["bootstrap_servers"])

    def shown(board: str) -> bool:
        return scores_of(rows_of(stack["api_url"], board)) == expected.get(board, [])

    eventually(lambda: all(map(shown, board_names(folder))), SHOWN_SECONDS, "every board equals the CSV files")
    for board in board_names(folder):
        rows = rows_of(stack["api_url"], board)
        assert digest_of(board, rows) == replayed["boards"][board]["digest"], board


def test_verify_finds_no_difference_after_it(stack: Json) -> None:
    report = json.loads(
        standings(
            "verify",
            "--bootstrap-servers",
            stack["bootstrap_servers"],
            "--redis-url",
            stack["redis_url"],
            "--output",
            "json",
        )
    )
    accounting = report["accounting"]
    assert report["rows_compared"] > 1_000
    assert accounting["read"] == sum(count for outcome, count in accounting.items() if outcome != "read")
