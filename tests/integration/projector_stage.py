"""What the tests of real projectors share: a changelog that is known mark by mark, processes, and the comparison."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.exceptions import RedisError

from domain.cells import EMPTY, Cell
from projections.ports import BoardsUnavailable, GroupDump, Position
from projections.redis_boards import RedisBoards
from tests.unit.projections.world import PARTITIONS, Log

PROJECT_DIR = Path(__file__).resolve().parents[2]


class Changelog:
    """A changelog topic, written record by record as its twin in this process."""

    def __init__(self, bootstrap_servers: str, topic: str, seed: int) -> None:
        self.bootstrap_servers, self.topic = bootstrap_servers, topic
        self.logs = [Log(p, random.Random(seed + p)) for p in range(PARTITIONS)]
        self.sent = [0] * PARTITIONS

    async def __aenter__(self) -> Changelog:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers)
        await admin.start()
        await admin.create_topics([NewTopic(self.topic, PARTITIONS, 1)])
        await admin.close()
        self.producer = AIOKafkaProducer(bootstrap_servers=self.bootstrap_servers, enable_idempotence=True)
        await self.producer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.producer.stop()

    async def write(self, batches: int) -> None:
        """So many batches; each is one Kafka record batch. Now and then one that does not count, or a claim."""
        for _ in range(batches):
            log = self.logs[random.Random(self.sent[0] + self.sent[1]).randrange(PARTITIONS)]
            dice = log.random.random()
            if dice < 0.03:
                log.claim()
            else:
                log.batch(counts=dice > 0.08)
            await self.send(log)

    async def send(self, log: Log) -> None:
        p = log.partition
        batch = self.producer.create_batch()
        for record in log.records[self.sent[p] :]:
            assert batch.append(key=record.key, value=record.value, timestamp=None) is not None
        batch.close()
        landed = await (await self.producer.send_batch(batch, self.topic, partition=p))
        assert landed.offset == self.sent[p], "the test is the only writer"
        self.sent[p] = log.next

    @property
    def last_marks(self) -> dict[int, int]:
        """The last mark of each partition that counts."""
        return {p: max(log.truth) for p, log in enumerate(self.logs)}

    def compare(self, dump: GroupDump) -> None:
        """A group equals the log at the marks that it names."""
        expected: dict[str, Cell] = {}
        for p, offsets in dump.as_of.items():
            for (group, member), cell in self.logs[p].truth[offsets.get("sales", -1)].items():
                if group == dump.group:
                    expected[member] = expected.get(member, EMPTY).plus(cell)
        assert dump.cells == {member: cell for member, cell in expected.items() if cell != EMPTY}, dump
        ranked = {member: float(cell.revenue) for member, cell in dump.cells.items() if cell.lines > 0}
        assert list(dump.sets.values()) == ([ranked] if ranked and str(dump.group).startswith("board:") else []), dump


class Watch:
    """Compares boards with the log all the time, also during faults."""

    def __init__(self, changelog: Changelog, boards: RedisBoards) -> None:
        self.changelog, self.boards = changelog, boards
        self.compared = 0

    async def look(self) -> bool:
        """Compare every group once; whether there was anything to see."""
        try:
            version, groups = await self.boards.groups()
            dumps = [dump for dump in await self.boards.dump(version, groups) if dump is not None]
        except (BoardsUnavailable, RedisError, ValueError):
            return False
        for dump in dumps:
            self.changelog.compare(dump)
        self.compared += len(dumps)
        return bool(dumps)

    async def all_shown(self, seconds: float = 60.0) -> None:
        """Wait until the boards show the end of the log."""

        async def done() -> bool:
            try:
                _, pos = await self.boards.where()
            except BoardsUnavailable:
                return False
            return {p: Position.parse(text).mark for p, text in pos.items()} == self.changelog.last_marks

        await eventually(done, seconds)
        assert await self.look()


class ProjectorProcess:
    """One projector that a test starts, kills, freezes and stops."""

    def __init__(self, folder: Path, name: str, **told: Any) -> None:
        self.log, self.ready_file = folder / f"{name}.log", folder / f"{name}.ready"
        self.told = {"ready_file": str(self.ready_file), "partitions": PARTITIONS, **told}
        self.start()

    def start(self) -> None:
        self.ready_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.projector_process", json.dumps(self.told)],
                cwd=PROJECT_DIR,
                env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
                stdout=log,
                stderr=log,
            )

    async def ready(self) -> None:
        async def done() -> bool:
            return self.is_ready

        await eventually(done, 60.0)

    @property
    def is_ready(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return self.ready_file.exists()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """The exit code after SIGTERM."""
        self.process.send_signal(signal.SIGCONT)
        self.process.terminate()
        return self.process.wait(20)


async def eventually(done: Callable[[], Awaitable[bool]], seconds: float) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not await done():
        assert time.monotonic() < deadline, "it took too long"
        await asyncio.sleep(0.05)
