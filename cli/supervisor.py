"""`standings up`: the embedded servers and our own processes on one machine, kept alive until told to stop.

One thread, one loop. Each part is a real process with its own log; whatever ends is started again on the same
port at once, and only after repeated quick exits with growing pauses.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from cli.embedded import EmbeddedKafka, EmbeddedValkey
from cli.jars import Say, silent
from cli.parent import PARENT_VARIABLE
from cli.probes import http_ok
from cli.processes import ChildProcess, ProcessError, free_port, port_is_free, stop_all

API_PORT_WANTED = 8750
LOOP_SECONDS = 0.05
READY_SECONDS = 110.0
QUICK_EXIT_SECONDS = 10.0
QUICK_EXITS_FREE = 3
PAUSE_SECONDS_MAX = 5.0
STOP_OURS_SECONDS = 10.0
STOP_SERVERS_SECONDS = 12.0
LOG_BYTES_MAX = 20 * 1024 * 1024


class StopRequested(BaseException):
    """SIGINT, SIGTERM or SIGHUP arrived. Not an error, so `except Exception` lets it pass."""


@dataclass(frozen=True)
class UpOptions:
    """What to start.

    Attributes:
        data_dir: everything is kept here; a second start goes on with it.
        api_port: None = the one of last time or any free one.
        simulate: arguments of `standings simulate`, or None for no simulator.
        ready_file: written when everything serves, and again whenever a pid changes.
        environment: further variables for our own processes.
    """

    data_dir: Path
    api_port: int | None = None
    simulate: tuple[str, ...] | None = ()
    ready_file: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Part:
    """A process under supervision.

    Attributes:
        name: as in the ready file.
        process: the process that does the work.
        spawn: starts it and returns its pid.
        is_ready: whether it serves now.
    """

    name: str
    process: ChildProcess
    spawn: Callable[[], int]
    is_ready: Callable[[], bool]
    started_at: float = 0.0
    quick_exits: int = 0
    next_start_at: float = 0.0

    def start(self) -> None:
        """Starts the process now."""
        self.started_at = time.monotonic()
        self.spawn()

    def ended(self, now: float) -> float:
        """Notes that it has ended; returns the pause before the next start in seconds."""
        self.quick_exits = self.quick_exits + 1 if now - self.started_at < QUICK_EXIT_SECONDS else 0
        extra = self.quick_exits - QUICK_EXITS_FREE
        pause = 0.0 if extra < 0 else min(PAUSE_SECONDS_MAX, 0.5 * 2**extra)
        self.next_start_at = now + pause
        return pause


class Supervisor:
    """Starts everything, keeps it alive, stops everything."""

    def __init__(
        self,
        options: UpOptions,
        *,
        ensure_topics: Callable[[str], None],
        say: Say = silent,
        on_ready: Callable[[Addresses], None] = lambda _: None,
    ) -> None:
        """`ensure_topics` gets the address of Kafka and makes the topics that are missing."""
        self._options = options
        self._ensure_topics = ensure_topics
        self._say = say
        self._on_ready = on_ready
        self._data_dir = options.data_dir.absolute()
        self._logs = self._data_dir / "logs"
        self._kafka = EmbeddedKafka(self._data_dir / "kafka", log_dir=self._logs, say=say)
        self._valkey = EmbeddedValkey(self._data_dir / "valkey", log_dir=self._logs, say=say)
        self._parts: list[Part] = []
        self._addresses: Addresses | None = None
        self._shown_pids: dict[str, int] = {}

    def run(self) -> None:
        """Returns after SIGINT, SIGTERM or SIGHUP, when everything has ended.

        Raises:
            ProcessError: something does not start; everything has been stopped again.
        """
        with self._alone(), _stop_on_signals():
            try:
                self._start()
                while True:
                    self._tend()
                    time.sleep(LOOP_SECONDS)
            except StopRequested:
                self._say("Stopping")
            finally:
                with _signals_ignored():
                    self._stop()

    # -------------------------------------------------------- start

    def _start(self) -> None:
        if self._options.ready_file is not None:
            self._options.ready_file.unlink(missing_ok=True)
        _shorten_logs(self._logs)
        self._kafka.start()
        self._add(Part("kafka", self._kafka.process, self._kafka.spawn, self._kafka.answers))
        self._valkey.start()
        self._add(Part("redis", self._valkey.process, self._valkey.spawn, self._valkey.answers))
        api_port = self._choose_api_port()
        self._addresses = Addresses(f"http://127.0.0.1:{api_port}", self._kafka.bootstrap_servers, self._valkey.url)
        environment = self._child_environment(api_port)
        self._say("Making the topics")
        self._ensure_topics(self._addresses.bootstrap_servers)
        for name in ("worker", "projector"):
            metrics_port = free_port()
            self._say(f"Metrics of the {name}: http://127.0.0.1:{metrics_port}/metrics")
            self._add_own(name, (name,), environment | {"STANDINGS_METRICS__PORT": str(metrics_port)}, metrics_port)
        self._add_own("api", ("api",), environment, api_port)
        self._await_ready()
        self._write_ready_file()
        if self._options.simulate is not None:
            arguments = ("simulate", "--state-file", str(self._data_dir / "simulator.json"), *self._options.simulate)
            self._add_own("simulator", arguments, environment, None)
        self._on_ready(self._addresses)

    def _add(self, part: Part) -> None:
        part.started_at = time.monotonic()
        self._parts.append(part)

    def _add_own(self, name: str, arguments: tuple[str, ...], environment: Mapping[str, str], port: int | None) -> None:
        """Starts one of our own processes; it is ready when `/readyz` at `port` answers 200."""
        self._say(f"Starting the {name}")
        process = ChildProcess(name, self._data_dir / name, self._logs / f"{name}.log")
        process.stop_leftover()
        argv = (sys.executable, "-m", "cli.main", *arguments)
        part = Part(
            name,
            process,
            lambda: process.spawn(argv, environment, signal.SIGKILL),
            lambda: port is None or http_ok(port, "/readyz"),
        )
        part.start()
        self._parts.append(part)

    def _choose_api_port(self) -> int:
        wanted = self._options.api_port
        remembered = self._data_dir / "api.port"
        if wanted:
            if not port_is_free(wanted):
                raise ProcessError(f"port {wanted} is in use; choose another one with --api-port, or leave it out")
            return wanted
        last = API_PORT_WANTED
        with suppress(OSError, ValueError):
            last = int(remembered.read_text(encoding="utf-8"))
        port = free_port(last)
        remembered.write_text(str(port), encoding="utf-8")
        return port

    def _child_environment(self, api_port: int) -> dict[str, str]:
        assert self._addresses is not None
        return {
            **os.environ,
            **self._options.environment,
            "PYTHONUTF8": "1",
            "PYTHONUNBUFFERED": "1",
            "STANDINGS_KAFKA__BOOTSTRAP_SERVERS": self._addresses.bootstrap_servers,
            "STANDINGS_REDIS__URL": self._addresses.redis_url,
            "STANDINGS_API__HOST": "127.0.0.1",
            "STANDINGS_API__PORT": str(api_port),
            "STANDINGS_WORKER__DATA_DIR": str(self._data_dir / "worker"),
            # A restarted worker takes its own partitions back at once, without waiting for its session to end.
            "STANDINGS_WORKER__INSTANCE_ID": "up",
            PARENT_VARIABLE: str(os.getpid()),
        }

    def _await_ready(self) -> None:
        """Waits until all parts serve; meanwhile what ends is started again."""
        self._say("Waiting for the worker's partitions and the boards")
        deadline = time.monotonic() + READY_SECONDS
        waiting = list(self._parts)
        while waiting:
            self._tend()
            waiting = [part for part in waiting if part.process.pid is None or not part.is_ready()]
            if time.monotonic() > deadline:
                names = ", ".join(part.name for part in waiting)
                tails = "\n".join(f"--- {part.process.log_path}\n{part.process.log_tail()}" for part in waiting)
                raise ProcessError(f"not ready after {READY_SECONDS:.0f} seconds: {names}\n{tails}")
            time.sleep(LOOP_SECONDS)

    # -------------------------------------------------------- run

    def _tend(self) -> None:
        """Starts again what has ended, and says so in the ready file."""
        now = time.monotonic()
        for part in self._parts:
            if part.process.pid is not None:
                continue
            if part.next_start_at <= part.started_at:
                pause = part.ended(now)
                later = f" in {pause:.1f} s" if pause else ""
                self._say(f"{part.name} ended ({_how(part.process.exit_code)}); starting it again{later}")
                if (advice := last_advice(part.process.log_tail())) is not None:
                    self._say(f"A record stops the {part.name}. Until the fault is mended: {advice}")
            if now >= part.next_start_at:
                try:
                    part.start()
                except ProcessError as error:  # no memory, no process left: the system may have some again later
                    self._say(str(error))
        if self._shown_pids and self._pids() != self._shown_pids:
            self._write_ready_file()

    def _pids(self) -> dict[str, int]:
        return {
            part.name: part.process.pid
            for part in self._parts
            if part.process.pid is not None and part.name != "simulator"
        }

    def _write_ready_file(self) -> None:
        """Replaces the ready file by rename: a reader sees the old one or the new one, whole."""
        assert self._addresses is not None
        # A part that pauses before its next start keeps its last pid in the file: the names never change.
        self._shown_pids = self._shown_pids | self._pids()
        path = self._options.ready_file
        if path is None:
            return
        order = ("worker", "projector", "api", "kafka", "redis")
        content = {
            "api_url": self._addresses.api_url,
            "bootstrap_servers": self._addresses.bootstrap_servers,
            "redis_url": self._addresses.redis_url,
            "pids": {name: self._shown_pids[name] for name in order},
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(path.name + ".part")
        part.write_text(json.dumps(content) + "\n", encoding="utf-8")
        part.replace(path)

    # -------------------------------------------------------- stop

    def _stop(self) -> None:
        """Our own processes first, while the servers still take the worker's last flush; then the servers."""
        servers = (self._kafka.process, self._valkey.process)
        stop_all([part.process for part in reversed(self._parts) if part.process not in servers], STOP_OURS_SECONDS)
        stop_all(servers, STOP_SERVERS_SECONDS)
        if self._options.ready_file is not None:
            self._options.ready_file.unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Only one supervisor works on a data folder at a time; the lock ends with the process, however it ends."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        with (self._data_dir / "up.lock").open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                lock.seek(0)
                raise ProcessError(
                    f"{self._data_dir} is in use by another run (pid {lock.read().strip()}); "
                    "stop that one, or choose another folder with --data-dir"
                ) from error
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            yield


@dataclass(frozen=True)
class Addresses:
    """Where everything is."""

    api_url: str
    bootstrap_servers: str
    redis_url: str


def _how(exit_code: int | None) -> str:
    """An exit code in words."""
    if exit_code is None:
        return "unknown"
    return f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"


def last_advice(log_tail: str) -> str | None:
    """The command by which a record can be passed by, if the last line of a log names one, as text or in JSON."""
    found = re.search(r"can be passed by: ([^\"]*standings skip [^\"]*)", log_tail.rstrip().rpartition("\n")[2])
    return found[1] if found is not None else None


def _shorten_logs(folder: Path) -> None:
    """A log that has become long is set aside once; the one set aside before is dropped."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.log"):
        if path.stat().st_size > LOG_BYTES_MAX:
            path.replace(path.with_suffix(".log.1"))


def _raise_stop(_number: int, _frame: FrameType | None) -> NoReturn:
    raise StopRequested


@contextmanager
def _stop_on_signals() -> Iterator[None]:
    with _handlers(_raise_stop):
        yield


@contextmanager
def _signals_ignored() -> Iterator[None]:
    """While stopping, a second Ctrl-C would leave processes behind."""
    with _handlers(signal.SIG_IGN):
        yield


@contextmanager
def _handlers(handler: Callable[[int, FrameType | None], NoReturn] | signal.Handlers) -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
