"""The Faust application of a worker: its settings, each with its reason, and the way it stops."""

# mypy: allow-subclassing-any
# (Faust is not checked: its own types do not hold together.)

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn

import faust
from faust.types import TP
from mode.utils.queues import FlowControlEvent

from processors.engine.chunks import ENGINE_LOG, ChunkSchema, ChunkTransport
from processors.engine.membership import NameTaken
from processors.engine.ownership import PartitionOwner
from processors.engine.recovery import FoldTableManager
from processors.engine.table import OwnedTable
from processors.engine.workshop import FoldFailed

log = logging.getLogger(__name__)

EXIT_RESTART = 70
"""Exit code of a worker that must be restarted: recovery decides what counts."""

EXIT_NAME_TAKEN = 71
"""Exit code of a worker whose instance id another living worker has taken: restarting it would throw that one out."""

STATE_BATCH_BYTES_MAX = 64 * 1024 * 1024
"""Bytes of one state batch: ``max.message.bytes`` of the changelog."""

CHUNK_RECORDS_MAX = 5_000
FETCH_BYTES_MAX = 4 * 1024 * 1024
"""Records of a chunk, and bytes of one partition's fetch (one record batch that is bigger still comes whole)."""


def settings(
    *, bootstrap_servers: str, partitions: int, data_dir: Path, session_seconds: float, instance_id: str | None
) -> dict[str, Any]:
    """Faust's settings for a worker."""
    return {
        "broker": [f"kafka://{server.strip()}" for server in bootstrap_servers.split(",")],
        "store": "memory://",
        "datadir": str(data_dir),
        "topic_partitions": partitions,
        "Table": OwnedTable,
        "TableManager": FoldTableManager,
        # Bytes in, bytes out: the codec is ours.
        "value_serializer": "raw",
        # Nothing listens, nothing is redirected, nothing is discovered.
        "web_enabled": False,
        "web_tables_enabled": False,
        "worker_redirect_stdouts": False,
        "autodiscover": False,
        # Topics are made beforehand with the right settings; Faust's leader topic and standbys are not used.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "table_standby_replicas": 0,
        # A dead worker is missed after the session timeout.
        "broker_session_timeout": session_seconds,
        "broker_heartbeat_interval": session_seconds / 6,
        "broker_rebalance_timeout": max(10.0, 2 * session_seconds),
        "broker_request_timeout": 90.0,
        "consumer_group_instance_id": instance_id,
        # Chunks.
        "broker_max_poll_records": CHUNK_RECORDS_MAX,
        "consumer_max_fetch_size": FETCH_BYTES_MAX,
        "consumer_auto_offset_reset": "earliest",
        # Group offsets are a display: once a second is enough.
        "broker_commit_interval": 1.0,
        "broker_commit_every": 1_000_000,
        # A state batch is one record batch.
        "producer_linger": 0.005,
        "producer_max_batch_size": STATE_BATCH_BYTES_MAX,
        "producer_max_request_size": STATE_BATCH_BYTES_MAX + 1024 * 1024,
        "producer_request_timeout": 60.0,
        # Finish chunks in work before partitions go; a failed agent takes the worker down, it does not skip a chunk.
        "stream_wait_empty": True,
        "agent_supervisor": "mode.CrashingSupervisor",
    }


class KeptFlow(FlowControlEvent):
    """Lets streams flow; what is queued while they flow is kept."""

    def resume(self) -> None:
        """Override: mode empties every queue, also when all flows already; then a chunk that was queued is lost."""
        if not self.is_active():
            super().resume()


class EngineApp(faust.App):
    """A Faust app with one owned table, whose every topic arrives in chunks.

    Attributes:
        sources: Kafka topic name to source name, for the topics that the table counts.
        skip_command: TOPIC-PARTITION@OFFSET of a record to what an operator can run to have it passed by.
    """

    logger = logging.getLogger(ENGINE_LOG)
    sources: dict[str, str]
    table: OwnedTable
    skip_command: Callable[[str], str]

    def start_offset(self, tp: TP) -> int | None:
        """Where to start reading a source: after what the state holds. None: not a source, or not ours."""
        source = self.sources.get(tp.topic)
        owner: PartitionOwner | None = self.table.owners.get(tp.partition)
        if source is None or owner is None:
            return None
        owner.refusing = False
        return owner.positions.get(source, -1) + 1

    def die(self, reason: BaseException) -> NoReturn:
        """Stop at once: nothing more may be sent. The log is the state; a restarted worker recovers exactly."""
        log.critical("worker stops: %s: %s", type(reason).__name__, reason, exc_info=reason)
        if isinstance(reason, FoldFailed):
            log.critical("until the fault is mended the record can be passed by: %s", self.skip_command(reason.where))
        logging.shutdown()
        os._exit(EXIT_NAME_TAKEN if isinstance(reason, NameTaken) else EXIT_RESTART)

    @cached_property
    def flow_control(self) -> KeptFlow:
        """Override: a flow that keeps what is queued."""
        return KeptFlow(loop=self.loop)

    def _new_transport(self) -> ChunkTransport:
        """Override: chunks."""
        return ChunkTransport(self.conf.broker_consumer, self)

    def owned_table(self, name: str, partitions: int) -> OwnedTable:
        """Declare the app's one table."""
        table = self.Table(name, partitions=partitions, schema=ChunkSchema())
        assert isinstance(table, OwnedTable), "set by settings()"
        self.table = table
        return table
