"""What retention has removed from a source before it was counted is missed, and the log says so."""

from __future__ import annotations

import itertools
import random
import re
from pathlib import Path

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from cli.embedded import EmbeddedKafka
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import organisation, people, sales
from tests.integration.worker_stage import Progress, WorkerProcess, check_state, produce

PARTITIONS = 2
SAID = re.compile(r"-(\d): retention removed records up to offset (\d+) before they were counted")


async def forget(servers: str, topic: str, firsts: dict[int, int]) -> None:
    """Let a topic's partitions begin at these offsets."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        await admin.delete_records({TopicPartition(topic, p): RecordsToDelete(first) for p, first in firsts.items()})
    finally:
        await admin.close()


async def test_a_worker_goes_on_with_what_is_left_and_says_what_is_missing(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(31)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 400, PARTITIONS)))
    await forget(servers, names.sales, {0: 50})
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS).start()
    progress = Progress(servers, names, PARTITIONS)
    try:
        await worker.ready()
        await progress.until()
        assert SAID.findall(worker.tail()) == [("0", "49")]
    finally:
        worker.kill()
    await check_state(servers, names, PARTITIONS)
