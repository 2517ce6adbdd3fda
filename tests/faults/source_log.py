"""The source topics as the tests read them: kept record by record, each as a line for the oracle.

Own reading of docs/reference/events.md; of the product only the names of topics are used.
"""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from kafka.partitioner import murmur2

from processors.topics import TopicNames
from tests.oracle.schema import PREFIX, Bad, no_constant, read

SOURCES = ("sales", "targets", "reps")
CONTROL = "control"
VALUE_BYTES_MAX = 65_536

Line = bytes | dict[str, Any]
Vector = tuple[int, int, int, int]
"""Last offsets of sales, targets, reps and control; -1 = none."""


class SourceLog:
    """Everything that stands in the source topics of a deployment, as far as it has been read.

    Attributes:
        partitions: number of partitions.
        lines: (source, partition) to its records in order; None for one that is away from home and forwarded.
        away_count: of those.
    """

    def __init__(self, bootstrap_servers: str, names: TopicNames, partitions: int) -> None:
        self.partitions = partitions
        self.lines: dict[tuple[str, int], list[Line | None]] = defaultdict(list)
        self.away_count = 0
        self._bootstrap_servers = bootstrap_servers
        self._parts = {TopicPartition(names.of(s), p): (s, p) for s in SOURCES for p in range(partitions)}
        self._parts[TopicPartition(names.control, 0)] = (CONTROL, 0)

    async def catch_up(self) -> None:
        """Read on to the ends as they are now."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=16 << 20,
        )
        await consumer.start()
        try:
            ends = await consumer.end_offsets(list(self._parts))
            consumer.assign(list(self._parts))
            for tp, part in self._parts.items():
                consumer.seek(tp, len(self.lines[part]))
            while any(len(self.lines[part]) < ends[tp] for tp, part in self._parts.items()):
                for tp, records in (await consumer.getmany(timeout_ms=500)).items():
                    self.keep(*self._parts[tp], records)
        finally:
            await consumer.stop()

    def keep(self, source: str, partition: int, records: Sequence[Any]) -> None:
        """Keep the next records of a partition."""
        kept = self.lines[source, partition]
        for record in records:
            assert record.offset == len(kept), f"{source}-{partition}@{record.offset} is not the next record"
            line = line_of(source, record)
            if source != CONTROL and self._is_away(line, partition, record.headers):
                self.away_count += 1
                kept.append(None)
            else:
                kept.append(line)

    def _is_away(self, line: Line, partition: int, headers: Sequence[tuple[str, bytes]]) -> bool:
        """Whether the record is a fact that belongs to another partition, and was not forwarded yet."""
        if any(name == "standings-origin" for name, _ in headers):
            return False
        try:
            _, _, data, _ = read(line)
        except Bad:
            return False
        key = data["subject"]["id"] if "subject" in data else data["rep_id"]
        return home(key, self.partitions) != partition

    def ends(self, partition: int) -> Vector:
        """The last offset of each source of a partition."""
        return vector({s: len(self.lines[s, partition if s != CONTROL else 0]) - 1 for s in (*SOURCES, CONTROL)})

    @property
    def record_count(self) -> int:
        """Records in all sources."""
        return sum(map(len, self.lines.values()))


def vector(offsets: dict[str, int]) -> Vector:
    """Offsets by source, in order."""
    sales, targets, reps, control = (offsets.get(source, -1) for source in (*SOURCES, CONTROL))
    return sales, targets, reps, control


def home(key: str, partitions: int) -> int:
    """Kafka's own rule for a key."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


def line_of(source: str, record: Any) -> Line:
    """A record as a line; bytes that are no event if it can't be read, or stands in a topic it does not belong to."""
    headers: dict[str, bytes] = dict(record.headers)
    value: bytes = record.value or b""
    if len(value) > VALUE_BYTES_MAX:
        return b"too big"
    media = headers.get("content-type", b"").decode("latin-1")
    binary = not media.startswith("application/cloudevents") and any(name.startswith("ce_") for name in headers)
    try:
        read_value = json.loads(value.decode(), parse_constant=no_constant)
    except (ValueError, RecursionError, Bad):
        return value
    if binary:
        line = {name.removeprefix("ce_"): text.decode() for name, text in headers.items() if name.startswith("ce_")}
        line["data"] = read_value
        if record.key is not None:
            line["partitionkey"] = record.key.decode()
    elif isinstance(read_value, dict):
        line = read_value
    else:
        return value
    if topic_of(str(line.get("type"))) != source:
        return b"in a wrong topic"
    return {**line, "recordedtime": appended_at(headers, record.timestamp)}


def topic_of(event_type: str) -> str:
    """The topic that a type belongs to."""
    family = event_type.removeprefix(PREFIX).partition(".")[0]
    return {"sale": "sales", "target": "targets", "rep": "reps"}.get(family, CONTROL)


def appended_at(headers: dict[str, bytes], timestamp_ms: int) -> str:
    """When it was recorded: appended, at its first place if it was forwarded."""
    origin = headers.get("standings-origin")
    appended_ms = timestamp_ms if origin is None else int(origin.rpartition(b"/")[2])
    moment = dt.datetime.fromtimestamp(appended_ms / 1000, dt.UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
