"""Real processes of ours that a test starts, kills, freezes and stops, and the keeper that starts again what ended."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from cli.probes import http_ok
from cli.processes import ChildProcess, free_port

PROJECT_DIR = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.05
READY_SECONDS = 60.0
STOP_SECONDS = 20.0


class Process:
    """One worker, projector or API.

    Attributes:
        name: also of its log file.
        wanted: whether the keeper starts it when it has ended.
        starts: how often it was started.
    """

    def __init__(self, folder: Path, name: str, argv: Sequence[str], environment: Mapping[str, str]) -> None:
        self.name = name
        self.wanted = False
        self.starts = 0
        self.port = free_port()
        self._argv = [sys.executable, "-m", *argv]
        self._environment = clean_environment() | dict(environment) | {"STANDINGS_METRICS__PORT": str(self.port)}
        self._child = ChildProcess(name, folder / name, folder / f"{name}.log")
        self._lock = threading.Lock()

    @property
    def pid(self) -> int | None:
        """Its pid while it runs."""
        return self._child.pid

    @property
    def exit_code(self) -> int | None:
        """How it ended last; negative: by that signal."""
        return self._child.exit_code

    def start(self) -> None:
        """Start it, and from here on again whenever it ends."""
        with self._lock:
            self.wanted = True
            self._start()

    def keep(self) -> None:
        """Start it if it has ended and should run."""
        with self._lock:
            if self.wanted:
                self._start()

    def _start(self) -> None:
        if self.pid is None:
            self.starts += 1
            self._child.spawn(self._argv, self._environment)

    def is_ready(self) -> bool:
        """Whether it says that it serves: a worker when its partitions are open, a projector when boards are shown."""
        return self.pid is not None and http_ok(self.port, "/readyz")

    def await_ready(self) -> None:
        """Wait until it is ready; meanwhile it may end and be started again."""
        wait_for(self.is_ready, READY_SECONDS, lambda: f"{self.name} is ready; its log ends:\n{self.tail()}")

    def kill(self) -> None:
        """SIGKILL; returns when it is gone. The keeper starts it again if it is wanted."""
        with self._lock:
            self._child.kill()

    def freeze(self) -> None:
        """SIGSTOP."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        with self._lock:
            if (pid := self.pid) is not None:
                os.kill(pid, number)

    def leave(self) -> int:
        """SIGTERM, and no new start; returns the exit code."""
        with self._lock:
            self.wanted = False
            self._child.ask_to_stop()
        wait_for(lambda: self.pid is None, STOP_SECONDS, f"{self.name} has stopped")
        code = self.exit_code
        assert code is not None
        return code

    def end(self) -> None:
        """Whatever happened: it is gone."""
        with self._lock:
            self.wanted = False
            self._child.kill()

    def metric(self, name: str) -> float:
        """The sum of a metric over its labels; 0 if it can't be had."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as response:
                lines = response.read().decode().splitlines()
        except OSError:
            return 0.0
        return sum(float(line.rpartition(" ")[2]) for line in lines if re.match(rf"{name}[ {{]", line))

    def tail(self) -> str:
        """The end of its log."""
        return self._child.log_tail(40)


class Keeper:
    """Starts again whatever ended and is still wanted, as a supervisor would."""

    def __init__(self) -> None:
        self.processes: list[Process] = []
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="keeper")
        self._thread.start()

    def _keep(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS):
            for process in list(self.processes):
                process.keep()

    def end(self) -> None:
        """End all of them, then the keeper."""
        self._stopping.set()
        for process in self.processes:
            process.end()
        self._thread.join()


def command(kind: str, told: Mapping[str, object] | None = None) -> list[str]:
    """What is run: a part of the product by its command line, or the tests' worker, which is told more."""
    if told is None:
        return ["cli.main", kind]
    return [f"tests.faults.{kind}_process", json.dumps(dict(told))]


def clean_environment() -> dict[str, str]:
    """This process's environment without settings, so that a child imports this very tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STANDINGS_")}
    return kept | {"PYTHONPATH": str(PROJECT_DIR), "PYTHONUNBUFFERED": "1"}


def wait_for(done: Callable[[], bool], seconds: float, what: str | Callable[[], str]) -> float:
    """Wait until it is done; returns the seconds that it took. Processes offer nothing better to await."""
    began = time.monotonic()
    while not done():
        if time.monotonic() - began > seconds:
            raise AssertionError(f"not within {seconds:.0f} s: {what if isinstance(what, str) else what()}")
        time.sleep(LOOK_SECONDS)
    return time.monotonic() - began
