"""A year is closed on a real log: what comes later is refused by name, and can be looked at; a restart knows it too."""

from __future__ import annotations

import asyncio
import datetime as dt
import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka
from domain.limits import CLOSE_DELAY_MS
from events.codec import encode_record
from processors.dead_letters import read_dead_letters
from processors.topics import TopicNames, ensure_topics
from tests.integration.test_worker_skip import run
from tests.integration.worker_load import REPS, STORES, organisation, people, place
from tests.integration.worker_stage import Outgoing, Progress, WorkerProcess, check_state, produce

pytestmark = pytest.mark.slow

PARTITIONS = 2
YEAR = dt.datetime.now(dt.UTC).year - (2 if dt.datetime.now(dt.UTC).timetuple().tm_yday < 3 else 1)
"""The last year that is over everywhere."""


def sold(name: str, day: str, count: int, revision: int = 0) -> Iterator[Outgoing]:
    for number in range(count):
        data = {
            "sale_id": f"{name}{number}", "rep_id": REPS[number % 40], "unit_id": STORES[number % 5],
            "occurred_at": f"{day}T12:00:00+08:00", "amount_minor": 100, "currency": "CNY", "quantity": 1,
            "revision": revision,
        }  # fmt: skip
        made = encode_record("sale.recorded.v1", data, id=f"{name}{number}/{revision}", source="/pos")
        yield made.topic, None, made.key, made.value, made.headers


def close(year: int) -> Outgoing:
    made = encode_record("period.closed.v1", {"year": year}, id=f"close-{year}", source="/ops")
    return made.topic, None, made.key, made.value, made.headers


async def test_after_a_close_a_year_stays_and_late_records_can_be_looked_at(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(5)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS).start()
    today = dt.datetime.now(dt.UTC).date().isoformat()
    try:
        await worker.ready()
        await produce(servers, names, itertools.chain(organisation(), people(rnd), sold("old", f"{YEAR}-06-01", 300)))
        await produce(servers, names, [close(YEAR), close(YEAR + 50)])
        await asyncio.sleep(CLOSE_DELAY_MS / 1000 + 1)  # what is waited for is that time passes
        late = [place(STORES[0], "store", None, f"{YEAR}-05-01", 7), *sold("late", f"{YEAR}-07-01", 20)]
        late += sold("old", today, 10, revision=1)
        await produce(servers, names, [*late, *sold("new", today, 50)])
        await Progress(servers, names, PARTITIONS).until()
        worker.kill()
        worker.start()
        await worker.ready()
        await produce(servers, names, [*sold("later", f"{YEAR}-07-01", 5), *sold("newer", today, 5)])
        await Progress(servers, names, PARTITIONS).until()
        assert await asyncio.to_thread(worker.stop) == 0, worker.tail()
    finally:
        worker.kill()
    books = await check_state(servers, names, PARTITIONS)
    letters = [letter async for letter in read_dead_letters(servers, names.dead_letters)]
    reasons = [letter.reason for letter in letters]
    assert (reasons.count("too_late"), reasons.count("in_the_future")) == (1 + 20 + 10 + 5, 1)
    assert books["dead_lettered"] == len(letters)
    await look(next(letter.detail for letter in letters if letter.topic == names.sales), servers, topic_prefix)


async def look(detail: str, servers: str, topic_prefix: str) -> None:
    """The command of a dead letter shows the board with what came too late."""
    command = detail.rpartition("with it: ")[2]
    assert f"--bootstrap-servers {servers} --reopen {YEAR} --board " in command
    counts = []
    for told in (command, command.replace(f"--reopen {YEAR} ", "")):
        done = await run(told, STANDINGS_KAFKA__TOPIC_PREFIX=topic_prefix)
        assert done.returncode == 0, done.stderr
        [board] = json.loads(done.stdout)["boards"].values()
        counts.append(sum(int(row["cell"]["count"]) for row in board["rows"]))
    assert counts[0] > counts[1] > 0, "with it there is more to see"
