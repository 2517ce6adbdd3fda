"""A child process is known by pid, start time and folder, and is ended for certain."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from cli.processes import ChildProcess, ProcessError, free_port, port_is_free

SLEEPER = (sys.executable, "-c", "import time; print('up', flush=True); time.sleep(600)")
DEAF = (
    sys.executable,
    "-c",
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)",
)


@pytest.fixture
def child(tmp_path: Path) -> Iterator[ChildProcess]:
    process = ChildProcess("sleeper", tmp_path / "一 folder", tmp_path / "sleeper.log")
    yield process
    process.kill()


def wait_for_up(process: ChildProcess) -> None:
    deadline = time.monotonic() + 20
    while "up" not in process.log_tail():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_the_pid_is_that_of_the_program_itself(child: ChildProcess) -> None:
    pid = child.spawn(SLEEPER, os.environ)
    wait_for_up(child)
    assert psutil.Process(pid).cmdline()[1:2] == ["-c"]
    assert "time.sleep" in psutil.Process(pid).cmdline()[2]


def test_a_second_spawn_is_refused_while_it_runs(child: ChildProcess) -> None:
    child.spawn(SLEEPER, os.environ)
    with pytest.raises(ProcessError):
        child.spawn(SLEEPER, os.environ)


def test_stop_kills_what_ignores_the_request(child: ChildProcess) -> None:
    pid = child.spawn(DEAF, os.environ)
    wait_for_up(child)
    child.stop(timeout_seconds=0.2)
    assert not psutil.pid_exists(pid)
    assert child.exit_code == -signal.SIGKILL


def test_a_later_start_ends_what_is_left_even_if_it_is_frozen(child: ChildProcess, tmp_path: Path) -> None:
    pid = child.spawn(DEAF, os.environ)
    wait_for_up(child)
    os.kill(pid, signal.SIGSTOP)
    later = ChildProcess("sleeper", child.directory, tmp_path / "later.log")
    assert later.stop_leftover(timeout_seconds=0.2) == pid
    assert child.pid is None


def test_a_pid_that_now_belongs_to_another_process_is_not_touched(child: ChildProcess, tmp_path: Path) -> None:
    pid = child.spawn(SLEEPER, os.environ)
    wait_for_up(child)
    pid_file = child.directory / "sleeper.pid"
    record = json.loads(pid_file.read_text(encoding="utf-8"))
    for change in ({"started": record["started"] - 60}, {"pid": os.getpid()}):
        pid_file.write_text(json.dumps(record | change), encoding="utf-8")
        assert ChildProcess("sleeper", child.directory, tmp_path / "later.log").stop_leftover() is None
    elsewhere = ChildProcess("sleeper", tmp_path / "elsewhere", tmp_path / "later.log")
    elsewhere.directory.mkdir()
    (elsewhere.directory / "sleeper.pid").write_text(json.dumps(record), encoding="utf-8")
    assert elsewhere.stop_leftover() is None
    assert child.pid == pid


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"pid": "x"}', '{"pid": 99999999, "started": 1}'])
def test_a_damaged_pid_file_means_nothing(tmp_path: Path, content: str) -> None:
    (tmp_path / "sleeper.pid").write_text(content, encoding="utf-8")
    assert ChildProcess("sleeper", tmp_path, tmp_path / "log").stop_leftover() is None


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the kernel's parent death signal is Linux's")
def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    program = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from cli.processes import ChildProcess\n"
        "child = ChildProcess('sleeper', Path(sys.argv[1]), Path(sys.argv[1]) / 'log')\n"
        f"print(child.spawn({SLEEPER!r}, os.environ), flush=True)\n"
        "import time; time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        found = psutil.Process(int(parent.stdout.readline()))
        deadline = time.monotonic() + 20
        while "up" not in (tmp_path / "log").read_text(encoding="utf-8"):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        parent.kill()
    gone, alive = psutil.wait_procs([found], timeout=10)
    assert not alive
    assert gone


def test_a_wanted_port_is_taken_only_if_it_is_free() -> None:
    port = free_port()
    assert free_port(port) == port
    with socket.create_server(("127.0.0.1", port)):
        assert not port_is_free(port)
        assert free_port(port) != port
