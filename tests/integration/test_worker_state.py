"""A worker's changelog equals the fold of its sources, whatever the records are like and whatever happens to it."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

from cli.embedded import EmbeddedKafka
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import moves, organisation, people, sales
from tests.integration.worker_stage import Progress, WorkerProcess, check_state, produce

PARTITIONS = 4


async def test_the_changelog_says_what_the_sources_say(kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(1)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS).start()
    try:
        await worker.ready()
        load = itertools.chain(organisation(), people(rnd), sales(rnd, 3_000, PARTITIONS), moves(rnd, 10))
        await produce(servers, names, load)
        await Progress(servers, names, PARTITIONS).until()
        assert worker.stop() == 0, worker.tail()
    finally:
        worker.kill()
    books = await check_state(servers, names, PARTITIONS)
    assert min(books.values()) > 0, books
