"""Shares in processes of their own: all of them come to their end, or nothing counts and none is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import zoneinfo
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from domain.boards import AttainmentGroup
from domain.cells import Cell
from processors.replay_processes import run_in_processes
from processors.shares import Advanced, Change, Folded, Piece, Share, ShareFailed, Talk, Told
from projections.ports import GroupChange

GONE_SECONDS = 30


@dataclass(frozen=True)
class Meeting:
    """Tells its process, meets the others, and tells what was said."""

    number: int

    async def run(self, talk: Talk) -> None:
        reach = (("rep", ("s1",)), Cell(2**62, -1, 3, 4))
        change = GroupChange(AttainmentGroup("rep", "2026"), reached={f"导购{self.number}": (reach,)})
        await talk.tell(Piece(self.number, [Change.of(change)]))
        said = await talk.meet(f"{self.number} in {os.getpid()}".encode())
        await talk.tell(Folded(self.number, {"lines": len(said)}, {"applied": 1}, 1))
        await talk.tell(Advanced(b",".join(said).decode(), os.getpid()))


@dataclass(frozen=True)
class Doing:
    """Tells its process, and then does one thing."""

    what: str

    async def run(self, talk: Talk) -> None:
        await talk.tell(Advanced(self.what, os.getpid()))
        match self.what:
            case "die":
                os.kill(os.getpid(), signal.SIGKILL)
            case "exit":
                os._exit(7)
            case "fail":
                raise ShareFailed("the log can't be read: no such broker")
            case "raise":
                raise ZeroDivisionError("a fault of ours")
            case "meet":
                await talk.meet(b"")
            case "stop":
                os.kill(os.getpid(), signal.SIGSTOP)
            case "work":
                while True:
                    await talk.tell(Advanced("still", 0))
                    time.sleep(0.05)  # noqa: ASYNC251 - work that does not look up


@dataclass(frozen=True)
class TellingZones:
    """Tells how many places are searched for time zones."""

    async def run(self, talk: Talk) -> None:
        await talk.tell(Advanced("zones", len(zoneinfo.TZPATH)))


async def told_by(shares: Sequence[Share]) -> list[Told]:
    told: list[Told] = []

    async def take(each: Told) -> None:
        told.append(each)

    await run_in_processes(shares, take)
    return told


async def pids_of(shares: Sequence[Share], error: str) -> list[int]:
    """The processes of shares that fail with this error."""
    pids: list[int] = []

    async def take(each: Told) -> None:
        if isinstance(each, Advanced) and each.done:
            pids.append(each.done)

    with pytest.raises(ShareFailed, match=error):
        await run_in_processes(shares, take)
    return pids


def assert_gone(pids: Sequence[int]) -> None:
    assert pids
    gone, alive = psutil.wait_procs([psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)], GONE_SECONDS)
    assert not alive, f"{alive} outlived the replay, {gone} did not"


async def test_shares_tell_and_meet_from_processes_of_their_own() -> None:
    told = await told_by([Meeting(0), Meeting(1)])
    [(said, first), (_, second)] = [(each.stage, each.done) for each in told if isinstance(each, Advanced)]
    assert sorted([first, second]) == sorted(int(word.split(" in ")[1]) for word in said.split(","))
    assert len({first, second, os.getpid()}) == 3
    changes = [each.changes[0].read() for each in told if isinstance(each, Piece)]
    assert {name: cells for change in changes for name, cells in change.reached.items()} == {
        f"导购{number}": ((("rep", ("s1",)), Cell(2**62, -1, 3, 4)),) for number in (0, 1)
    }
    assert sum(each.read_count for each in told if isinstance(each, Folded)) == 2


@pytest.mark.parametrize(
    ("what", "error"),
    [
        ("die", "process 2 of the replay was killed by signal 9; nothing was kept"),
        ("exit", "process 2 of the replay ended with exit code 7"),
        ("fail", "the log can't be read: no such broker"),
        ("raise", "ZeroDivisionError: a fault of ours"),
    ],
)
async def test_when_one_process_ends_early_all_end_and_it_is_said_why(what: str, error: str) -> None:
    assert_gone(await pids_of([Doing("work"), Doing(what), Doing("meet")], error))


async def test_a_replay_that_is_cancelled_leaves_no_process_not_even_a_stopped_one() -> None:
    pids: list[int] = []
    all_told = asyncio.Event()

    async def take(each: Told) -> None:
        if isinstance(each, Advanced) and each.done:
            pids.append(each.done)
        if len(pids) == 3:
            all_told.set()

    task = asyncio.create_task(run_in_processes([Doing("work"), Doing("meet"), Doing("stop")], take))
    await all_told.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert_gone(pids)


PARENT = """
import asyncio, signal, sys
from processors.replay_processes import run_in_processes
from tests.unit.processors.test_replay_processes import Doing

async def take(told):
    if told.done:
        print(told.done, flush=True)

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are started deaf to it
    try:
        asyncio.run(run_in_processes([Doing("work"), Doing("meet")], take))
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_when_the_parent_ends_its_processes_end(tmp_path: Path, project_dir: Path, number: signal.Signals) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        env={**os.environ, "PYTHONPATH": str(project_dir)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert parent.stdout is not None
    pids = [int(parent.stdout.readline()) for _ in range(2)]
    if number == signal.SIGINT:
        os.killpg(parent.pid, number)  # as a terminal does: every process hears it
    else:
        parent.kill()
    _, errors = parent.communicate(timeout=GONE_SECONDS)
    assert_gone(pids)
    assert parent.returncode == (130 if number == signal.SIGINT else -number)
    assert not errors


async def test_the_zones_of_other_processes_are_those_of_this_one() -> None:
    before = zoneinfo.TZPATH
    zoneinfo.reset_tzpath(to=())
    try:
        assert await told_by([TellingZones()]) == [Advanced("zones", 0)]
        zoneinfo.reset_tzpath(to=("/nowhere", "/nor/here"))
        assert await told_by([TellingZones()]) == [Advanced("zones", 2)]
    finally:
        zoneinfo.reset_tzpath(to=before)
