"""The broker is killed and frozen under everybody; what was acknowledged stays, and what is shown is never wrong."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.faults.stage import Stage

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_killed_broker_changes_nothing(stage: Stage) -> None:
    with stage.scenario("kill -9 of the broker, twice") as figures:
        for _ in range(2):
            time.sleep(2.0)
            stage.kafka.process.kill()
            began = time.monotonic()
            stage.kafka.start()
            figures.note(back_after=f"{time.monotonic() - began:.1f} s")
            stage.await_progress()
        figures.note(starts=stage.starts("worker"))


def test_a_broker_frozen_for_20_seconds_changes_nothing(stage: Stage) -> None:
    freeze(stage, 20.0)


@pytest.mark.long
def test_a_broker_frozen_for_a_minute_changes_nothing(stage: Stage) -> None:
    freeze(stage, 60.0)


def freeze(stage: Stage, seconds: float) -> None:
    with stage.scenario(f"the broker frozen for {seconds:.0f} s") as figures:
        time.sleep(2.0)
        pid = stage.kafka.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            os.kill(pid, signal.SIGCONT)
        figures.note(moves_on_after=f"{stage.await_progress():.1f} s", starts=stage.starts("worker"))
