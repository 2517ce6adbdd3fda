"""One `standings up` for all tests of the interfaces, seen only from outside: by Kafka, Redis, HTTP and commands."""

from __future__ import annotations

import contextlib
import json
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import psutil
from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError
from redis import Redis

from cli.probes import kafka_answers
from tests.histories.generator import RAW, history
from tests.integration.up_stage import Json, Up, event, get, printed, run, sale, wait_for
from tests.oracle.oracle import Oracle
from tests.oracle.schema import Bad, instant_ms, read

SHOWN_SECONDS = 90
PARTITION_COUNT = 12
SOURCES = ("sales", "targets", "reps")
PROGRESS_BOARD = "till-1/rep/revenue/2026"

Place = tuple[str, int, int]
"""Topic, partition, offset."""


class Kill(NamedTuple):
    """One row of the table of kills. Lag: records of the sources that the boards do not show yet."""

    name: str
    old_pid: int
    new_pid: int
    named_seconds: float
    lag_before: int
    lag_after: int
    shown_seconds: float


class Stage:
    """The stack and what the tests sent to it.

    Attributes:
        folder: for files.
        kills: what happened to the parts that were killed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.up = Up(folder)
        self.kills: list[Kill] = []
        self._expected: dict[str, int] = {}
        self._sale_count = 0

    def start(self) -> None:
        """Wait until it serves."""
        self.ready = self.up.await_ready()
        self.api_url: str = self.ready["api_url"]
        self.kafka: str = self.ready["bootstrap_servers"]
        self.redis_url: str = self.ready["redis_url"]

    def verify(self) -> tuple[int, Json]:
        """Exit code and report of `standings verify`."""
        done = run("verify", "--bootstrap-servers", self.kafka, "--redis-url", self.redis_url, "--output", "json")
        assert done.stdout, f"verify ended with {done.returncode} and no report: {done.stderr[-2000:]}"
        return done.returncode, json.loads(done.stdout)

    def replay(self, boards: Sequence[str], *source: object) -> Json:
        """What `standings replay` prints of boards of a file, or of the log."""
        named = [part for name in boards for part in ("--board", name)]
        said: Json = json.loads(printed("replay", *source, *named, "--output", "json"))
        return said

    # ---------------------------------------------------------------- sales of the tills

    def till_sales(self, count: int) -> list[bytes]:
        """More sales of ten reps of one unit, none like any before; `tills_right` then waits for them too."""
        lines = []
        for number in range(self._sale_count, self._sale_count + count):
            rep, amount = f"till-rep-{number % 10}", 100 + number
            self._expected[rep] = self._expected.get(rep, 0) + amount
            lines.append(sale(f"till-{number}", rep, "till-1", amount))
        self._sale_count += count
        return lines

    def tills_right(self) -> bool:
        """Whether the tills' board shows every sale made so far."""
        status, answer = get(f"{self.api_url}/v1/boards/{PROGRESS_BOARD}?limit=100")
        shown = {row["member_id"]: int(row["score"]) for row in answer["rows"]} if status == 200 else {}
        return shown == self._expected

    # ---------------------------------------------------------------- the log

    def ends(self) -> dict[tuple[str, int], int] | None:
        """Source and partition to the offset that its next record will get; None while Kafka does not answer."""
        parts = {TopicPartition(f"standings.{s}.v1", p): (s, p) for s in SOURCES for p in range(PARTITION_COUNT)}
        parts[TopicPartition("standings.control.v1", 0)] = ("control", 0)
        # Asked first: a client that fails to start leaves its sockets open.
        if not kafka_answers(int(self.kafka.rpartition(":")[2])):
            return None
        with contextlib.suppress(KafkaError), consumer(self.kafka) as reader:
            return {parts[at]: end for at, end in reader.end_offsets(list(parts)).items()}
        return None

    def lag(self) -> int | None:
        """Records of the sources that the boards do not show; None while Kafka or the API can't say."""
        status, answer = get(f"{self.api_url}/v1/boards/{PROGRESS_BOARD}")
        ends = self.ends()
        if status != 200 or ends is None:
            return None
        shown: dict[str, dict[str, int]] = answer["as_of"]
        return sum(max(0, end - 1 - shown.get(str(p), {}).get(source, -1)) for (source, p), end in ends.items())

    def await_shown(self) -> None:
        """Wait until the boards show everything that is in the log."""
        wait_for(lambda: self.lag() == 0, SHOWN_SECONDS, "the boards show the whole log")

    def records_at(self, places: Sequence[Place]) -> list[tuple[dict[str, bytes], bytes]]:
        """Headers and value of the records at some places."""
        found = []
        with consumer(self.kafka) as reader:
            for topic, partition, offset in places:
                at = TopicPartition(topic, partition)
                reader.assign([at])
                reader.seek(at, offset)
                [record] = next(iter(reader.poll(timeout_ms=20_000, max_records=1).values()), [None])
                assert record is not None, f"nothing at {topic}-{partition}@{offset}"
                assert record.offset == offset
                found.append((dict(record.headers), record.value))
        return found

    def partitions_of_workers(self) -> list[list[int]]:
        """The partitions of the sales topic of each worker that has joined."""
        admin = KafkaAdminClient(bootstrap_servers=self.kafka)
        try:
            members = admin.describe_groups(["standings"])["standings"]["members"]
        finally:
            admin.close()
        return [
            sorted(
                number
                for assigned in (member["member_assignment"] or {}).get("assigned_partitions", ())
                if assigned["topic"] == "standings.sales.v1"
                for number in assigned["partitions"]
            )
            for member in members
        ]

    # ---------------------------------------------------------------- the boards' store

    @contextlib.contextmanager
    def store(self) -> Iterator[tuple[Any, str]]:
        """A client of Redis, and what every key of the current boards begins with."""
        with Redis.from_url(self.redis_url, decode_responses=False) as client:
            version = client.get("standings:current")
            assert isinstance(version, bytes)
            yield client, f"standings:{version.decode()}:"


@contextlib.contextmanager
def consumer(bootstrap_servers: str) -> Iterator[Any]:
    """A reader without a group."""
    reader = KafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False, group_id=None)
    try:
        yield reader
    finally:
        reader.close()


def listening_ports(pid: int) -> list[int]:
    """The TCP ports that a process listens on."""
    connections = psutil.Process(pid).net_connections("tcp")
    return sorted(c.laddr.port for c in connections if c.status == psutil.CONN_LISTEN)


def rows_of(api_url: str, board: str, limit: int) -> list[Json]:
    """All rows of a board, page by page; no page is longer than asked."""
    url = f"{api_url}/v1/boards/" + "/".join(quote(part, safe="") for part in board.rsplit("/", 3)) + f"?limit={limit}"
    rows: list[Json] = []
    cursor: str | None = ""
    while cursor is not None:
        status, page = get(url + (f"&cursor={quote(cursor, safe='')}" if cursor else ""))
        assert status == 200, f"{board}: {status}"
        assert len(page["rows"]) <= limit
        rows += page["rows"]
        cursor = page["next_cursor"]
    return rows


# -------------------------------------------------------------------- lines


def good_lines(seed: int, size: int) -> list[bytes]:
    """A history of lines that all count, whenever they are appended to a log."""
    now_ms = time.time() * 1000

    def counts(line: bytes) -> bool:
        try:
            Oracle("CNY", "Asia/Shanghai").fact(line)
            data = read(line)[2]
            return bool(json.loads(line).get("partitionkey")) and instant_ms(data.get("occurred_at", DAWN)) <= now_ms
        except Bad:
            return False

    return [line for line in history(random.Random(seed), size) if counts(line)]


DAWN = "1970-01-01T00:00:00Z"
SALE: Json = json.loads(sale("", "bad-rep", "bad-unit", 100))


def bad_sale(name: str, *, without: str = "", data: Json | None = None, **attributes: Any) -> bytes:
    """A sale with something wrong."""
    envelope = SALE | {"id": name} | attributes | {"data": SALE["data"] | {"sale_id": name} | (data or {})}
    envelope.pop(without, None)
    return json.dumps(envelope, ensure_ascii=False).encode()


def bad_lines() -> list[tuple[bytes, str]]:
    """Lines that can't count, each with its reason."""
    raw = dict.fromkeys(RAW, "not_json") | {b"[]": "not_cloudevent", b"null": "not_cloudevent"}
    raw |= {line: "too_deep" for line in RAW if line.count(b"{") > 16}
    raw |= {line: "too_big" for line in RAW if len(line) > 65_536}
    target = {"subject": {"type": "rep", "id": "bad-rep"}, "bucket": "2026-W60", "metric": "revenue", "value": 1}
    target |= {"reason": "plan", "set_by": "boss"}
    unit = {"unit_id": "bad-unit", "name": "u", "level": "rep", "effective_on": "2026-01-01"}
    return [
        *raw.items(),
        (bad_sale("bad-1", type="com.example.sale"), "unknown_type"),
        (bad_sale("bad-2", type="dev.standings.sale.recorded.v99"), "unknown_version"),
        (bad_sale("bad-3", without="partitionkey"), "no_key"),
        (bad_sale("bad-4", without="source"), "not_cloudevent"),
        (bad_sale("bad-5", data={"amount_minor": 1.5}), "wrong_type"),
        (bad_sale("bad-6", data={"discount": 5}), "unknown_field"),
        (bad_sale("bad-7", data={"occurred_at": "2026-02-30T10:15:29Z"}), "out_of_range"),
        (bad_sale("bad-8", data={"currency": "USD"}), "currency_unknown"),
        (bad_sale("bad-9", data={"occurred_at": "2999-01-01T00:00:00Z"}), "in_the_future"),
        (event("target.set.v1", "bad-rep", target, "bad-10"), "out_of_range"),
        (event("unit.placed.v1", "control", unit, "bad-11"), "out_of_range"),
    ]


def identity(line: bytes) -> bytes:
    """What a line can be known by in the log: its id as an event, else the line itself."""
    try:
        return str(json.loads(line)["id"]).encode()
    except (ValueError, TypeError, KeyError, RecursionError):
        return line
