"""A record that trips over a fault of ours stops the worker, names itself, and can be skipped."""

from __future__ import annotations

import asyncio
import itertools
import random
import re
from pathlib import Path

from cli.embedded import EmbeddedKafka
from processors.dead_letters import read_dead_letters
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import organisation, people, sales, skip, tripping
from tests.integration.worker_stage import Progress, WorkerProcess, check_state, produce

PARTITIONS = 2


async def test_a_record_that_stops_the_worker_is_named_and_passed_once_it_is_skipped(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(13)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS).start()
    try:
        await worker.ready()
        load = itertools.chain(organisation(), people(rnd), sales(rnd, 500, PARTITIONS), [tripping()])
        await produce(servers, names, load)
        assert await asyncio.to_thread(worker.running.wait, 30) == 70
        named = re.search(r"FoldFailed: (\S+)-(\d+)@(\d+): AssertionError", worker.tail())
        assert named is not None, worker.tail()
        topic, partition, offset = named[1], int(named[2]), int(named[3])
        await produce(servers, names, [skip(topic, partition, offset)])
        worker.start()
        await worker.ready()
        await Progress(servers, names, PARTITIONS).until()
        assert await asyncio.to_thread(worker.stop) == 0, worker.tail()
    finally:
        worker.kill()
    await check_state(servers, names, PARTITIONS)
    letters = {letter.identity: letter.reason async for letter in read_dead_letters(servers, names.dead_letters)}
    assert letters[topic, partition, offset] == "skipped"
