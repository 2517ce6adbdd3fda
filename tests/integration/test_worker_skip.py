"""A record that trips over a fault of ours stops the worker; the log ends with the command that skips it."""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka
from processors.dead_letters import read_dead_letters
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import organisation, people, sales, skip, tripping
from tests.integration.worker_stage import PROJECT_DIR, Progress, WorkerProcess, check_state, produce

PARTITIONS = 2
COMMAND = re.compile(r"the record can be passed by: (.*standings skip (\S+)-(\d+)@(\d+) .*)$", re.MULTILINE)


async def run(command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a `standings` command as a message tells it, with the settings that stand before it."""
    words = shlex.split(command)
    program = words.index("standings")
    told = dict(word.split("=", 1) for word in words[:program])
    argv = [sys.executable, "-m", "cli.main", *words[program + 1 :]]
    return await asyncio.to_thread(
        subprocess.run,
        argv,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR), **told, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


async def test_a_record_that_stops_the_worker_is_named_and_passed_by_the_command_in_its_log(
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
        named = COMMAND.search(worker.tail())
        assert named is not None, worker.tail()
        assert worker.tail().rstrip().endswith(named[1]), "it is the log's last word"
        topic, partition, offset = named[2], int(named[3]), int(named[4])
        done = await run(named[1])
        assert done.returncode == 0, done.stderr
        assert f"{topic}-{partition}@{offset}" in done.stdout
        worker.start()
        await worker.ready()
        await Progress(servers, names, PARTITIONS).until()
        again = await run(named[1])
        assert again.returncode == 1
        assert f"was folded already by the owner of partition {partition}: the boards hold it" in again.stderr
        assert await asyncio.to_thread(worker.stop) == 0, worker.tail()
    finally:
        worker.kill()
    await check_state(servers, names, PARTITIONS)
    letters = {letter.identity: letter async for letter in read_dead_letters(servers, names.dead_letters)}
    assert letters[topic, partition, offset].reason == "skipped"
    assert letters[topic, partition, offset].detail == "WHY"


@pytest.mark.parametrize(
    ("record", "exit_code", "said"),
    [
        ("{sales}-0@0", 1, "{sales}-0@0: the partition ends before offset 0"),
        ("sales-7@0", 1, "{sales}-7@0: the topic has 2 partitions, the last is 1"),
        ("control-0@1", 1, "{control}-0@1: the partition ends before offset 1"),
        ("{dead_letters}-0@0", 2, "{dead_letters} is no topic of this deployment: {sales}, "),
        ("{sales}@0", 2, "is not TOPIC-PARTITION@OFFSET, such as {sales}-3@42"),
        ("{sales}-0@-1", 2, "is not TOPIC-PARTITION@OFFSET"),
    ],
)
async def test_what_is_no_record_is_not_skipped(
    kafka: EmbeddedKafka, topic_prefix: str, record: str, exit_code: int, said: str
) -> None:
    names = TopicNames(topic_prefix)
    ensure_topics(kafka.bootstrap_servers, topic_prefix, PARTITIONS)
    await produce(kafka.bootstrap_servers, names, [skip(names.sales, 0, 5)])
    known = {"sales": names.sales, "control": names.control, "dead_letters": names.dead_letters}
    command = f"standings skip {record.format_map(known)} --reason x --bootstrap-servers {kafka.bootstrap_servers}"
    done = await run(command, STANDINGS_KAFKA__TOPIC_PREFIX=topic_prefix)
    assert done.returncode == exit_code, done.stderr
    assert said.format_map(known) in done.stderr
