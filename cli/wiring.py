"""The composition root: which real part is behind each port, and what each shell is told.

Every function imports what it joins when it is called, so that a command loads only its own parts.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import threading
from asyncio import AbstractEventLoop
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cli.errors import CommandError
from cli.settings import Settings

if TYPE_CHECKING:
    from domain.partition import Rules
    from projections.redis_boards import RedisBoards

Say = Callable[[str], None]

READY_ANSWER_SECONDS = 5.0
"""How long `/readyz` on the port of the metrics waits for the API's own answer."""


def build_version() -> str:
    """The version of this product."""
    try:
        return version("standings")
    except PackageNotFoundError:
        return "0"


def rules(settings: Settings) -> Rules:
    """What the fold has to know about the organisation."""
    from domain.partition import Rules

    return Rules(base_currency=settings.base_currency, default_zone=settings.time_zone)


def board_store(settings: Settings) -> RedisBoards:
    """The boards in Redis. Use it in one event loop; close it there."""
    from projections.redis_boards import RedisBoards

    return RedisBoards.at(settings.redis.url, settings.redis.prefix)


# ---------------------------------------------------------------- topics


def topic_names(settings: Settings) -> dict[str, str]:
    """Logical name of a source (`sales`) to its topic."""
    from events.registry import SOURCE_TOPICS
    from processors.topics import TopicNames

    names = TopicNames(settings.kafka.topic_prefix)
    return {logical: names.of(logical) for logical in SOURCE_TOPICS}


def ensure_topics(settings: Settings) -> list[str]:
    """Makes the topics that are missing; returns their names.

    Raises:
        CommandError: Kafka can't be reached, or a topic is made otherwise.
    """
    from processors.topics import BrokerUnreachable, TopicsUnfit, ensure_topics

    kafka = settings.kafka
    try:
        return ensure_topics(
            kafka.bootstrap_servers,
            kafka.topic_prefix,
            kafka.partitions,
            replication_factor=kafka.replication_factor,
        )
    except (BrokerUnreachable, TopicsUnfit) as error:
        raise CommandError(str(error)) from error


def check_topics(settings: Settings) -> list[str]:
    """Every difference between the topics and how they must be.

    Raises:
        CommandError: Kafka can't be reached.
    """
    from processors.topics import BrokerUnreachable, check_topics

    kafka = settings.kafka
    try:
        return check_topics(kafka.bootstrap_servers, kafka.topic_prefix, kafka.partitions)
    except BrokerUnreachable as error:
        raise CommandError(str(error)) from error


def workers(settings: Settings) -> list[dict[str, Any]]:
    """The workers as Kafka knows them, as JSON objects.

    Raises:
        CommandError: Kafka can't be reached.
    """
    from processors.group import workers
    from processors.topics import BrokerUnreachable, TopicNames

    try:
        found = workers(settings.kafka.bootstrap_servers, TopicNames(settings.kafka.topic_prefix))
    except BrokerUnreachable as error:
        raise CommandError(str(error)) from error
    return [worker._asdict() for worker in found]


def remove_worker(settings: Settings, instance_id: str) -> None:
    """Lets a worker leave the group.

    Raises:
        CommandError: Kafka can't be reached, or there is no such worker.
    """
    from processors.group import NoSuchWorker, remove_worker
    from processors.topics import BrokerUnreachable, TopicNames

    try:
        remove_worker(settings.kafka.bootstrap_servers, TopicNames(settings.kafka.topic_prefix), instance_id)
    except (BrokerUnreachable, NoSuchWorker) as error:
        raise CommandError(str(error)) from error


async def dead_letters(settings: Settings) -> AsyncIterator[dict[str, Any]]:
    """Every dead letter as a JSON object.

    Raises:
        CommandError: Kafka or the topic can't be read.
    """
    from aiokafka.errors import KafkaError

    from processors.dead_letters import read_dead_letters
    from processors.topics import TopicNames

    topic = TopicNames(settings.kafka.topic_prefix).dead_letters
    try:
        async for letter in read_dead_letters(settings.kafka.bootstrap_servers, topic):
            yield letter.as_json()
    except KafkaError as error:
        raise CommandError(f"can't read {topic} at {settings.kafka.bootstrap_servers}: {error!r}") from error


# ---------------------------------------------------------------- processes


def run_worker(settings: Settings) -> None:
    """Runs a worker until it is told to stop; exits the process with the worker's code."""
    from cli.health import HealthServer, build_registry
    from processors.engine.local_state import SnapshotPolicy
    from processors.engine.workshop import FlushLimits
    from processors.topics import COMPACTION_LAG_MS
    from processors.worker import WorkerOptions, run_worker

    worker = settings.worker
    registry = build_registry("worker", build_version())
    ready = threading.Event()
    HealthServer(registry, ready.is_set, host=settings.metrics.host, port=settings.metrics.port)
    limits = FlushLimits(
        records_max=worker.flush_events_max,
        seconds=worker.flush_seconds,
        fenced_age_seconds_max=COMPACTION_LAG_MS / 1000,
    )
    with ExitStack() as until_exit:
        data_dir = worker.data_dir or Path(until_exit.enter_context(TemporaryDirectory(prefix="standings-worker-")))
        keeps = worker.data_dir is not None and worker.snapshot_seconds > 0
        options = WorkerOptions(
            bootstrap_servers=settings.kafka.bootstrap_servers,
            rules=rules(settings),
            topic_prefix=settings.kafka.topic_prefix,
            partitions=settings.kafka.partitions,
            data_dir=data_dir,
            instance_id=worker.instance_id,
            session_seconds=worker.session_timeout_seconds,
            snapshots=SnapshotPolicy(seconds=worker.snapshot_seconds) if keeps else None,
            limits=limits,
        )
        sys.exit(run_worker(options, on_ready=ready.set, registry=registry))


def run_projector(settings: Settings) -> None:
    """Runs a projector until it is told to stop; exits the process with its code."""
    from cli.health import HealthServer, build_registry
    from processors.projector import ProjectorOptions, run_projector
    from processors.topics import TopicNames

    registry = build_registry("projector", build_version())
    ready = threading.Event()
    HealthServer(registry, ready.is_set, host=settings.metrics.host, port=settings.metrics.port)
    options = ProjectorOptions(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        changelog=TopicNames(settings.kafka.topic_prefix).changelog,
        partitions=settings.kafka.partitions,
        flush_seconds=settings.projector.flush_seconds,
        look_seconds=settings.projector.idle_look_seconds,
    )
    sys.exit(run_projector(options, board_store(settings), on_ready=ready.set, registry=registry))


def run_api(settings: Settings) -> None:
    """Runs the read API until it is told to stop; exits the process with its code."""
    from api.metrics import api_metrics
    from api.options import ApiOptions
    from api.server import create_app, serve_api
    from cli.health import HealthServer, build_registry

    metrics = api_metrics(build_registry("api", build_version()))
    options = ApiOptions(
        default_zone=settings.time_zone,
        base_currency=settings.base_currency,
        cors_origins=settings.api.cors_origins,
        build_version=build_version(),
    )

    async def run() -> int:
        store = board_store(settings)
        try:
            app = create_app(options, store, lambda: datetime.now(UTC), metrics)
            is_ready = asked_in_loop(app.state.reads.has_version, asyncio.get_running_loop())
            HealthServer(metrics.registry, is_ready, host=settings.metrics.host, port=settings.metrics.port)
            host, port = settings.api.host, settings.api.port
            return await serve_api(app, host, port, options=options, on_port=lambda at: log_address(host, at))
        finally:
            await store.close()

    def log_address(host: str, port: int) -> None:
        logging.getLogger(__name__).info("the API listens on %s:%d", host, port)

    sys.exit(asyncio.run(run()))


def asked_in_loop(question: Callable[[], Coroutine[Any, Any, bool]], loop: AbstractEventLoop) -> Callable[[], bool]:
    """A question of the event loop, for other threads to ask; False if the loop does not answer in time."""

    def ask() -> bool:
        if not loop.is_running():
            return False
        answer = asyncio.run_coroutine_threadsafe(question(), loop)
        try:
            return answer.result(READY_ANSWER_SECONDS)
        except TimeoutError:
            answer.cancel()
            return False

    return ask


# ---------------------------------------------------------------- simulator


@dataclass(frozen=True, slots=True)
class SimulateArguments:
    """What `standings simulate` was told; see the simulator's own options."""

    rate: float
    history_days: int
    seed: int
    state_file: Path | None
    seconds: float | None


def run_simulator(settings: Settings, arguments: SimulateArguments, say: Say) -> int:
    """Feeds the simulated organisation until told to stop; returns the number of events sent."""
    from cli.simulator.run import SimulateOptions, Simulation

    options = SimulateOptions(
        bootstrap_servers=settings.kafka.bootstrap_servers,
        topics=topic_names(settings),
        rate=arguments.rate,
        history_days=arguments.history_days,
        seed=arguments.seed,
        zone=settings.time_zone,
        currency=settings.base_currency,
        state_file=arguments.state_file,
        seconds=arguments.seconds,
    )

    async def run() -> int:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await Simulation(options, lambda: datetime.now(UTC), say).run(stop)

    return asyncio.run(run())
