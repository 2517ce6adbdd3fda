"""Workers with names: a restart in place moves nobody's partitions, and a name is had by one living worker."""

from __future__ import annotations

import asyncio
import itertools
import random
import signal
from collections import defaultdict
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka
from processors.engine.changelog import CLAIM
from processors.group import NoSuchWorker, remove_worker, workers
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import organisation, people, sales
from tests.integration.worker_stage import Progress, Reader, WorkerProcess, check_state, eventually, produce

PARTITIONS = 4
LONG_SESSION = 30.0
"""Nobody who is gone is missed during a test."""


async def claims(servers: str, names: TopicNames) -> dict[int, list[str]]:
    """Process ids of the claimants of each partition, in order."""
    found: dict[int, list[str]] = defaultdict(list)
    async with Reader(servers) as reader:
        for partition in range(PARTITIONS):
            for record in await reader.read(names.changelog, partition):
                if record.key == CLAIM:
                    found[partition].append(record.value.decode().rpartition(":")[2])
    return found


def owned_by(claimed: dict[int, list[str]], pid: int) -> set[int]:
    return {partition for partition, pids in claimed.items() if pids[-1] == str(pid)}


@pytest.mark.slow
async def test_a_restarted_worker_takes_its_own_partitions_back_and_nobody_elses_move(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(31)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    one, two = (
        WorkerProcess(
            tmp_path,
            name,
            servers,
            topic_prefix,
            partitions=PARTITIONS,
            instance_id=name,
            session_seconds=LONG_SESSION,
        )
        for name in ("one", "two")
    )
    try:
        await one.start().ready()
        await two.start().ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 1_000, PARTITIONS)))
        await Progress(servers, names, PARTITIONS).until()
        before = await claims(servers, names)
        of_one, of_two = owned_by(before, one.running.pid), owned_by(before, two.running.pid)
        assert of_one
        assert of_two
        for stop in (two.kill, two.stop):  # by force and in order
            stop()
            await two.start().ready(LONG_SESSION / 2)
            now = await claims(servers, names)
            assert owned_by(now, two.running.pid) == of_two
            assert {partition: now[partition] for partition in of_one} == {p: before[p] for p in of_one}, one.tail()
        await produce(servers, names, sales(rnd, 500, PARTITIONS))
        await Progress(servers, names, PARTITIONS).until()
    finally:
        one.kill()
        two.kill()
    await check_state(servers, names, PARTITIONS)


@pytest.mark.slow
async def test_a_worker_that_was_stopped_keeps_its_place_until_it_is_removed(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(33)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    assert workers(servers, names) == []
    one, two = (
        WorkerProcess(
            tmp_path,
            name,
            servers,
            topic_prefix,
            partitions=PARTITIONS,
            instance_id=name,
            session_seconds=LONG_SESSION,
        )
        for name in ("one", "two")
    )
    try:
        await one.start().ready()
        await two.start().ready()
        of_two = owned_by(await claims(servers, names), two.running.pid)
        assert await asyncio.to_thread(two.stop) == 0
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 500, PARTITIONS)))
        assert {worker.instance_id: set(worker.partitions) for worker in workers(servers, names)} == {
            "one": set(range(PARTITIONS)) - of_two,
            "two": of_two,
        }
        remove_worker(servers, names, "two")
        await Progress(servers, names, PARTITIONS).until(seconds=LONG_SESSION / 2)
        assert owned_by(await claims(servers, names), one.running.pid) == set(range(PARTITIONS))
        with pytest.raises(NoSuchWorker):
            remove_worker(servers, names, "two")
    finally:
        one.kill()
        two.kill()
    await check_state(servers, names, PARTITIONS)


async def test_of_two_living_workers_with_one_name_the_earlier_one_stops_and_says_why(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(32)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    earlier, later = (
        WorkerProcess(tmp_path, name, servers, topic_prefix, partitions=PARTITIONS, instance_id="same")
        for name in ("earlier", "later")
    )
    try:
        await earlier.start().ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 1_000, PARTITIONS)))
        later.start()
        assert await asyncio.to_thread(earlier.running.wait, 30) == 71, earlier.tail()
        assert "has started with the instance id 'same'" in earlier.log.read_text(encoding="utf-8")
        await later.ready()
        await produce(servers, names, sales(rnd, 500, PARTITIONS))
        await Progress(servers, names, PARTITIONS).until()
        assert later.running.poll() is None, later.tail()
    finally:
        earlier.kill()
        later.kill()
    await check_state(servers, names, PARTITIONS)


@pytest.mark.slow
async def test_a_member_that_nobody_knows_joins_as_new(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(34)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS, instance_id="one").start()
    try:
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 500, PARTITIONS)))
        await Progress(servers, names, PARTITIONS).until()
        before = await claims(servers, names)
        worker.signal(signal.SIGSTOP)
        await eventually(lambda: workers(servers, names) == [], 30, "the end of the frozen worker's session")
        worker.signal(signal.SIGCONT)
        await produce(servers, names, sales(rnd, 500, PARTITIONS))
        await eventually(lambda: [w.instance_id for w in workers(servers, names)] == ["one"], 30, "its return")
        await Progress(servers, names, PARTITIONS).until()
        assert worker.running.poll() is None, worker.tail()
        assert await claims(servers, names) != before, "it never joined again: nothing was tested"
    finally:
        worker.signal(signal.SIGCONT)
        worker.kill()
    await check_state(servers, names, PARTITIONS)
