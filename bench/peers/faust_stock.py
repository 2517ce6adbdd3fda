"""Stock faust-streaming with Tables: its own transport, its own changelogs, the memory store.

Settings: topic_partitions = the source's, as its tables must have them; the changelog topics are made before it starts,
as it stops when the first record comes while the broker is still making them; all else is default. A total of a unit is
kept for each partition apart (a table's changelog is written in the partition of the event), and added up when it is
read. It does not survive kill -9 exactly: tables, changelog and committed offsets are not moved together.
"""

# mypy: allow-untyped-decorators
from __future__ import annotations

import asyncio
import os
import sys
from typing import Any

import faust

from bench.peers.task import Clock, Told, corrected, identity, is_readable, report, totals

PARTITIONS = 12

told = Told.read()
clock = Clock()
read = 0
app = faust.App(
    told.group,  # its changelog topics are made under this name
    broker=f"kafka://{told.servers}",
    store="memory://",
    topic_partitions=PARTITIONS,
    datadir=str(told.out.parent / "faust-stock"),
)
source = app.topic(told.topic, value_serializer="json")
lines = app.Table("lines", partitions=PARTITIONS)
sums = app.Table("sums", default=int, partitions=PARTITIONS)


@app.agent(source)
async def fold(stream: Any) -> None:
    global read
    async for event in stream.events():
        clock.start()
        take(event)
        read += 1
        if read == told.events:
            await app.producer.flush()
            finish(clock.stop())


def take(event: Any) -> None:
    kind, data = event.headers["ce_type"], event.value
    if not is_readable(kind, data):
        return
    name = identity(event.headers["ce_source"].decode(), data)
    line, effects = corrected(lines.get(name), kind, data)
    if line is not None:
        lines[name] = line
        for effect in effects:
            for level, bucket, member in totals(told.tree, data["rep_id"], effect):
                sums[f"{event.message.partition} {level} {bucket} {member}"] += effect.amount


def finish(cost: dict[str, Any]) -> None:
    found = ((key.split(" "), amount) for key, amount in sums.items())
    report(told, cost, (((level, bucket, member), amount) for (_, level, bucket, member), amount in found))
    asyncio.get_running_loop().call_soon(os._exit, 0)  # what is left to do is only to leave the group


if __name__ == "__main__":
    os.environ["BENCH_PEER"] = sys.argv[1]
    sys.argv[1:] = ["worker", "--without-web", "--loglevel", "warn"]
    app.main()
