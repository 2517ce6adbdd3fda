"""What the tests of `standings up` share: its process, commands beside it, and waiting for what they bring about."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil

READY_SECONDS = 120
STOP_SECONDS = 30
COMMAND_SECONDS = 120
POLL_SECONDS = 0.02
NAMES = ("worker", "projector", "api", "kafka", "redis")

Json = dict[str, Any]
STANDINGS = (sys.executable, "-m", "cli.main")


def environment(**told: str) -> dict[str, str]:
    """This process's environment with no settings but those told."""
    return {name: value for name, value in os.environ.items() if not name.startswith("STANDINGS_")} | told


def run(*arguments: object, **told: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, whatever that is; `told`: its settings."""
    return subprocess.run(
        [*STANDINGS, *map(str, arguments)],
        env=environment(**told),
        capture_output=True,
        text=True,
        check=False,
        timeout=COMMAND_SECONDS,
    )


def printed(*arguments: object) -> str:
    """What a command prints that must end well."""
    done = run(*arguments)
    assert done.returncode == 0, f"{arguments[0]} ended with {done.returncode}: {done.stderr[-2000:]}"
    return done.stdout


def begin(log: Path, *arguments: object, **told: str) -> subprocess.Popen[bytes]:
    """Start a command and go on; what it says is added to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen([*STANDINGS, *map(str, arguments)], env=environment(**told), stdout=out, stderr=out)


def wait_for(done: Callable[[], bool], seconds: float, what: str) -> float:
    """Wait until it is done; returns the seconds that it took."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def get(url: str) -> tuple[int, Any]:
    """Status and JSON; the status is 0 while nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, None
    except OSError:
        return 0, None


def scores(api_url: str, board: str, limit: int = 100) -> dict[str, str]:
    """Member to score on one page of a board; empty while there is no answer."""
    status, answer = get(f"{api_url}/v1/boards/{board}?limit={limit}")
    return {row["member_id"]: row["score"] for row in answer["rows"]} if status == 200 else {}


def event(short: str, key: str, data: Json, name: str) -> bytes:
    """A line of an event as an outside system writes it."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": name,
            "source": "tests",
            "type": f"dev.standings.{short}",
            "time": "2026-05-21T08:00:00+08:00",
            "partitionkey": key,
            "datacontenttype": "application/json",
            "data": data,
        }
    ).encode()


def sale(name: str, rep: str, unit: str, amount_minor: int) -> bytes:
    """A line of a sale in May 2026."""
    data = {
        "sale_id": name,
        "line": 1,
        "rep_id": rep,
        "unit_id": unit,
        "occurred_at": "2026-05-21T08:00:00+08:00",
        "revision": 0,
        "currency": "CNY",
        "amount_minor": amount_minor,
        "quantity": 1,
        "product_id": "p",
    }
    return event("sale.recorded.v1", rep, data, name)


def write_lines(file: Path, lines: Sequence[bytes]) -> Path:
    """Write a file of lines; returns it."""
    file.write_bytes(b"".join(line + b"\n" for line in lines))
    return file


class Up:
    """One run of `standings up --no-simulate`."""

    def __init__(self, folder: Path) -> None:
        self.data_dir = folder / "演示 data"
        self.ready_file = folder / "ready" / "up.json"
        self.log = folder / "up.log"
        self.process = begin(
            self.log, "up", "--no-simulate", "--data-dir", self.data_dir, "--ready-file", self.ready_file
        )

    def ready(self) -> Json:
        """The ready file as it is now."""
        found: Json = json.loads(self.ready_file.read_text(encoding="utf-8"))
        return found

    def await_ready(self) -> Json:
        """Wait until it serves; returns the ready file."""
        wait_for(lambda: self.ready_file.exists() or self.process.poll() is not None, READY_SECONDS, "up serves")
        assert self.process.poll() is None, self.log.read_text(encoding="utf-8")
        return self.ready()

    def family(self) -> list[psutil.Process]:
        """Every process that it started and those started."""
        children: list[psutil.Process] = psutil.Process(self.process.pid).children(recursive=True)
        return children

    def interrupt(self) -> list[psutil.Process]:
        """Ctrl-C; returns the processes that are left when it has ended."""
        ours = self.family()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(STOP_SECONDS)
        return [child for child in ours if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]

    def end(self) -> None:
        """Whatever happened: nothing of it is left when a test is over."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS + 5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
