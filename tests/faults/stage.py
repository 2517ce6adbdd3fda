"""One running deployment that is broken on purpose: real Kafka and Valkey, real workers, projectors and an API.

A scenario is a ``with stage.scenario(...)``: while its body breaks something, records pour in and an observer looks at
boards. When the body is done the stage waits until the boards show the whole log, and then everything is compared.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kafka import KafkaConsumer, TopicPartition

from cli.embedded import EmbeddedKafka, EmbeddedValkey
from cli.processes import free_port
from processors.topics import TopicNames, ensure_topics
from tests.faults.checks import Kept, check_changelog, check_store
from tests.faults.load import Load, Some, produce
from tests.faults.observer import Observer, board_path, is_later, read_as_of
from tests.faults.processes import Keeper, Process, command, wait_for
from tests.faults.source_log import CONTROL, SOURCES, SourceLog, vector
from tests.faults.truth import AsOf, oracle_of
from tests.faults.workload import BOARDS, Workload
from tests.integration.up_stage import get

PARTITIONS = 4
RATE = 120.0
SESSION_SECONDS = 4.0
SHOWN_SECONDS = 90.0
FLUSHES = {"STANDINGS_WORKER__FLUSH_SECONDS": "0.05", "STANDINGS_PROJECTOR__FLUSH_SECONDS": "0.05"}
"""Many small flushes: a fault hits every moment of one."""


@dataclass
class Figures:
    """What a scenario wants printed beside what everybody prints."""

    said: dict[str, object] = field(default_factory=dict)

    def note(self, **figures: object) -> None:
        """Add some."""
        self.said.update(figures)


class Stage:
    """A deployment under a topic prefix of its own.

    Args:
        folder: for logs and data.
        kafka: running; scenarios may break it.
        valkey: the same.
        prefix: of topics and keys.
        seed: of the workload.
    """

    def __init__(self, folder: Path, kafka: EmbeddedKafka, valkey: EmbeddedValkey, prefix: str, *, seed: int) -> None:
        self.folder, self.kafka, self.valkey = folder, kafka, valkey
        self.names = TopicNames(prefix)
        self.redis_prefix = f"{prefix}:"
        self.workload = Workload(seed, PARTITIONS)
        self.keeper = Keeper()
        self.observer: Observer
        self.load: Load
        self.is_sound = True
        self._api_port = free_port()
        self.log = SourceLog(kafka.bootstrap_servers, self.names, PARTITIONS)
        self._folds = [Kept(partition) for partition in range(PARTITIONS)]

    # ---------------------------------------------------------------- processes

    def open(self, processes: Sequence[Process], *, api: Mapping[str, str] | None = None) -> None:
        """Make the topics, send the opening, start all and an API, and wait until the boards show the opening.

        Args:
            processes: of this stage.
            api: settings of the API.
        """
        ensure_topics(self.kafka.bootstrap_servers, self.names.prefix, PARTITIONS)
        started = [*processes, self.process("api", "api", settings=api)]
        for process in started:
            process.start()
        produce(self.kafka.bootstrap_servers, self.names, self.workload.opening())
        for process in started:
            process.await_ready()
        self.await_shown()

    def process(
        self, kind: str, name: str, told: Mapping[str, object] | None = None, settings: Mapping[str, str] | None = None
    ) -> Process:
        """A process of the deployment, not yet started.

        Args:
            kind: worker, projector or api.
            name: its own.
            told: run the tests' own worker, and tell it this.
            settings: beside those of the stage.
        """
        environment = {
            "STANDINGS_KAFKA__BOOTSTRAP_SERVERS": self.kafka.bootstrap_servers,
            "STANDINGS_KAFKA__TOPIC_PREFIX": self.names.prefix,
            "STANDINGS_KAFKA__PARTITIONS": str(PARTITIONS),
            "STANDINGS_REDIS__URL": self.valkey.url,
            "STANDINGS_REDIS__PREFIX": self.redis_prefix,
            "STANDINGS_API__PORT": str(self._api_port),
            "STANDINGS_WORKER__DATA_DIR": str(self.folder / f"{name} data"),
            "STANDINGS_WORKER__SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS),
        }
        process = Process(self.folder, name, command(kind, told), environment | FLUSHES | dict(settings or {}))
        self.keeper.processes.append(process)
        return process

    def worker(self, name: str, **settings: str) -> Process:
        """A worker as the command line starts it."""
        return self.process("worker", name, settings=settings)

    def projector(self, name: str, **settings: str) -> Process:
        """A projector as the command line starts it."""
        return self.process("projector", name, settings=settings)

    def named(self, kind: str) -> list[Process]:
        """The processes of a kind that should run."""
        return [one for one in self.keeper.processes if one.name.startswith(kind) and one.wanted]

    def starts(self, kind: str) -> dict[str, int]:
        """How often those were started."""
        return {one.name: one.starts for one in self.named(kind)}

    @contextmanager
    def instead_of(self, usual: Sequence[Process], *others: Process) -> Iterator[None]:
        """Some processes in place of others; afterwards the usual ones are back, and ready."""
        for one in others:
            one.start()
        for one in usual:
            one.leave()
        try:
            yield
        finally:
            for one in others:
                one.leave()
            for one in usual:
                one.start()
            for one in usual:
                one.await_ready()

    def end(self) -> None:
        """End every process."""
        self.keeper.end()

    # ---------------------------------------------------------------- what is shown

    def ends(self) -> AsOf:
        """The last offsets in the log."""
        parts = {TopicPartition(self.names.of(s), p): (s, p) for s in SOURCES for p in range(PARTITIONS)}
        control = TopicPartition(self.names.control, 0)
        reader = KafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers, enable_auto_commit=False, group_id=None)
        try:
            ends = reader.end_offsets([*parts, control])
        finally:
            reader.close()
        said: list[dict[str, int]] = [{CONTROL: ends[control] - 1} for _ in range(PARTITIONS)]
        for at, (source, partition) in parts.items():
            said[partition][source] = ends[at] - 1
        return tuple(map(vector, said))

    def await_shown(self, seconds: float = SHOWN_SECONDS) -> float:
        """Wait until the boards show the whole log, which grows meanwhile by what is forwarded; returns the seconds."""
        began = time.monotonic()
        ends = self.ends()
        # Equal to ends that are read after it: what is forwarded last comes before its mark is shown.
        while (shown := self.shown()) != ends or (ends := self.ends()) != shown:
            if time.monotonic() - began > seconds:
                raise AssertionError(f"not shown within {seconds:.0f} s: {shown} is not {ends}{self._tails()}")
            time.sleep(0.05)
            if shown is not None and is_later(ends, shown):
                ends = self.ends()
        return time.monotonic() - began

    def shown(self) -> AsOf | None:
        """The offsets that the boards show now; None if they can't be had."""
        status, body = get(f"http://127.0.0.1:{self._api_port}{board_path(BOARDS[0])}?limit=1")
        return read_as_of(body["as_of"], PARTITIONS) if status == 200 and body["state"] == "live" else None

    def await_shown_at_least(self, wanted: AsOf) -> None:
        """Wait until the boards show no less than some offsets."""

        def shows() -> bool:
            now = self.shown()
            return now is not None and is_later(wanted, now)

        wait_for(shows, SHOWN_SECONDS, lambda: f"boards show {wanted}{self._tails()}")

    def await_progress(self) -> float:
        """Wait until every partition's boards show more than now; returns the seconds."""
        wait_for(lambda: self.shown() is not None, SHOWN_SECONDS, lambda: f"boards can be read{self._tails()}")
        before = self.shown()
        return wait_for(lambda: self.has_moved(before), SHOWN_SECONDS, lambda: f"boards move on{self._tails()}")

    def has_moved(self, before: AsOf | None) -> bool:
        """Whether the boards show more of every partition than before."""
        now = self.shown()
        return now is not None and before is not None and all(b > a for a, b in zip(before, now, strict=True))

    def owns_some(self, worker: Process) -> bool:
        """Whether a worker has folded records: what it owns is counted in its metrics."""
        return worker.is_ready() and worker.metric("standings_events_total") > 0

    def _tails(self) -> str:
        return "".join(f"\n--- {one.name}: {one.tail()}" for one in self.keeper.processes)

    # ---------------------------------------------------------------- scenarios

    @contextmanager
    def scenario(self, what: str, *, some: Some | None = None, clock_seconds: float = 0.0) -> Iterator[Figures]:
        """Load and observer around a fault, and everything compared after it.

        Args:
            what: printed with the figures.
            some: draws the load's records; None = the stage's workload.
            clock_seconds: what the producer's clock is ahead of the true time.
        """
        figures, began = Figures(), time.monotonic()
        self.is_sound = False
        self.observer = Observer(self._api_port, BOARDS, PARTITIONS)
        self.load = Load(
            self.kafka.bootstrap_servers, self.names, some or self.workload.some, RATE, clock_seconds=clock_seconds
        )
        try:
            try:
                yield figures
                wait_for(self.observer.has_seen_enough, SHOWN_SECONDS, lambda: f"enough was observed{self._tails()}")
            finally:
                sent = self.load.end()
            caught_up = self.await_shown()
        finally:
            self.observer.end()
        lasted = time.monotonic() - began
        figures.note(records=sent, seconds=f"{lasted:.1f}", caught_up_after=f"{caught_up:.1f} s")
        cpu = time.process_time()
        self._check(figures)
        took = f"{time.monotonic() - began - lasted:.1f} s, {time.process_time() - cpu:.1f} s of CPU"
        figures.note(checked_in=took)
        lines = [f"{name.replace('_', ' ')}: {value}" for name, value in figures.said.items()]
        sys.stdout.write("\n  ".join([f"\n{what}", *lines]) + "\n")
        self.is_sound = True

    def _check(self, figures: Figures) -> None:
        """Oracle = ledger = totals = boards = answers, each at its own as_of, and closed accounting."""
        asyncio.run(self.log.catch_up())
        oracle = oracle_of(self.log)
        figures.note(seen=self.observer.judge(self.log, oracle))
        servers = self.kafka.bootstrap_servers
        figures.note(changelog=asyncio.run(check_changelog(servers, self.names, self._folds, self.log, oracle)))
        figures.note(store=asyncio.run(check_store(self.valkey.url, self.redis_prefix, self.log, oracle)))
        figures.note(log=f"{self.log.record_count} records, {self.log.away_count} of them forwarded")
