"""The projector against random histories: every board equals the log at the marks it names, after every single step."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from prometheus_client import CollectorRegistry

from processors.projection_metrics import ProjectorMetrics
from processors.projector import Projector, ProjectorOptions
from tests.unit.projections.world import PARTITIONS, TOPIC, CheckedBoards, Clock, Consumer, Log, Unsteady

OPTIONS = ProjectorOptions("none", TOPIC, PARTITIONS, flush_rows_max=5, too_old_seconds=10**9)
TICKS = 2_500


async def no_wait(seconds: float) -> None:
    await asyncio.sleep(0)


class History:
    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.logs = [Log(p, self.random) for p in range(PARTITIONS)]
        self.boards = CheckedBoards(self.logs)
        self.names = 0
        self.projectors = [self.start(), self.start()]

    def start(self) -> asyncio.Task[None]:
        clock = Clock()
        self.ways = getattr(self, "ways", [])
        self.ways.append(Unsteady(self.boards, self.random))
        projector = Projector(
            OPTIONS,
            self.ways[-1],
            Consumer(self.logs, self.random, clock),
            ProjectorMetrics(CollectorRegistry()),
            new_version=self.name,
            now=clock,
            monotonic=clock,
            sleep=no_wait,
        )
        return asyncio.ensure_future(projector.run())

    def name(self) -> str:
        self.names += 1
        return f"v{self.names}"

    async def run(self) -> None:
        for _ in range(TICKS):
            await asyncio.sleep(0)
            self.look()
            dice = self.random.random()
            log = self.random.choice(self.logs)
            if dice < 0.03:
                log.batch()
            elif dice < 0.034:
                log.batch(counts=False)
            elif dice < 0.036:
                log.claim()
            elif dice < 0.038:
                await self.restart(self.random.randrange(2))
            elif dice < 0.05:
                self.boards.save()
            elif dice < 0.052:
                self.boards.set_back(self.random)
        await self.settle()

    async def restart(self, which: int) -> None:
        self.projectors[which].cancel()
        await asyncio.gather(self.projectors[which], return_exceptions=True)
        self.projectors[which] = self.start()

    def look(self) -> None:
        for projector in self.projectors:
            if projector.done():
                projector.result()

    async def settle(self) -> None:
        """No more faults: all is shown."""
        for way in self.ways:
            way.faulty = False
        ends = {p: max(log.truth) for p, log in enumerate(self.logs)}
        for _ in range(200_000):
            await asyncio.sleep(0)
            self.look()
            _, pos = await self.boards.where()
            if {p: int(text.split("|")[0]) for p, text in pos.items()} == ends:
                break
        else:
            pytest.fail(f"not everything is shown: {await self.boards.where()}, {ends}")
        await self.boards.check()
        for projector in self.projectors:
            projector.cancel()
        await asyncio.gather(*self.projectors, return_exceptions=True)


@pytest.mark.parametrize("seed", range(6))
async def test_every_board_is_exact_after_every_step(seed: int) -> None:
    history = History(seed)
    await history.run()
    said = Counter(history.boards.said)
    assert said["move ok"] > 10, said
