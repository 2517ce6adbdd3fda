"""`standings up`: ready file, restarts after kill -9, a stop that leaves nothing, a second start that goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

pytestmark = [pytest.mark.timeout(420), pytest.mark.slow]

READY_SECONDS = 120
STOP_SECONDS = 30
REPLACED_SECONDS = 1.0
EVENTS, EVENTS_A_SECOND = 2_000, 40
NAMES = ("worker", "projector", "api", "kafka", "redis")


class Up:
    """One run of `standings up`."""

    def __init__(self, data_dir: Path, ready_file: Path) -> None:
        self.ready_file = ready_file
        self.log_path = data_dir.parent / "up.log"
        environment = {name: value for name, value in os.environ.items() if not name.startswith("STANDINGS_")}
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "cli.main", "up", "--no-simulate"),
                    *("--data-dir", str(data_dir), "--ready-file", str(ready_file)),
                ],
                env=environment,
                stdout=log,
                stderr=log,
            )

    def ready(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.ready_file.read_text(encoding="utf-8"))
        return found

    def await_ready(self) -> dict[str, Any]:
        wait_for(lambda: self.ready_file.exists() or self.process.poll() is not None, READY_SECONDS)
        assert self.process.poll() is None, self.log_path.read_text(encoding="utf-8")
        return self.ready()

    def interrupt(self) -> list[psutil.Process]:
        """Ctrl-C; returns the processes that are left."""
        ours = psutil.Process(self.process.pid).children(recursive=True)
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        return [child for child in ours if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Up]]:
    started: list[Up] = []

    def begin() -> Up:
        run = Up(tmp_path / "演示 data", tmp_path / "ready" / "up.json")
        started.append(run)
        return run

    yield begin
    for run in started:
        if run.process.poll() is None:
            run.process.terminate()
            run.process.wait(STOP_SECONDS + 5)


def wait_for(done: Callable[[], bool], timeout_seconds: float) -> float:
    """Waits; returns the seconds that it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < timeout_seconds, "it took too long"
        time.sleep(0.02)
    return time.monotonic() - began


def get(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, json.load(response)
    except OSError as error:
        return getattr(error, "code", 0), None


def emit(file: Path, bootstrap_servers: str, rate: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "cli.main", "emit", str(file), "--rate", str(rate)),
            *("--bootstrap-servers", bootstrap_servers),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def write_sales(file: Path, count: int) -> dict[str, str]:
    """Writes sales of three reps; returns their totals."""
    file.write_text("".join(sale(number, f"rep-{number % 3}") + "\n" for number in range(count)), encoding="utf-8")
    return {f"rep-{rep}": str(sum(100 * number for number in range(rep, count, 3))) for rep in range(3)}


def replaced(run: Up, name: str, pid: int) -> bool:
    return bool(run.ready()["pids"][name] != pid)


def event(short: str, key: str, data: dict[str, Any], number: int) -> str:
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "tests",
            "type": f"dev.standings.{short}",
            "time": "2026-05-21T08:00:00+08:00",
            "partitionkey": key,
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def sale(number: int, rep: str) -> str:
    data = {
        "sale_id": f"s{number}",
        "line": 1,
        "rep_id": rep,
        "unit_id": "store-1",
        "occurred_at": "2026-05-21T08:00:00+08:00",
        "revision": 0,
        "currency": "CNY",
        "amount_minor": 100 * number,
        "quantity": 1,
        "product_id": "p",
    }
    return event("sale.recorded.v1", rep, data, number)


def board(api_url: str) -> dict[str, str]:
    """Member to score of the year's board of the store."""
    status, answer = get(f"{api_url}/v1/boards/store-1/rep/revenue/2026")
    return {row["member_id"]: row["score"] for row in answer["rows"]} if status == 200 else {}


def test_up_survives_the_kill_of_every_part_and_leaves_nothing(start: Callable[[], Up], tmp_path: Path) -> None:
    run = start()
    first = run.await_ready()
    assert sorted(first) == ["api_url", "bootstrap_servers", "pids", "redis_url"]
    assert sorted(first["pids"]) == sorted(NAMES)
    for pid in first["pids"].values():
        assert psutil.Process(pid).is_running()
    assert get(f"{first['api_url']}/readyz")[0] == 200

    expected = write_sales(tmp_path / "sales.jsonl", EVENTS)
    emission = emit(tmp_path / "sales.jsonl", first["bootstrap_servers"], EVENTS_A_SECOND)
    wait_for(lambda: len(board(first["api_url"])) == len(expected), 60)
    for name in ("api", "projector", "worker", "redis", "kafka"):
        assert emission.poll() is None, "the load ended before the faults"
        before = run.ready()["pids"]
        os.kill(before[name], signal.SIGKILL)
        took = wait_for(partial(replaced, run, name, before[name]), 10)
        assert took < REPLACED_SECONDS + 1, f"{name}: {took:.1f} s"  # a second of grace on a busy machine
        after = run.ready()
        assert after | {"pids": None} == first | {"pids": None}
        wait_for(lambda: board(first["api_url"]) != {}, 60)
    assert emission.wait(120) == 0
    wait_for(lambda: board(first["api_url"]) == expected, 90)

    refused = start()
    assert refused.process.wait(30) == 1
    assert "in use by another run" in run.log_path.read_text(encoding="utf-8")
    assert run.process.poll() is None

    assert run.interrupt() == []
    assert run.process.returncode == 0
    assert not run.ready_file.exists()

    again = start()
    second = again.await_ready()
    wait_for(lambda: board(second["api_url"]) == expected, 30)
    # Whoever kills the supervisor itself leaves nothing either.
    ours = psutil.Process(again.process.pid).children(recursive=True)
    again.process.kill()
    again.process.wait()
    gone, alive = psutil.wait_procs(ours, timeout=20)
    assert not alive
    assert len(gone) == len(ours)
