"""The steps of the fold are all there, and cover the whole path."""

from __future__ import annotations

from bench.stage import PARTITIONS
from bench.steps import records, run

STEPS = {
    "control stream, all partitions",
    "decode and judge",
    "digest and pack",
    "merge into the ledger",
    "settle the totals",
    "render rows and blob",
    "stamp and pack the batch",
}


def test_every_step_of_every_sale_is_timed() -> None:
    sources, control = records(events=400, reps=20)
    assert len(sources) == PARTITIONS
    assert [record.offset for source in sources for record in source] == [n for s in sources for n in range(len(s))]
    seconds = run(sources, control)
    assert seconds.keys() == STEPS
    assert all(spent > 0 for spent in seconds.values())
