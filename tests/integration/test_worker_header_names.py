"""A header whose name is not UTF-8, which some clients can write, stops nobody who reads the sources."""

from __future__ import annotations

import asyncio
import random
import struct
from pathlib import Path
from typing import Any

import aiokafka
from aiokafka.record.util import calc_crc32c

from cli.embedded import EmbeddedKafka
from processors.home import home_partition
from processors.log_reader import LogReader
from processors.topics import TopicNames, ensure_topics
from tests.integration.worker_load import organisation, people, sales
from tests.integration.worker_stage import Outgoing, Progress, WorkerProcess, produce

PARTITIONS = 2
CRC_AT, ATTRIBUTES_AT = 17, 21
SEEN, SENT = "odd-name", b"odd-\xff\xfe\xfd\xfc"


async def produce_raw(servers: str, names: TopicNames, records: list[Outgoing], partition: int) -> int:
    """Send one batch in which the header `SEEN` is called `SENT`; returns its offset."""
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=servers, acks="all")
    await producer.start()
    try:
        batch: Any = producer.create_batch()
        for _, _, key, value, headers in records:
            assert batch.append(key=key, value=value, timestamp=None, headers=[*headers, (SEEN, b"x")]) is not None
        made = bytearray(batch._build()).replace(SEEN.encode(), SENT)
        struct.pack_into(">I", made, CRC_AT, calc_crc32c(bytes(made[ATTRIBUTES_AT:])))
        batch._buffer = made
        landed = await (await producer.send_batch(batch, names.sales, partition=partition))
        return int(landed.offset)
    finally:
        await producer.stop()


async def test_records_with_such_headers_are_folded_like_any_others(
    kafka: EmbeddedKafka, topic_prefix: str, tmp_path: Path
) -> None:
    servers, names, rnd = kafka.bootstrap_servers, TopicNames(topic_prefix), random.Random(21)
    ensure_topics(servers, topic_prefix, PARTITIONS)
    await produce(servers, names, [*organisation(), *people(rnd)])
    at_home = [
        record
        for record in sales(rnd, 300, PARTITIONS)
        if record[0] == "sales" and record[2] and home_partition(record[2].decode(errors="replace"), PARTITIONS) == 1
    ]
    first = await produce_raw(servers, names, at_home[:40], 1)
    worker = WorkerProcess(tmp_path, "worker", servers, topic_prefix, partitions=PARTITIONS).start()
    try:
        await worker.ready()
        await produce(servers, names, [(*record[:1], 1, *record[2:]) for record in at_home[40:60]])
        await Progress(servers, names, PARTITIONS).until()
        assert await asyncio.to_thread(worker.stop) == 0, worker.tail()
    finally:
        worker.kill()
    sources = {source: names.of(source) for source in ("sales", "targets", "reps", "control")}
    async with LogReader(servers, sources) as reader:
        end = await reader.end("sales", 1)
        found = [record async for chunk in reader.records("sales", 1, 0, end) for record in chunk]
    assert [record.offset for record in found] == list(range(end))
    odd = [record for record in found if record.headers and record.headers[-1][0].startswith("odd-")]
    assert [record.offset for record in odd] == list(range(first, first + 40))
    assert odd[0].headers[-1] == (SENT.decode(errors="replace"), b"x")
