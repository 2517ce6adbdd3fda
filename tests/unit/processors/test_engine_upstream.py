"""The code of Faust and aiokafka that the engine overrides or leans on is the code that it was written against.

When one of these goes red after an upgrade, read the change, judge the override in ``processors/engine`` again, run
``tests/integration/test_worker_*.py``, and only then write the new fingerprint here.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
from typing import Any

import aiokafka
import pytest
from faust.app.base import App
from faust.stores import memory
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver

SEEN: list[tuple[Any, str]] = [
    # chunks.py
    (Consumer.getmany, "4b168d84882a"),
    (Consumer._wait_next_records, "6218e1969a63"),
    (Consumer._new_offset, "1d2c7ea89a7a"),
    (Consumer._add_gap, "4df2573ded7c"),
    (Consumer._drain_messages, "44a2500309e8"),
    (Consumer.ack, "5fcf41cf4515"),
    (Consumer.resume_partitions, "afe6b7c02a41"),
    (Consumer.perform_seek, "0e8c130ff4b0"),
    (Consumer.resume_flow, "db59630f25b5"),
    (Consumer.on_partitions_revoked, "d04b7ae72c6f"),
    (Consumer.wait_empty, "e4662fe24f09"),
    (driver.AIOKafkaConsumerThread._create_consumer, "a4dc6ba0681a"),
    (driver.AIOKafkaConsumerThread.getmany, "26fc5fc9f3b6"),
    (driver.Producer._settings_extra, "a4c7bc41b638"),
    (driver.Producer._new_producer, "e72355c3430e"),
    # table.py and recovery.py
    (memory.Store.on_recovery_completed, "a00bef343e13"),
    (Collection.on_recovery_completed, "b1526fb39ea0"),
    (Recovery._build_highwaters, "91b4cc0d3724"),
    (Recovery._build_offsets, "27eec86be06c"),
    (Recovery._seek_offsets, "19598ca63d94"),
    (Recovery._restart_recovery, "6bd8a8558a2d"),
    (Recovery._slurp_changelogs, "7825c7e50f76"),
    (Recovery._resume_streams, "d986a6710c1a"),
    (Recovery.on_recovery_completed, "6ef567acf072"),
    (Recovery.on_rebalance, "aa4d997a1795"),
    (TableManager.on_rebalance, "2d2c23a07bf5"),
    # the order of a rebalance and of a stop
    (App._on_partitions_revoked, "d5c895bbe57d"),
    (App._on_partitions_assigned, "de932b7927db"),
    (App._stop_consumer, "55854a5de12c"),
    # the offset of an appended batch, and one batch in flight a partition
    (aiokafka.AIOKafkaProducer.send_batch, "bf42b0f0c5c0"),
    (aiokafka.AIOKafkaConsumer.start, "2f1ba7044332"),
]


def fingerprint(code: Any) -> str:
    """Of a function's source text; a Faust task is a function in a wrapper."""
    function = inspect.unwrap(getattr(code, "fun", code))
    return hashlib.sha256(inspect.getsource(function).encode()).hexdigest()[:12]


@pytest.mark.parametrize(("code", "seen"), SEEN, ids=lambda value: getattr(value, "__qualname__", None))
def test_the_code_under_an_override_is_unchanged(code: Any, seen: str) -> None:
    assert fingerprint(code) == seen


def test_faust_has_the_pinned_version() -> None:
    assert importlib.metadata.version("faust-streaming") == "0.15.3"
