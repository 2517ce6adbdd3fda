"""`standings up` started again on its data, next to another run, and with its supervisor killed.

What happens when one of its parts is killed stands in ``test_interfaces``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.integration.up_stage import Up, printed, sale, scores, wait_for, write_lines

pytestmark = [pytest.mark.timeout(400), pytest.mark.slow]

BOARD = "store-1/rep/revenue/2026"


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Up]]:
    started: list[Up] = []

    def begin() -> Up:
        started.append(Up(tmp_path))
        return started[-1]

    yield begin
    for run in started:
        run.end()


def test_up_goes_on_with_its_data_alone_and_nothing_outlives_it(start: Callable[[], Up], tmp_path: Path) -> None:
    run = start()
    first = run.await_ready()
    lines = [sale(f"s{number}", f"rep-{number % 3}", "store-1", 100 * number) for number in range(30)]
    expected = {f"rep-{rep}": str(sum(100 * number for number in range(rep, 30, 3))) for rep in range(3)}
    printed("emit", write_lines(tmp_path / "sales.jsonl", lines), "--bootstrap-servers", first["bootstrap_servers"])
    wait_for(lambda: scores(first["api_url"], BOARD) == expected, 60, "the board shows the sales")

    refused = start()
    assert refused.process.wait(30) == 1
    assert "in use by another run" in run.log.read_text(encoding="utf-8")
    assert run.process.poll() is None

    assert run.interrupt() == []
    assert run.process.returncode == 0
    assert not run.ready_file.exists()

    again = start()
    second = again.await_ready()
    wait_for(lambda: scores(second["api_url"], BOARD) == expected, 30, "the second start shows the sales")
    # Whoever kills the supervisor itself leaves nothing either.
    ours = again.family()
    again.process.kill()
    again.process.wait()
    gone, alive = psutil.wait_procs(ours, timeout=20)
    assert not alive
    assert len(gone) == len(ours)
