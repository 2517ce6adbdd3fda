"""Servers that these tests may break, and deployments on them for the scenarios."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.embedded import EmbeddedKafka, EmbeddedValkey
from tests.faults.stage import Stage

RECORDS_MAX = 6_000
"""Records after which a deployment is given up for a new one: everything is compared after every scenario."""

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedKafka]:
    """A Kafka that may be killed and frozen."""
    server = EmbeddedKafka(Path(tmp_path_factory.mktemp("own kafka")))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def own_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    """A Valkey that may be emptied, killed and set back."""
    server = EmbeddedValkey(Path(tmp_path_factory.mktemp("own valkey")))
    server.start()
    yield server
    server.stop()


class Stages:
    """One deployment after the other; scenarios share one as long as it is sound and its history short."""

    def __init__(self, new: Callable[[str], Stage], open_it: Callable[[Stage], None]) -> None:
        self._new = new
        self._open = open_it
        self._stage: Stage | None = None

    def usable(self) -> Stage:
        """A running deployment."""
        if self._stage is not None and (not self._stage.is_sound or self._stage.log.record_count > RECORDS_MAX):
            self.end()
        if self._stage is None:
            self._stage = self._new(f"faults{next(_NUMBERS)}")
            self._open(self._stage)
        return self._stage

    def end(self) -> None:
        """End the deployment."""
        stage, self._stage = self._stage, None
        if stage is not None:
            stage.end()


@pytest.fixture(scope="session")
def new_stage(
    tmp_path_factory: pytest.TempPathFactory, own_kafka: EmbeddedKafka, own_valkey: EmbeddedValkey
) -> Callable[[str], Stage]:
    """Makes a deployment under a prefix; nothing of it runs yet."""

    def new(prefix: str) -> Stage:
        for server in (own_kafka, own_valkey):  # a scenario that failed may have left one broken
            if not server.answers():
                server.start()
        return Stage(Path(tmp_path_factory.mktemp(prefix)), own_kafka, own_valkey, prefix, seed=next(_NUMBERS))

    return new


@pytest.fixture(scope="session")
def stages(new_stage: Callable[[str], Stage]) -> Iterator[Stages]:
    """Deployments of a static worker, a dynamic one, a projector and an API."""

    def open_it(stage: Stage) -> None:
        static = stage.worker("worker-0", STANDINGS_WORKER__INSTANCE_ID="worker-0")
        stage.open([static, stage.worker("worker-1"), stage.projector("projector-0")])

    stages = Stages(new_stage, open_it)
    yield stages
    stages.end()


@pytest.fixture
def stage(stages: Stages) -> Stage:
    """Two workers, a projector and an API."""
    return stages.usable()
