"""Processes under measurement: started as an operator starts them, asked only through what they show to everybody."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil

from cli.processes import free_port, tail

READY_SECONDS = 120.0
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02


class LegFailed(Exception):  # noqa: N818 - what became of it
    """A leg could not be measured; the text says why."""


def run_module(name: str, *arguments: str) -> dict[str, Any]:
    """Run ``python -m NAME ARGUMENTS`` in a process of its own; the JSON object that it prints last.

    Raises:
        LegFailed: it did not come to its end.
    """
    command = [sys.executable, "-m", name, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise LegFailed(f"{name} {' '.join(arguments)}:\n{done.stderr[-2_000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class Cost:
    """CPU seconds, user and system, of some processes, and the time, since a moment."""

    def __init__(self, *pids: int) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._cpu = [_cpu(process) for process in self._processes]
        self._started = time.perf_counter()

    def each(self) -> list[float]:
        """CPU seconds of each process so far."""
        return [_cpu(process) - before for process, before in zip(self._processes, self._cpu, strict=True)]

    @property
    def wall_seconds(self) -> float:
        return time.perf_counter() - self._started


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def peak_rss_mb(pid: int) -> int:
    """The most memory that a process ever held, in MB; where the system does not say, what it holds now."""
    try:
        found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"), re.MULTILINE)
    except OSError:
        found = None
    return int(found.group(1)) >> 10 if found else int(psutil.Process(pid).memory_info().rss) >> 20


class Service:
    """`standings COMMAND` in a process, with metrics on a port of its own."""

    def __init__(self, command: str, environment: Mapping[str, str], folder: Path) -> None:
        self.command = command
        self.log = folder / f"{command}.log"
        self._port = free_port()
        environment = {**os.environ, **environment, "STANDINGS_METRICS__PORT": str(self._port)}
        folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.main", command], env=environment, stdout=log, stderr=log
            )

    def __enter__(self) -> Service:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        return self._process.pid

    def wait_ready(self, seconds: float = READY_SECONDS) -> None:
        """Returns when `/readyz` says so."""
        self.until(lambda: self._get("/readyz") is not None, seconds, "is not ready")

    def until(self, done: Callable[[], bool], seconds: float, what: str, pause: float = POLL_SECONDS) -> None:
        """Wait for something that the process is to bring about.

        Raises:
            LegFailed: it did not, or it ended.
        """
        limit = time.monotonic() + seconds
        while not done():
            if time.monotonic() > limit or self._process.poll() is not None:
                ended = "" if self._process.poll() is None else f" (exit code {self._process.returncode})"
                raise LegFailed(f"the {self.command} {what}{ended}; the end of its log:\n{tail(self.log, 12)}")
            time.sleep(pause)

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of a metric over all its labels that match a regular expression."""
        pattern = rf"^{name}(?:{{[^}}]*{labels}[^}}]*}})? (\S+)$"
        return sum(float(value) for value in re.findall(pattern, self._get("/metrics") or "", re.MULTILINE))

    def kill(self) -> None:
        """Kill -9."""
        self._process.kill()
        self._process.wait(STOP_SECONDS)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL if that is not heard."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def _get(self, path: str) -> str | None:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None
