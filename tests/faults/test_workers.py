"""Workers are killed, frozen, joined and sent away while records pour in; nothing that is shown is ever wrong."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from tests.faults.processes import wait_for
from tests.faults.stage import SESSION_SECONDS, Stage
from tests.faults.worker_process import POINTS

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KILLS = 20
STORM_SECONDS, STORM_BEAT_SECONDS = 20.0, 2.0
JOINED_SECONDS = 20.0


def test_workers_killed_at_random_change_nothing(stage: Stage) -> None:
    rnd, workers = random.Random(20), stage.named("worker")
    with stage.scenario(f"{KILLS} kills of two workers at random") as figures:
        busy = 0
        for _ in range(KILLS):
            wait_for(lambda: any(worker.is_ready() for worker in workers), 30, "a worker is busy")
            time.sleep(rnd.uniform(0.1, 1.5))
            victim = rnd.choice([worker for worker in workers if worker.is_ready()] or workers)
            busy += victim.is_ready()
            victim.kill()
        figures.note(killed_when_ready=busy, starts=stage.starts("worker"))
    assert busy >= KILLS // 2


def test_a_worker_killed_at_each_marked_point_changes_nothing(stage: Stage, tmp_path: Path) -> None:
    rnd, plan = random.Random(21), tmp_path / "plan"
    marked = stage.process("worker", "marked-worker", {"plan_file": str(plan)})
    others = stage.named("worker")
    plan.write_text("".join(f"{point} {rnd.randrange(2, 12)}\n" for point in POINTS), encoding="utf-8")
    with stage.scenario(f"kills at {len(POINTS)} marked points") as figures, stage.instead_of(others, marked):
        wait_for(lambda: marked.starts > len(POINTS), 120, lambda: f"every point was reached\n{marked.tail()}")
        marked.await_ready()
        figures.note(starts=marked.starts, points=", ".join(POINTS))
    assert plan.read_text(encoding="utf-8") == ""


def test_workers_that_join_and_leave_change_nothing(stage: Stage) -> None:
    third = stage.worker("joining-worker")
    with stage.scenario("a worker joins, works, and leaves in order, twice") as figures:
        for _ in range(2):
            third.start()
            third.await_ready()
            owned = wait_for(lambda: stage.owns_some(third), JOINED_SECONDS, "the third owns a partition")
            assert third.leave() == 0, third.tail()
            figures.note(owned_after=f"{owned:.1f} s")


def test_a_storm_of_rebalances_changes_nothing(stage: Stage) -> None:
    storm(stage, STORM_SECONDS)


@pytest.mark.long
def test_a_storm_of_rebalances_for_a_minute_changes_nothing(stage: Stage) -> None:
    storm(stage, 60.0)


def storm(stage: Stage, seconds: float) -> None:
    """A member comes or goes every two seconds, in order or not."""
    rnd, guests = random.Random(23), [stage.worker(f"storm-worker-{seconds:.0f}-{n}") for n in range(3)]
    with stage.scenario(f"a member comes or goes every {STORM_BEAT_SECONDS:.0f} s for {seconds:.0f} s") as figures:
        came = went = 0
        stop = time.monotonic() + seconds
        while (beat := time.monotonic()) < stop:
            away = [guest for guest in guests if not guest.wanted]
            if away and (len(away) == len(guests) or rnd.random() < 0.5):
                rnd.choice(away).start()
                came += 1
            else:
                guest = rnd.choice([guest for guest in guests if guest.wanted])
                if rnd.random() < 0.5:
                    guest.leave()
                else:
                    guest.end()
                went += 1
            time.sleep(max(0.0, beat + STORM_BEAT_SECONDS - time.monotonic()))
        for guest in guests:
            guest.end()
        figures.note(came=came, went=went)
    assert came + went >= seconds / STORM_BEAT_SECONDS / 2


def test_a_worker_that_was_thought_dead_and_comes_back_changes_nothing(stage: Stage) -> None:
    with stage.scenario("busy workers, each frozen until the other has taken over") as figures:
        for worker in stage.named("worker"):
            time.sleep(1.0)
            worker.freeze()
            time.sleep(1.0)  # what it had written by then is shown by then
            before = stage.shown()
            seconds = wait_for(lambda before=before: stage.has_moved(before), 60, "all partitions move on without it")  # type: ignore[misc]
            assert seconds > SESSION_SECONDS / 2, "it was not frozen: its partitions moved on at once"
            worker.thaw()
            figures.note(**{f"{worker.name}_taken_over_after": f"{1.0 + seconds:.1f} s"})
            stage.await_progress()
            in_place = int(worker.metric("standings_reclaims_total"))
            figures.note(**{f"{worker.name}_took_back_in_place": in_place})
        figures.note(starts=stage.starts("worker"))
