"""Somebody else writes to the changelog of a worker that is alive: it takes the partition back without a restart."""

from __future__ import annotations

import asyncio
import itertools
import random
from pathlib import Path

import aiokafka

from cli.embedded import EmbeddedKafka
from processors.engine.changelog import CLAIM, ChangelogFold, Row, state_batch
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import moves, organisation, people, sales
from tests.integration.worker_stage import Progress, Reader, WorkerProcess, check_state, eventually, produce

PARTITIONS = 4
TAKEN_BACK = "the partition is claimed again"


class Zombie:
    """Writes state batches as a worker would that believes it owns a partition."""

    def __init__(self, servers: str, names: TopicNames) -> None:
        self._topic = names.changelog
        self._producer = aiokafka.AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True)
        self._reader = Reader(servers)

    async def __aenter__(self) -> Zombie:
        await self._producer.start()
        await self._reader.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._producer.stop()
        await self._reader.__aexit__()

    async def late_batch(self, partition: int) -> None:
        """A batch of before: rows that would overwrite good ones, at an offset that is somebody else's by now."""
        records = await self._reader.read(self._topic, partition)
        keys = list(dict.fromkeys(record.key for record in records if record.key[:1] == b"C"))[:20]
        assert keys, "nothing to overwrite"
        await self._append(partition, state_batch(0, 1, [(key, b"\x93\x90\x90\x90") for key in keys], {"sales": 0}))

    async def claim_and_batch(self, partition: int) -> None:
        """A claim, and a batch that counts: everybody must believe it. As a worker does: claim, read, write."""
        claim = await self._append(partition, [(CLAIM, b"zombie")])
        fold = ChangelogFold()
        fold.feed(await self._reader.read(self._topic, partition))
        await self._append(partition, state_batch(claim, fold.end + 1, [], fold.positions))

    async def _append(self, partition: int, rows: list[Row]) -> int:
        batch = self._producer.create_batch()
        for key, value in rows:
            assert batch.append(key=key, value=value, timestamp=None) is not None
        batch.close()
        landed = await (await self._producer.send_batch(batch, self._topic, partition=partition))
        return int(landed.offset)


async def test_a_zombies_writes_cost_the_rightful_owner_no_restart(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(5)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS).start()
    process = worker.running
    progress = Progress(servers, names, PARTITIONS)
    try:
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 1_000, PARTITIONS)))
        await progress.until()
        async with Zombie(servers, names) as zombie:
            load = asyncio.create_task(produce(servers, names, sales(rnd, 6_000, PARTITIONS)))
            for partition in range(PARTITIONS):
                await zombie.late_batch(partition)
            await load
            await produce(servers, names, itertools.chain(moves(rnd, 5), sales(rnd, 500, PARTITIONS)))
            await progress.until()
            await eventually(lambda: worker.log.read_text().count(TAKEN_BACK) >= PARTITIONS, 30, "taken back")
            await zombie.claim_and_batch(1)
            await produce(servers, names, sales(rnd, 500, PARTITIONS))
            await progress.until()
        assert worker.running is process
        assert process.poll() is None, worker.tail()
        assert worker.stop() == 0, worker.tail()
    finally:
        worker.kill()
    assert worker.log.read_text().count(TAKEN_BACK) > PARTITIONS
    assert min((await check_state(servers, names, PARTITIONS)).values()) > 0


async def test_an_idle_owner_notices_a_foreign_write(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(6)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(
        tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS, limits={"heartbeat_seconds": 1.0}
    ).start()
    try:
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 1_000, PARTITIONS)))
        await Progress(servers, names, PARTITIONS).until()
        async with Zombie(servers, names) as zombie:
            await zombie.late_batch(2)
            await eventually(lambda: TAKEN_BACK in worker.log.read_text(), 20, "noticed without work")
        folds = [ChangelogFold() for _ in range(PARTITIONS)]
        async with Reader(servers) as reader:
            stop = asyncio.get_running_loop().time() + 20
            while not folds[2].rejected or any(fold.fenced for fold in folds):
                assert asyncio.get_running_loop().time() < stop, "what did not count is said again"
                for partition, fold in enumerate(folds):
                    fold.feed(await reader.read(names.changelog, partition, fold.rewind()))
        assert worker.stop() == 0, worker.tail()
    finally:
        worker.kill()
    await check_state(servers, names, PARTITIONS)
