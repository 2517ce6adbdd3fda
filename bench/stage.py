"""The stage: an embedded Kafka with the workload in it, and a worker to measure."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
from aiokafka import AIOKafkaProducer

from events.codec import to_record
from processors.home import home_partition
from processors.topics import TopicNames, ensure_topics

READY_SECONDS = 60.0
DONE_SECONDS = 900.0
POLL_SECONDS = 0.05
BATCH_BYTES = 900_000
FLUSH_SECONDS = 1.0
"""After the last record is folded, its flush lands within this time."""
SALES_FOLDED = r'^standings_events_total{[^}]*type="(?:sale|unreadable)[^}]*} (\S+)$'


def load(servers: str, names: TopicNames, partitions: int, lines: Iterable[bytes]) -> None:
    """Make the topics and put the lines into them, each on its home partition."""
    ensure_topics(servers, names.prefix, partitions)
    asyncio.run(_produce(servers, names, partitions, lines))


async def _produce(servers: str, names: TopicNames, partitions: int, lines: Iterable[bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=servers, max_batch_size=BATCH_BYTES, linger_ms=50, acks="all")
    await producer.start()
    try:
        sent = []
        for line in lines:
            record = to_record(line)
            home = 0 if record.topic == "control" else home_partition((record.key or b"").decode(), partitions)
            sent.append(
                await producer.send(
                    names.of(record.topic), record.value, key=record.key, headers=record.headers, partition=home
                )
            )
            if len(sent) >= 20_000:
                await asyncio.gather(*sent)
                sent = []
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


def measure_worker(servers: str, names: TopicNames, events: int, folder: Path) -> dict[str, Any]:
    """Start a worker on the backlog and measure it until it has folded every record.

    CPU is counted from the moment its partitions are open, so that imports are left out.
    """
    port = _free_port()
    env = {
        **os.environ,
        "STANDINGS_KAFKA__BOOTSTRAP_SERVERS": servers,
        "STANDINGS_KAFKA__TOPIC_PREFIX": names.prefix,
        "STANDINGS_WORKER__DATA_DIR": str(folder / "worker"),
        "STANDINGS_METRICS__PORT": str(port),
    }
    with (folder / "worker.log").open("ab") as log:
        worker = subprocess.Popen([sys.executable, "-m", "cli.main", "worker"], env=env, stdout=log, stderr=log)
    try:
        process = psutil.Process(worker.pid)
        _until(lambda: _get(port, "/readyz") is not None, READY_SECONDS, "the worker is not ready")
        cpu, started = _cpu(process), time.perf_counter()
        _until(lambda: _folded(port) >= events, DONE_SECONDS, "the worker is not done")
        time.sleep(FLUSH_SECONDS)
        return {
            "name": "worker",
            "events": events,
            "cpu_seconds": _cpu(process) - cpu,
            "wall_seconds": time.perf_counter() - started,
            "peak_rss_mb": process.memory_info().rss >> 20,
        }
    finally:
        worker.terminate()
        worker.wait(30)


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _folded(port: int) -> float:
    """Records of the sales topic that have an outcome, from the worker's metrics."""
    text = _get(port, "/metrics") or ""
    return sum(float(value) for value in re.findall(SALES_FOLDED, text, re.MULTILINE))


def _get(port: int, path: str) -> str | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return str(answer.read().decode())
    except (urllib.error.URLError, OSError):
        return None


def _until(done: Any, seconds: float, message: str) -> None:
    limit = time.monotonic() + seconds
    while not done():
        if time.monotonic() > limit:
            raise TimeoutError(message)
        time.sleep(POLL_SECONDS)


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
