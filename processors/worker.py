"""The worker: Faust agents over sales, targets and reps, with the control stream and one exact table."""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry

from domain.partition import CONTROL_ACCOUNTANT, PartitionState, Rules
from processors.admission import Admission, SkippedRecords
from processors.client_logging import limit_kafka_logs
from processors.engine.app import EngineApp, settings
from processors.engine.changelog_reader import read_changelog
from processors.engine.chunks import ChunkSchema
from processors.engine.control import ControlStream
from processors.engine.local_state import LocalState, SnapshotPolicy
from processors.engine.log_marks import first_records
from processors.engine.reclaim import Reclaims
from processors.engine.workshop import FlushLimits, Workshop
from processors.engine.writer import ChangelogWriter
from processors.metrics import WorkerMetrics
from processors.operator_commands import skip_command
from processors.process_memory import collect_garbage_seldom, keep_large_arrays_apart
from processors.reducing import Reducer
from processors.topics import TABLE, BrokerUnreachable, TopicNames, TopicsUnfit, require_topics

log = logging.getLogger(__name__)

EXIT_OK, EXIT_UNFIT = 0, 1

QUEUED_CHUNKS_MAX = 8
"""Chunks of one source that wait for its agent."""

STOP_SECONDS_MAX = 20.0
"""A worker that can't stop in order within this time stops at once; the log is the state."""

GAUGE_SECONDS = 2.0


StateFactory = Callable[[int, Rules], PartitionState]
"""(partition, rules) -> an empty state."""

Reshape = Callable[[Workshop], Workshop]
"""What the owners share -> the same with something put in between."""


def living_state(partition: int, rules: Rules) -> PartitionState:
    """A worker's state: what closed years hold leaves its memory."""
    return PartitionState(partition, rules, retires=True)


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """All that a worker is told.

    Attributes:
        bootstrap_servers: comma-separated brokers.
        rules: base currency and default zone.
        topic_prefix: topics are ``{prefix}.sales.v1`` and so on; also the consumer group.
        partitions: number of partitions of every source and of the changelog.
        data_dir: the worker's own folder: snapshots. The log is the state; whatever is lost here is read there.
        instance_id: static membership: a restarted worker with the same id takes its partitions back at once, but a
            stopped one keeps them until the session times out. None = dynamic.
        session_seconds: how long a silent worker keeps its partitions.
        snapshots: when partitions are written to the data_dir; None = never.
        limits: when to flush.
        chunk_pause_seconds: waits after each chunk; only for tests that need a slow worker.
    """

    bootstrap_servers: str
    rules: Rules
    topic_prefix: str = "standings"
    partitions: int = 12
    data_dir: Path = Path("data/worker")
    instance_id: str | None = None
    session_seconds: float = 6.0
    snapshots: SnapshotPolicy | None = field(default_factory=SnapshotPolicy)
    limits: FlushLimits = field(default_factory=FlushLimits)
    chunk_pause_seconds: float = 0.0


def run_worker(
    options: WorkerOptions,
    *,
    on_ready: Callable[[], None] | None = None,
    registry: CollectorRegistry | None = None,
    state: StateFactory = living_state,
    reshape: Reshape | None = None,
) -> int:
    """Run a worker until SIGTERM or SIGINT; blocks. Logging is set up by the caller.

    Args:
        options: what to do.
        on_ready: called once, when recovery is complete and every assigned partition is open.
        registry: where its metrics go; a new one if None.
        state: makes a partition's state; tests hand in a faulty one.
        reshape: tests put a kill at a marked point, or another clock, into what the owners share.

    Returns:
        Exit code: 0 stopped in order; 1 the broker or the topics are not as they must be. A worker that must be
        restarted exits the process with 70 and does not return.
    """
    limit_kafka_logs()
    collect_garbage_seldom()
    try:
        require_topics(options.bootstrap_servers, options.topic_prefix, options.partitions)
    except (BrokerUnreachable, TopicsUnfit) as error:
        log.error("the worker does not start: %s", error)
        return EXIT_UNFIT
    options.data_dir.mkdir(parents=True, exist_ok=True)
    metrics = WorkerMetrics(registry or CollectorRegistry())
    return asyncio.run(_Run(lambda: build_app(options, metrics, state, reshape), metrics, on_ready).run())


def build_app(
    options: WorkerOptions,
    metrics: WorkerMetrics,
    state: StateFactory = living_state,
    reshape: Reshape | None = None,
) -> EngineApp:
    """The Faust app: the table and an agent for each source. Call it inside the running loop."""
    names = TopicNames(options.topic_prefix)
    app = EngineApp(
        options.topic_prefix,
        **settings(
            bootstrap_servers=options.bootstrap_servers,
            partitions=options.partitions,
            data_dir=options.data_dir,
            session_seconds=options.session_seconds,
            instance_id=options.instance_id,
        ),
    )
    app.sources = names.sources()
    app.skip_command = lambda where: skip_command(where, names.prefix, options.bootstrap_servers)
    table = app.owned_table(TABLE, options.partitions)
    admission = Admission(names, options.partitions, SkippedRecords(), options.bootstrap_servers)
    reducer = Reducer(admission, metrics.folded)
    workshop = Workshop(
        core=lambda partition: state(partition, options.rules),
        reduce=reducer.reduce,
        flushed=reducer.tell,
        control=ControlStream(options.bootstrap_servers, names.control, reducer.control),
        control_accountant=CONTROL_ACCOUNTANT,
        writer=ChangelogWriter(lambda: app.producer._producer, names.changelog),
        limits=options.limits,
        observer=metrics,
        die=app.die,
        clock=time.monotonic,
        now_ms=lambda: time.time_ns() // 1_000_000,
        lost=lambda owner, reason: reclaims.lost(owner, reason),
    )
    if reshape is not None:
        workshop = reshape(workshop)
    who = f"{socket.gethostname()}:{os.getpid()}"
    table.prepare(workshop, who, metrics, _local_state(options, names, metrics))
    reclaims = Reclaims(
        table.owners,
        workshop,
        who,
        read=functools.partial(read_changelog, options.bootstrap_servers, names.changelog),
        sources=table,
        reclaimed=table.reclaimed,
    )
    for topic, source in app.sources.items():
        _add_agent(app, topic, source, options, metrics)
    return app


def _local_state(options: WorkerOptions, names: TopicNames, metrics: WorkerMetrics) -> LocalState | None:
    if options.snapshots is None:
        return None
    return LocalState(
        options.data_dir / "snapshots",
        names.changelog,
        functools.partial(first_records, options.bootstrap_servers, names.changelog),
        metrics,
        clock=time.monotonic,
        now_ms=lambda: time.time_ns() // 1_000_000,
        policy=options.snapshots,
    )


def _add_agent(app: EngineApp, topic: str, source: str, options: WorkerOptions, metrics: WorkerMetrics) -> None:
    channel = app.topic(topic, schema=ChunkSchema(), partitions=options.partitions, maxsize=QUEUED_CHUNKS_MAX)

    async def fold(stream: Any) -> None:
        async for event in stream.noack().events():
            started = time.monotonic()
            await app.table.take(source, event)
            metrics.chunk(time.monotonic() - started)
            if options.chunk_pause_seconds:
                await asyncio.sleep(options.chunk_pause_seconds)

    app.agent(channel, name=source)(fold)


class _Run:
    """One life of a worker: start, say that it is ready, wait for a signal or a crash, stop."""

    def __init__(
        self, build: Callable[[], EngineApp], metrics: WorkerMetrics, on_ready: Callable[[], None] | None
    ) -> None:
        self._build = build
        self._metrics = metrics
        self._on_ready = on_ready
        self._stop = asyncio.Event()
        self._signalled = False

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        app = self._build()
        app.table.on_open = functools.partial(self._opened, app)
        app.finalize()
        running = asyncio.create_task(self._supervise(app))
        stopping = asyncio.create_task(self._stop.wait())
        gauges = asyncio.create_task(self._keep_gauges(app))
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        gauges.cancel()
        if running.done() and not self._stop.is_set():
            app.die(running.exception() or RuntimeError("the Faust app stopped by itself"))
        log.info("worker stopping")
        try:
            await asyncio.wait_for(app.stop(), STOP_SECONDS_MAX)
        except Exception as error:
            app.die(error)
        running.cancel()
        log.info("worker stopped")
        return EXIT_OK

    async def _supervise(self, app: EngineApp) -> None:
        """Returns or raises when the app has crashed."""
        await app.start()
        await app.wait_until_stopped()
        if app.crash_reason is not None:
            raise app.crash_reason

    async def _opened(self, app: EngineApp, recovery_seconds: float) -> None:
        self._metrics.recovered(recovery_seconds)
        self._note_progress(app)
        if not self._signalled:
            self._signalled = True
            gc.collect()
            keep_large_arrays_apart()
            gc.freeze()  # what was recovered lives as long as the worker: no collection needs to look at it
            log.info("worker ready: recovered in %.1f s", recovery_seconds)
            if self._on_ready is not None:
                self._on_ready()

    def _note_progress(self, app: EngineApp) -> None:
        recovery = app.tables.recovery.progress()
        self._metrics.recovering(assigned=recovery.assigned, opened=recovery.open, left=recovery.left)

    async def _keep_gauges(self, app: EngineApp) -> None:
        while True:
            await asyncio.sleep(GAUGE_SECONDS)
            owners = dict(app.table.owners)
            states = [owner.state for owner in owners.values()]
            folds = [state.sales for state in states if isinstance(state, PartitionState)]
            self._metrics.ledger_rows(sum(fold.line_count for fold in folds))
            self._metrics.lag(_lag(app, owners))
            self._note_progress(app)


def _lag(app: EngineApp, owners: dict[int, Any]) -> dict[tuple[str, int], int]:
    """Records that the state does not hold yet, by topic and partition, as far as the ends are known."""
    ends: dict[Any, int] = app.monitor.tp_end_offsets
    return {
        (tp.topic, tp.partition): max(0, end - 1 - owners[tp.partition].positions.get(app.sources[tp.topic], -1))
        for tp, end in ends.items()
        if tp.topic in app.sources and tp.partition in owners
    }
