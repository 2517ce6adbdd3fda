"""One child process of this machine: started, known again later, stopped for certain.

A process is known by its pid file: pid, start time and working folder. All three must fit before anything
is signalled, so a pid that the system has given to somebody else is never touched, and nothing is ever
found by its name.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

PORT_TRIES_MAX = 200
START_TIME_SLACK_SECONDS = 2.0
KILL_WAIT_SECONDS = 5.0

_LINUX = sys.platform.startswith("linux")
# Runs in the child before the real program takes its place (same pid): asks the kernel for a signal when
# the parent dies, and gives up if it died already. A preexec_fn could deadlock in a process with threads.
_DIE_WITH_PARENT = (
    "import ctypes, os, sys\n"
    "ctypes.CDLL(None).prctl(1, int(sys.argv[1]))\n"
    "if os.getppid() != int(sys.argv[2]): sys.exit(1)\n"
    "os.execv(sys.argv[3], sys.argv[3:])\n"
)


class ProcessError(Exception):
    """A process could not be started or stopped; the text says what to do."""


def free_port(wanted: int | None = None) -> int:
    """A TCP port of 127.0.0.1 that nobody listens on now; `wanted` if that one is free.

    Ports come from below the range the system takes for outgoing connections: otherwise a client that
    keeps trying to reach a server which is being restarted could be given the server's own port.

    Raises:
        ProcessError: no free port was found.
    """
    candidates = [] if wanted is None else [wanted]
    candidates += random.sample(range(20_000, 32_000), PORT_TRIES_MAX)
    for port in candidates:
        if port_is_free(port):
            return port
    raise ProcessError(f"no free TCP port on 127.0.0.1 (tried {PORT_TRIES_MAX})")


def port_is_free(port: int) -> bool:
    """Whether 127.0.0.1:`port` can be listened on now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


class ChildProcess:
    """A named process whose working folder is `directory` and whose pid file is in it.

    One process at a time; `spawn` may be called again after it has ended. Output goes to `log_path`.
    """

    def __init__(self, name: str, directory: Path, log_path: Path) -> None:
        """Nothing is started yet; the folders are made when needed."""
        self.name = name
        self.directory = directory.absolute()
        self.log_path = log_path.absolute()
        self._pid_path = self.directory / f"{name}.pid"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The pid of the running process, or None."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    @property
    def exit_code(self) -> int | None:
        """How the last process ended (negative: by that signal), or None if it runs or never ran."""
        return self._process.poll() if self._process is not None else None

    def spawn(self, argv: Sequence[str], env: Mapping[str, str], death_signal: int = signal.SIGKILL) -> int:
        """Starts `argv` and returns its pid at once.

        Call it from the main thread: on Linux the child gets `death_signal` when the thread that started
        it ends. The child has its own process group, so Ctrl-C in the terminal reaches only the parent.

        Raises:
            ProcessError: the last process still runs, or the program can't be started.
        """
        if self.pid is not None:
            raise ProcessError(f"{self.name} is already running as pid {self.pid}")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.log_path.parent.mkdir(parents=True, exist_ok=True)
        command = list(argv)
        if _LINUX:
            launcher = [sys.executable, "-I", "-S", "-c", _DIE_WITH_PARENT, str(int(death_signal)), str(os.getpid())]
            command = launcher + command
        with self.log_path.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    cwd=self.directory,
                    env=dict(env),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            except OSError as error:
                raise ProcessError(f"{self.name} could not be started: {error}") from error
        self._remember(self._process.pid)
        return self._process.pid

    def stop(self, timeout_seconds: float = 15.0) -> None:
        """Ends the process: SIGTERM, after the timeout SIGKILL; returns when it is gone. Harmless if none runs."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(KILL_WAIT_SECONDS)
        self._pid_path.unlink(missing_ok=True)

    def ask_to_stop(self) -> None:
        """Sends SIGTERM and returns; follow it by `stop`."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def kill(self) -> None:
        """SIGKILL, for tests and for what answers nothing else; returns when it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(KILL_WAIT_SECONDS)

    def stop_leftover(self, timeout_seconds: float = 15.0) -> int | None:
        """Ends what an earlier run left behind in this folder; returns its pid, or None if there was nothing.

        Raises:
            ProcessError: it can't be ended.
        """
        found = self._recall()
        if found is None:
            self._pid_path.unlink(missing_ok=True)
            return None
        try:
            found.resume()  # a stopped process would not see SIGTERM
            found.terminate()
            try:
                found.wait(timeout_seconds)
            except psutil.TimeoutExpired:
                found.kill()
                found.wait(KILL_WAIT_SECONDS)
        except psutil.NoSuchProcess:
            pass
        except (psutil.AccessDenied, psutil.TimeoutExpired) as error:
            raise ProcessError(f"{self.name} of an earlier run (pid {found.pid}) can't be stopped") from error
        self._pid_path.unlink(missing_ok=True)
        return int(found.pid)

    def log_tail(self, lines_max: int = 15) -> str:
        """The last lines of the log, for error messages."""
        return tail(self.log_path, lines_max)

    def _remember(self, pid: int) -> None:
        try:
            started = psutil.Process(pid).create_time()
        except psutil.NoSuchProcess:
            return
        record = json.dumps({"pid": pid, "started": started, "directory": str(self.directory)})
        part = self._pid_path.with_suffix(".part")
        part.write_text(record, encoding="utf-8")
        part.replace(self._pid_path)

    def _recall(self) -> psutil.Process | None:
        """The live process that the pid file means, or None."""
        try:
            record = json.loads(self._pid_path.read_text(encoding="utf-8"))
            found = psutil.Process(int(record["pid"]))
            same_start = abs(found.create_time() - float(record["started"])) < START_TIME_SLACK_SECONDS
            same_folder = os.path.samefile(found.cwd(), self.directory)
            alive = found.status() != psutil.STATUS_ZOMBIE
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return None
        return found if same_start and same_folder and alive else None


def tail(path: Path, lines_max: int) -> str:
    """The last `lines_max` lines of a text file; empty if it can't be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - 16_384))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines_max:])


def stop_all(processes: Sequence[ChildProcess], timeout_seconds: float) -> None:
    """Ends several processes together within the timeout; those that stay are killed."""
    for process in processes:
        process.ask_to_stop()
    deadline = time.monotonic() + timeout_seconds
    for process in processes:
        process.stop(max(0.1, deadline - time.monotonic()))
