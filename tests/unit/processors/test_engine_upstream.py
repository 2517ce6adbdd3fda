"""The code of Faust and aiokafka that the engine overrides or leans on is the code that it was written against.

When one of these goes red after an upgrade, read the change, judge the override in ``processors/engine`` again, run
``tests/integration/test_worker_*.py``, and only then write the new fingerprint here.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.metadata
import inspect
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import aiokafka
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.consumer.fetcher import Fetcher, FetchError, FetchResult, PartitionRecords
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance, GroupCoordinator
from aiokafka.consumer.subscription_state import SubscriptionState, TopicPartitionState
from faust.app.base import App
from faust.serializers.schemas import Schema
from faust.stores import memory
from faust.stores.base import Store
from faust.tables.base import Collection
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ThreadDelegateConsumer
from faust.transport.drivers import aiokafka as driver
from mode.services import ServiceCallbacks
from mode.utils.queues import FlowControlEvent

import processors.engine

PROJECT_DIR = Path(__file__).resolve().parents[3]
LIBRARIES = ("faust", "mode", "aiokafka")
MADE_BY_PYTHON = {"__module__", "__doc__", "__annotations__", "__parameters__", "__orig_bases__", "__abstractmethods__"}

SEEN: list[tuple[Any, str]] = [
    # chunks.py
    (ThreadDelegateConsumer.__init__, "7072ae80eac1"),
    (ThreadDelegateConsumer._getmany, "f9d47aa9010b"),
    (driver.Consumer._new_consumer_thread, "0870ec53dea7"),
    (driver.Transport, "966a67907f33"),
    (Schema.loads_key, "9adc30303f20"),
    (Schema.loads_value, "61a4628b4e09"),
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
    (driver.AIOKafkaConsumerThread.on_start, "38b4e8bd1e10"),
    (driver.AIOKafkaConsumerThread._fetch_records, "39a2c6c79fc1"),
    (driver.Producer._settings_extra, "a4c7bc41b638"),
    (driver.Producer._new_producer, "e72355c3430e"),
    # fetching.py
    (Fetcher.__init__, "bf21ecb7e0f2"),
    (Fetcher.fetched_records, "be4348896b9b"),
    (Fetcher.seek_to, "f0ba6aba6c22"),
    (Fetcher._get_actions_per_node, "1dab2cf937d1"),
    (Fetcher._proc_fetch_request, "59bf948fff47"),
    (Fetcher._create_fetch_waiter, "61d840568746"),
    (Fetcher._notify, "d3a30d94f34f"),
    (FetchResult, "d7db13f06de8"),
    (FetchError, "10966ad4c795"),
    (PartitionRecords, "94aa0da0dbec"),
    (AIOKafkaClient.send, "246b277687d7"),
    (SubscriptionState.fetch_context, "ff2a654dca23"),
    (TopicPartitionState.consumed_to, "c7b8f0f99ce9"),
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
    (TableManager.on_start, "365dd25fbc0e"),
    (TableManager.recovery, "f0bf5de78b4c"),
    (TableManager.changelog_queue, "9c7f4cac57ef"),
    (Recovery._wait, "ec7429b70176"),
    (Recovery.__init__, "acec96bd78fa"),
    (Recovery._publish_stats, "48939a846a9a"),
    (memory.Store.__post_init__, "e59c82f37854"),
    (memory.Store.persisted_offset, "fbba5c654497"),
    (memory.Store.apply_changelog_batch, "71863e3cd727"),
    (Store.on_rebalance, "a32fbe3c18de"),
    (Collection._new_store, "914a2bda605d"),
    (Collection.on_start, "daddcc354ad0"),
    (ServiceCallbacks.on_stop, "b01e5bb11785"),
    # membership.py
    (GroupCoordinator.reset_generation, "537aa37c531b"),
    (GroupCoordinator._do_heartbeat, "dc1d6632aaa6"),
    (GroupCoordinator._do_rejoin_group, "3cb016c98a08"),
    (GroupCoordinator._send_req, "fa4b12e914ce"),
    (GroupCoordinator._maybe_leave_group, "016cd88a16e6"),
    (CoordinatorGroupRebalance.perform_group_join, "ff2c2109b2e9"),
    (CoordinatorGroupRebalance._send_sync_group_request, "7429ca078ddf"),
    # app.py
    (App._new_transport, "42db531312dd"),
    (FlowControlEvent.resume, "4dcdc1253fd0"),
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
    return hashlib.sha256(inspect.getsource(plain(code)).encode()).hexdigest()[:12]


@pytest.mark.parametrize(("code", "seen"), SEEN, ids=lambda value: getattr(value, "__qualname__", None))
def test_the_code_under_an_override_is_unchanged(code: Any, seen: str) -> None:
    assert fingerprint(code) == seen


def test_faust_has_the_pinned_version() -> None:
    assert importlib.metadata.version("faust-streaming") == "0.15.3"


# ---- every override is known


class Override(NamedTuple):
    """A member of a class of the engine that stands in place of one of a library's."""

    name: str  # Class.member
    owner: type[Any]  # the library's class that it is taken from
    member: str

    @property
    def code(self) -> Any:
        """The library's code: the member's, or its class's if the member is no code."""
        found = vars(self.owner)[self.member]
        code = plain(found)
        return code if inspect.isfunction(code) else self.owner


def plain(member: Any) -> Any:
    """The function behind a method, a property or a Faust task."""
    return inspect.unwrap(getattr(member, "fget", None) or getattr(member, "fun", member))


def own_classes() -> Iterator[type[Any]]:
    for module in pkgutil.iter_modules(processors.engine.__path__):
        loaded = importlib.import_module(f"processors.engine.{module.name}")
        for found in vars(loaded).values():
            if inspect.isclass(found) and found.__module__ == loaded.__name__:
                yield found


def overrides() -> Iterator[Override]:
    for cls in own_classes():
        libraries = [base for base in cls.__mro__ if base.__module__.partition(".")[0] in LIBRARIES]
        for member in vars(cls):
            owner = next((base for base in libraries if member in vars(base)), None)
            made = member in MADE_BY_PYTHON or not (callable(plain(vars(cls)[member])))
            if owner is not None and not made:
                yield Override(f"{cls.__name__}.{member}", owner, member)


def table() -> dict[str, list[str]]:
    """The lines of the table in the documentation: override to its other cells."""
    text = (PROJECT_DIR / "docs/explanation/engine.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if re.match(r"\| `[A-Z]\w+\.\w+` \| ", line)]
    return {cells[0].strip("`"): cells[1:] for cells in lines}


def test_every_override_stands_in_the_documentation_and_nothing_else_does() -> None:
    found = {override.name for override in overrides()}
    assert len(found) > 30
    assert found == table().keys()


def test_the_documentation_names_the_class_that_is_overridden() -> None:
    said = {name: cells[0] for name, cells in table().items()}
    wrong = {o.name: said[o.name] for o in overrides() if not said[o.name].endswith(f"`{o.owner.__name__}`")}
    assert wrong == {}


def test_every_guard_in_the_documentation_is_a_test() -> None:
    tests = "\n".join(path.read_text(encoding="utf-8") for path in (PROJECT_DIR / "tests").rglob("test_*.py"))
    guards = {cells[-1].strip("`") for cells in table().values()}
    assert guards
    assert [guard for guard in guards if f"def {guard}(" not in tests] == []


def test_the_code_under_every_override_has_a_fingerprint() -> None:
    seen = {id(plain(code)) for code, _ in SEEN}
    assert [override.name for override in overrides() if id(override.code) not in seen] == []
