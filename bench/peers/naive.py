"""kafka-python and Redis with good practice: a ledger of lines, corrections by difference, one transaction a poll.

Defaults of both libraries; each polled batch (up to 500 records) is one MULTI with its ZINCRBYs and its ledger lines,
and the group's offsets are committed after it. So a batch that is read again changes nothing: it is exact under its own
crash. It does not survive what Redis loses (a restart between two fsyncs, a failover, an older file, FLUSHALL): the
committed offsets say that the lost sales were counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from kafka import KafkaConsumer
from redis import Redis

from bench.peers.task import Clock, Line, Told, Total, corrected, identity, is_readable, report, totals

LEDGER = "lines"
BOARD = "total "


def main() -> None:
    told = Told.read()
    redis = Redis.from_url(told.redis, decode_responses=True)
    consumer = KafkaConsumer(
        told.topic,
        bootstrap_servers=told.servers,
        group_id=told.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    clock, read = Clock(), 0
    before = redis_cpu(redis)
    while read < told.events:
        records = [record for some in consumer.poll(timeout_ms=1_000).values() for record in some]
        if records:
            clock.start()
            take(redis, told, records)
            consumer.commit()
            read += len(records)
    cost = clock.stop()
    report(told, cost, boards(redis), server_cpu_seconds=redis_cpu(redis) - before)
    consumer.close()


def take(redis: Redis, told: Told, records: list[Any]) -> None:
    """One batch as one transaction."""
    events = []
    for record in records:
        headers, data = dict(record.headers), json.loads(record.value)
        if is_readable(headers["ce_type"], data):
            events.append((identity(headers["ce_source"].decode(), data), headers["ce_type"], data))
    if not events:
        return
    names = list(dict.fromkeys(name for name, _, _ in events))
    stored: Any = redis.hmget(LEDGER, names)
    known: dict[str, Line | None] = {
        name: json.loads(text) if text else None for name, text in zip(names, stored, strict=True)
    }
    with redis.pipeline(transaction=True) as pipeline:
        for name, kind, data in events:
            line, effects = corrected(known[name], kind, data)
            if line is None:
                continue
            known[name] = line
            pipeline.hset(LEDGER, name, json.dumps(line))
            for effect in effects:
                for level, bucket, member in totals(told.tree, data["rep_id"], effect):
                    pipeline.zincrby(f"{BOARD}{level} {bucket}", effect.amount, member)
        pipeline.execute()


def boards(redis: Redis) -> Iterator[tuple[Total, int]]:
    for key in redis.scan_iter(match=f"{BOARD}*"):
        _, level, bucket = key.split(" ")
        found: Any = redis.zrange(key, 0, -1, withscores=True)
        yield from (((level, bucket, member), int(score)) for member, score in found)


def redis_cpu(redis: Redis) -> float:
    """CPU seconds of the server so far."""
    told: Any = redis.info("cpu")
    return float(told["used_cpu_user"] + told["used_cpu_sys"])


if __name__ == "__main__":
    main()
