"""The projector as a process: a consumer without a group, signals, and the loop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from prometheus_client import CollectorRegistry

from processors.client_logging import limit_kafka_logs
from processors.process_memory import collect_garbage_seldom
from processors.projection_loop import Projector, ProjectorOptions
from processors.projection_metrics import ProjectorMetrics
from projections.ports import BoardsUnavailable, BoardWriter

__all__ = ["Projector", "ProjectorOptions", "run_projector"]

FETCH_BYTES_MAX = 4 << 20
"""Bytes of one partition in a fetch; a single larger batch comes alone."""

RECONNECT_SECONDS = 2.0
CANCEL_AGAIN_SECONDS = 0.2

log = logging.getLogger(__name__)


def run_projector(
    options: ProjectorOptions,
    boards: BoardWriter,
    *,
    on_ready: Callable[[], None] = lambda: None,
    registry: CollectorRegistry | None = None,
) -> int:
    """Run a projector until SIGTERM or SIGINT; the process's exit code. Closes the boards."""
    limit_kafka_logs()
    collect_garbage_seldom()
    metrics = ProjectorMetrics(registry or CollectorRegistry())
    return asyncio.run(_run(options, boards, on_ready, metrics))


async def _run(
    options: ProjectorOptions, boards: BoardWriter, on_ready: Callable[[], None], metrics: ProjectorMetrics
) -> int:
    work = asyncio.ensure_future(_project(options, boards, on_ready, metrics))
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    stopping = asyncio.ensure_future(told.wait())
    await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    # Python 3.11's wait_for, which the Redis client uses, loses a cancellation that comes as its answer does.
    while not work.done():
        work.cancel()
        await asyncio.wait([work], timeout=CANCEL_AGAIN_SECONDS)
    with contextlib.suppress(asyncio.CancelledError):
        await work
    with contextlib.suppress(BoardsUnavailable):
        await boards.close()
    return 0


async def _project(
    options: ProjectorOptions, boards: BoardWriter, on_ready: Callable[[], None], metrics: ProjectorMetrics
) -> None:
    consumer = await _started_consumer(options)
    try:
        await Projector(options, boards, consumer, metrics, on_ready=on_ready).run()
    finally:
        await consumer.stop()


async def _started_consumer(options: ProjectorOptions) -> AIOKafkaConsumer:
    """A consumer without a group; waits for the brokers."""
    while True:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=options.bootstrap_servers,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES_MAX,
        )
        try:
            await consumer.start()
        except KafkaError as error:
            await consumer.stop()
            log.warning("%s: %r; trying again", options.bootstrap_servers, error)
            await asyncio.sleep(RECONNECT_SECONDS)
        else:
            return consumer
