"""Lag from outside the worker: what its group has not committed yet, also when no worker lives to say so."""

from __future__ import annotations

import time
from typing import Any

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient, OffsetSpec
from kafka.errors import CoordinatorNotAvailableError

from processors.topics import SOURCES, TopicNames, connected_admin

COORDINATOR_SECONDS = 15.0
RETRY_SECONDS = 0.3


def group_lag(bootstrap_servers: str, names: TopicNames) -> dict[str, int]:
    """Records after the offsets that the workers' group has committed, by source topic.

    The committed offsets are a display, a second or so late; boards and recovery go by the changelog's marks.

    Raises:
        BrokerUnreachable: no broker answered.
    """
    topics = [names.of(source) for source in SOURCES]
    with connected_admin(bootstrap_servers) as admin:
        partitions = [
            TopicPartition(described["name"], partition["partition_index"])
            for described in admin.describe_topics(topics)
            for partition in described["partitions"]
        ]
        ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
        committed = _committed(admin, names.prefix)
    lag = dict.fromkeys(topics, 0)
    for at in partitions:
        done = committed[at].offset if at in committed else 0
        lag[at.topic] += max(0, ends[at].offset - max(0, done))
    return lag


def _committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, Any]:
    """Offsets that a group has committed; none if it never did.

    A cluster that has had no group yet makes its offsets topic at the first question, and answers a little later.
    """
    limit = time.monotonic() + COORDINATOR_SECONDS
    while True:
        try:
            committed: dict[TopicPartition, Any] = admin.list_group_offsets(group).get(group, {})
            return committed
        except CoordinatorNotAvailableError:
            if time.monotonic() > limit:
                raise
            time.sleep(RETRY_SECONDS)
