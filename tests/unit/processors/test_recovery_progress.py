"""A recovery says how far it is, and takes its time."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from faust.types import TP

from processors.engine.recovery import FoldRecovery


class Ends:
    """A consumer that knows where partitions begin."""

    def __init__(self, earliest: dict[TP, int]) -> None:
        self._earliest = earliest

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return {tp: self._earliest[tp] for tp in tps}


async def test_a_recovery_says_how_far_it_is() -> None:
    first, second, third = (TP("log", partition) for partition in range(3))
    owners = {0: SimpleNamespace(mine=7), 1: SimpleNamespace(mine=None)}
    app: Any = SimpleNamespace(conf=SimpleNamespace(stream_recovery_delay=0.0))
    recovery = FoldRecovery(app, SimpleNamespace())
    recovery.active_tps = {first, second, third}
    recovery.tp_to_table = dict.fromkeys(recovery.active_tps, SimpleNamespace(owners=owners))
    at = recovery.active_offsets
    at[first], at[second], at[third] = 99, -1, -1  # the first begins at its snapshot
    recovery.active_highwaters.update({first: 109, second: 49, third: 4})
    consumer = Ends({first: 0, second: 10, third: 0})  # the second was compacted
    await recovery._build_offsets(consumer, recovery.active_tps, at, "active")
    assert str(recovery.progress()) == "1 of 3 partitions open, 0 of 55 changelog records read"
    at[first], at[second] = 109, 29
    assert recovery.progress() == (3, 1, 30, 25)
    at[second], at[third] = 49, 4
    owners[1].mine = 8
    assert recovery.progress() == (3, 2, 55, 0)


async def test_a_recovery_waits_for_what_takes_long() -> None:
    app: Any = SimpleNamespace(conf=SimpleNamespace(stream_recovery_delay=0.0))
    recovery, slow = FoldRecovery(app, SimpleNamespace()), asyncio.Event()
    waiting = asyncio.create_task(recovery._wait(slow.wait(), timeout=0.01))
    done, _ = await asyncio.wait([waiting], timeout=0.3)
    assert not done, "it went on without what it waited for"
    slow.set()
    await waiting
