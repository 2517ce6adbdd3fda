"""What the tests of real workers share: processes, and two folds to compare: the changelog's and the sources'."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import aiokafka
from aiokafka import TopicPartition

from domain.accounting import Accounting
from domain.cells import Cell
from domain.entries import CellEntry, TargetEntry, WholeEntry
from domain.partition import PartitionState, Rules
from domain.rows import entries
from processors.admission import Admission, SkippedRecords
from processors.dead_letters import read_dead_letters
from processors.engine.changelog import ChangelogFold
from processors.reducing import Reducer
from processors.topics import SOURCES, TopicNames

RULES = Rules("CNY", "Asia/Shanghai")
PROJECT_DIR = Path(__file__).resolve().parents[2]

Outgoing = tuple[str, int | None, bytes | None, bytes | None, list[tuple[str, bytes]]]
"""(logical topic, partition or None for the key's own, key, value, headers)"""


class WorkerProcess:
    """One worker that a test starts, kills, freezes and stops."""

    def __init__(self, folder: Path, name: str, bootstrap_servers: str, topic_prefix: str, **told: Any) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.ready_file = folder / f"{name}.ready"
        self.data_dir = folder / f"{name} data"
        self._told = {
            "bootstrap_servers": bootstrap_servers,
            "topic_prefix": topic_prefix,
            "data_dir": str(self.data_dir),
            "ready_file": str(self.ready_file),
            **told,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> WorkerProcess:
        self.ready_file.unlink(missing_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.integration.worker_process", json.dumps(self._told)],
                cwd=PROJECT_DIR,
                env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
                stdout=log,
                stderr=log,
            )
        return self

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None, "started before"
        return self.process

    async def ready(self, seconds: float = 60.0) -> None:
        """Wait until it is ready; a supervisor may restart it meanwhile."""
        await eventually(lambda: self.ready_file.exists() and self.running.poll() is None, seconds, self.name)

    def signal(self, number: signal.Signals) -> None:
        if self.running.poll() is None:
            self.running.send_signal(number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.running.wait()
        self.ready_file.unlink(missing_ok=True)

    def stop(self, seconds: float = 20.0) -> int:
        """Stop in order; the exit code."""
        self.signal(signal.SIGTERM)
        return self.running.wait(seconds)

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]


async def eventually(holds: Any, seconds: float, what: str) -> None:
    """Poll until something holds; processes and brokers offer nothing better to await."""
    stop = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < stop, f"{what}: not within {seconds} s"
        await asyncio.sleep(0.05)


async def produce(bootstrap_servers: str, names: TopicNames, records: Iterable[Outgoing]) -> None:
    """Send records as POS and ERP would, and wait until all have landed."""
    producer = aiokafka.AIOKafkaProducer(bootstrap_servers=bootstrap_servers, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        last: list[Any] = []
        for topic, partition, key, value, headers in records:
            last.append(await producer.send(names.of(topic), value, key=key, partition=partition, headers=headers))
        await asyncio.gather(*last)
    finally:
        await producer.stop()


class Reader:
    """Bounded reads of whole topics."""

    def __init__(self, bootstrap_servers: str) -> None:
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,  # a question waits behind the fetch that is on its way
        )

    async def __aenter__(self) -> Reader:
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def read(self, topic: str, partition: int, start: int = 0) -> list[Any]:
        """Records from an offset to the end as it is now."""
        tp = TopicPartition(topic, partition)
        end = (await self.ends([tp]))[tp]
        if end <= start:
            return []
        self._consumer.assign([tp])
        self._consumer.seek(tp, start)
        records: list[Any] = []
        while await self._consumer.position(tp) < end:
            records += (await self._consumer.getmany(tp, timeout_ms=300)).get(tp, [])
        self._consumer.unsubscribe()
        return [record for record in records if record.offset < end]

    async def ends(self, tps: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset that each partition's next record gets."""
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(list(tps))
        return ends


class Shown(ChangelogFold):
    """A changelog partition as recovery and as the projector see it."""

    def __init__(self, partition: int) -> None:
        super().__init__()
        self.state = PartitionState(partition, RULES)
        self.board = Board()

    def put(self, key: bytes, value: bytes | None) -> None:
        self.state.load(key, value)
        self.board.set(key, value)


class Board:
    """Board entries by name; of several the last counts, and empty cells are not listed."""

    def __init__(self) -> None:
        self.entries: dict[Any, Any] = {}

    def set(self, key: bytes, value: bytes | None) -> None:
        for entry in entries(key, value):
            match entry:
                case CellEntry(group, member_id, cell) | WholeEntry(group, member_id, cell):
                    self._put((type(entry).__name__, group, member_id), cell, cell == Cell(0, 0, 0, 0))
                case TargetEntry(group, member_id, stands, targets):
                    self._put(("target", group, member_id), (stands, targets), not stands and not targets)
                case document:
                    self._put(("document", document.group, document.document_id), document.text, False)

    def _put(self, name: Any, value: Any, empty: bool) -> None:
        if empty:
            self.entries.pop(name, None)
        else:
            self.entries[name] = value


async def fold_changelog(reader: Reader, names: TopicNames, partitions: int) -> list[Shown]:
    shown = [Shown(partition) for partition in range(partitions)]
    for fold in shown:
        fold.feed(await reader.read(names.changelog, fold.state.partition))
    return shown


async def fold_sources(reader: Reader, names: TopicNames, partitions: int) -> list[PartitionState]:
    """Every partition straight from its sources, the control stream first: it may close years."""
    admission = Admission(names, partitions, SkippedRecords())
    reducer = Reducer(admission, lambda outcomes: None)
    control = [reducer.control(record) for record in await reader.read(names.control, 0)]
    control = [
        reducer.control(record) for record in await reader.read(names.control, 0)
    ]  # a skip may name an earlier one
    states = []
    for partition in range(partitions):
        state = PartitionState(partition, RULES)
        state.control([record.fact for record in control])
        for source in SOURCES:
            reducer.reduce(state, source, await reader.read(names.of(source), partition))
        states.append(state)
    return states


def differences(shown: Sequence[Shown], states: Sequence[PartitionState]) -> list[str]:
    """Where the changelog's fold and the sources' differ; empty = they are equal."""
    found = []
    for fold, state in zip(shown, states, strict=True):
        board = Board()
        _, rows = state.flush()
        for key, value in rows:
            board.set(key, value)
        names = board.entries.keys() | fold.board.entries.keys()
        found += [
            f"p{state.partition} {name}: {fold.board.entries.get(name)} is not {board.entries.get(name)}"
            for name in names
            if fold.board.entries.get(name) != board.entries.get(name)
        ]
        if dict(fold.state.sales.lines()) != dict(state.sales.lines()):
            found.append(f"p{state.partition}: ledgers differ")
        if fold.state.accounting != state.accounting:
            found.append(f"p{state.partition}: {fold.state.accounting.counts} is not {state.accounting.counts}")
    return found


def accounting_of(shown: Sequence[Shown]) -> dict[str, int]:
    total = Accounting()
    for fold in shown:
        total = total.plus(fold.state.accounting)
    return total.as_dict()


class Progress:
    """Follows the changelog until the state holds everything that the sources hold."""

    def __init__(self, bootstrap_servers: str, names: TopicNames, partitions: int) -> None:
        self._names = names
        self._partitions = partitions
        self._bootstrap_servers = bootstrap_servers
        self.folds = [ChangelogFold() for _ in range(partitions)]

    async def until(self, left_max: int = 0, seconds: float = 90.0) -> None:
        """Wait until at most so many source records (and no control record) are not yet in the state."""
        stop = time.monotonic() + seconds
        async with Reader(self._bootstrap_servers) as reader:
            while True:
                left = await self._left(reader)
                if left <= left_max:
                    return
                assert time.monotonic() < stop, f"{left} records are not in the state after {seconds} s"
                await asyncio.sleep(0.1)

    async def _left(self, reader: Reader) -> int:
        # The state first: what a flush forwarded stands in another partition's source before its mark does.
        for partition, fold in enumerate(self.folds):
            fold.feed(await reader.read(self._names.changelog, partition, fold.rewind()))
        topics = {self._names.of(source): source for source in SOURCES}
        ends = await reader.ends(
            [TopicPartition(topic, p) for topic in topics for p in range(self._partitions)]
            + [TopicPartition(self._names.control, 0)]
        )
        left = 0
        for partition, fold in enumerate(self.folds):
            for tp, end in ends.items():
                source = topics.get(tp.topic, "control")
                if tp.partition == partition or source == "control":
                    left += end - 1 - fold.positions.get(source, -1)
        return left


async def check_state(bootstrap_servers: str, names: TopicNames, partitions: int) -> dict[str, int]:
    """Compare both folds, the accounting and the dead letters; returns the accounting."""
    async with Reader(bootstrap_servers) as reader:
        shown = await fold_changelog(reader, names, partitions)
        states = await fold_sources(reader, names, partitions)
    found = differences(shown, states)
    assert not found, f"{len(found)} differences: {found[-4:]} {found[:4]}"
    assert sum(len(fold.board.entries) for fold in shown) > 100
    letters = [letter async for letter in read_dead_letters(bootstrap_servers, names.dead_letters)]
    books = accounting_of(shown)
    assert len(letters) == books["dead_lettered"]
    return books
