"""The embedded stack for integration tests: one Kafka and one Valkey for the whole run.

Tests share the servers and stay apart by names: each has its own `topic_prefix` and `redis_prefix`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka, EmbeddedValkey

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A running Kafka; `kafka.bootstrap_servers` is its address."""
    server = EmbeddedKafka(Path(tmp_path_factory.mktemp("kafka")))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A running Valkey; `valkey.url` is its address."""
    server = EmbeddedValkey(Path(tmp_path_factory.mktemp("valkey")))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def topic_prefix() -> str:
    """A prefix for topics that no other test of this run uses."""
    return f"test{next(_NUMBERS)}"


@pytest.fixture
def redis_prefix(topic_prefix: str) -> str:
    """A prefix for keys that no other test of this run uses."""
    return f"{topic_prefix}:"
