"""A worker starts only where everything is as it must be, and stops in order within seconds."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import time
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka
from domain.partition import Rules
from processors.topics import TopicNames, TopicsUnfit, check_topics, ensure_topics
from processors.worker import WorkerOptions, run_worker
from tests.integration.worker_load import organisation, people, sales
from tests.integration.worker_stage import Progress, WorkerProcess, check_state, produce

RULES = Rules("CNY", "Asia/Shanghai")
PARTITIONS = 3


def test_without_a_broker_it_says_what_to_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    options = WorkerOptions("127.0.0.1:1", RULES, data_dir=tmp_path)
    with caplog.at_level(logging.ERROR):
        assert run_worker(options) == 1
    assert "no Kafka broker answers at 127.0.0.1:1" in caplog.text
    assert "STANDINGS_KAFKA__BOOTSTRAP_SERVERS" in caplog.text


def test_without_its_topics_it_says_which_are_missing(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = WorkerOptions(kafka.bootstrap_servers, RULES, topic_prefix, PARTITIONS, tmp_path)
    with caplog.at_level(logging.ERROR):
        assert run_worker(options) == 1
    assert f"{topic_prefix}.sales.v1: missing; 'standings topics ensure' makes it" in caplog.text


def test_with_another_number_of_partitions_it_names_each_topic(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ensure_topics(kafka.bootstrap_servers, topic_prefix, PARTITIONS)
    options = WorkerOptions(kafka.bootstrap_servers, RULES, topic_prefix, PARTITIONS + 1, tmp_path)
    with caplog.at_level(logging.ERROR):
        assert run_worker(options) == 1
    assert f"{topic_prefix}.sales.v1: 3 partitions, must be 4" in caplog.text
    assert f"{topic_prefix}-state-changelog: 3 partitions, must be 4" in caplog.text


def test_topics_are_made_once_and_found_right(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    servers = kafka.bootstrap_servers
    assert len(ensure_topics(servers, topic_prefix, PARTITIONS)) == 7
    assert ensure_topics(servers, topic_prefix, PARTITIONS) == []
    assert check_topics(servers, topic_prefix, PARTITIONS) == []
    with pytest.raises(TopicsUnfit, match="3 partitions, must be 5"):
        ensure_topics(servers, topic_prefix, 5)


async def test_a_worker_stopped_in_order_leaves_a_state_that_the_next_one_continues(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(3)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    first = WorkerProcess(tmp_path, "first", servers, topic_prefix, partitions=PARTITIONS, chunk_pause_seconds=0.2)
    second = WorkerProcess(tmp_path, "second", servers, topic_prefix, partitions=PARTITIONS)
    first.start()
    try:
        await first.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sales(rnd, 2_000, PARTITIONS)))
        asked = time.monotonic()
        assert await asyncio.to_thread(first.stop) == 0, first.tail()
        assert time.monotonic() - asked < 10
        second.start()
        await second.ready()
        await Progress(servers, names, PARTITIONS).until()
        assert await asyncio.to_thread(second.stop) == 0, second.tail()
    finally:
        for worker in (first, second):
            if worker.process is not None:
                worker.kill()
    await check_state(servers, names, PARTITIONS)
