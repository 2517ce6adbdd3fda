"""Kafka topics: their names, how they must be made, and whether they are."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient
from kafka.errors import KafkaError, TopicAlreadyExistsError

SOURCES = ("sales", "targets", "reps")
"""Sources that a partition folds; the control stream is the fourth position of a mark."""

CONTROL_PARTITION = 0
"""The only partition of the control stream."""

SOURCE_BYTES_MAX = 16 * 1024 * 1024
STATE_BYTES_MAX = 64 * 1024 * 1024
"""``max.message.bytes``: of what others send, and of a state batch or a dead letter."""

COMPACTION_LAG_MS = 3_600_000
"""How long every changelog record can still be read; an owner that meets a refused batch later rebuilds."""

CONNECT_SECONDS = 30.0
"""How long a broker that listens may take to answer."""

LISTENER_SECONDS, LISTENER_PAUSE_SECONDS = 3.0, 0.3
"""How long a broker may take to listen, and between two tries."""


class TopicsUnfit(Exception):  # noqa: N818 - the deployment's state, not an error of ours
    """Topics are missing or made otherwise; the message lists every difference and what to do."""


class BrokerUnreachable(Exception):  # noqa: N818
    """No broker answered."""


@dataclass(frozen=True, slots=True)
class TopicNames:
    """The Kafka names behind the logical ones; a prefix separates several deployments on one cluster.

    >>> TopicNames("standings").sales
    'standings.sales.v1'
    """

    prefix: str = "standings"

    @property
    def sales(self) -> str:
        """Sales and voids."""
        return f"{self.prefix}.sales.v1"

    @property
    def targets(self) -> str:
        """Targets."""
        return f"{self.prefix}.targets.v1"

    @property
    def reps(self) -> str:
        """Joining, moving and leaving reps."""
        return f"{self.prefix}.reps.v1"

    @property
    def control(self) -> str:
        """The control stream."""
        return f"{self.prefix}.control.v1"

    @property
    def dead_letters(self) -> str:
        """Records that can't count."""
        return f"{self.prefix}.dead-letters.v1"

    @property
    def results(self) -> str:
        """Declared results of contests."""
        return f"{self.prefix}.results.v1"

    @property
    def changelog(self) -> str:
        """State batches: the name that Faust gives to the table's changelog."""
        return f"{self.prefix}-{TABLE}-changelog"

    def of(self, logical: str) -> str:
        """The Kafka name of a logical source: sales, targets, reps or control."""
        return f"{self.prefix}.{logical}.v1"

    def sources(self) -> dict[str, str]:
        """Kafka name to logical name of the sources that a partition folds."""
        return {self.of(source): source for source in SOURCES}


TABLE = "state"
"""The Faust table's name."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """How a topic must be made."""

    name: str
    partitions: int
    configs: dict[str, str] = field(default_factory=dict)


def topic_specs(prefix: str, partitions: int) -> tuple[TopicSpec, ...]:
    """All topics of a deployment with `partitions` partitions."""
    names = TopicNames(prefix)
    kept = {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(SOURCE_BYTES_MAX),
    }
    state = {
        "cleanup.policy": "compact",
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(STATE_BYTES_MAX),
    }
    changelog = {
        **state,
        "min.compaction.lag.ms": str(COMPACTION_LAG_MS),
        # A recovery reads the uncompacted head: keep it short.
        "segment.ms": "600000",
        "min.cleanable.dirty.ratio": "0.2",
        # A reader that is behind by less than this still sees every deletion.
        "delete.retention.ms": "604800000",
    }
    return (
        *(TopicSpec(names.of(source), partitions, kept) for source in SOURCES),
        TopicSpec(names.control, 1, kept),
        TopicSpec(names.dead_letters, partitions, {**kept, "max.message.bytes": str(STATE_BYTES_MAX)}),
        TopicSpec(names.results, 1, state),
        TopicSpec(names.changelog, partitions, changelog),
    )


def ensure_topics(
    bootstrap_servers: str, prefix: str = "standings", partitions: int = 12, *, replication_factor: int = 1
) -> list[str]:
    """Make the topics that are missing; leaves the others as they are.

    Returns:
        The names of the topics made.

    Raises:
        BrokerUnreachable: nothing was made.
        TopicsUnfit: a topic exists and is made otherwise, or the broker refused one.
    """
    specs = topic_specs(prefix, partitions)
    with connected_admin(bootstrap_servers) as admin:
        have = set(admin.list_topics())
        missing = [spec for spec in specs if spec.name not in have]
        made = [spec.name for spec in missing if _create(admin, spec, replication_factor)]
        if made:
            admin.wait_for_topics(made)
        _require(_problems(admin, specs))
    return made


def check_topics(bootstrap_servers: str, prefix: str = "standings", partitions: int = 12) -> list[str]:
    """Every difference between the topics and how they must be made, one a line; empty = all right.

    Raises:
        BrokerUnreachable: nothing could be compared.
    """
    with connected_admin(bootstrap_servers) as admin:
        return _problems(admin, topic_specs(prefix, partitions))


def require_topics(bootstrap_servers: str, prefix: str, partitions: int) -> None:
    """Raise TopicsUnfit unless all topics are right; what a worker does before it starts."""
    _require(check_topics(bootstrap_servers, prefix, partitions))


def _require(problems: list[str]) -> None:
    if problems:
        raise TopicsUnfit("topics are not as they must be:\n  " + "\n  ".join(problems))


def _create(admin: KafkaAdminClient, spec: TopicSpec, replication_factor: int) -> bool:
    """Create a topic; False if somebody else just did."""
    try:
        admin.create_topics(
            {
                spec.name: {
                    "num_partitions": spec.partitions,
                    "replication_factor": replication_factor,
                    "configs": spec.configs,
                }
            }
        )
    except TopicAlreadyExistsError:
        return False
    except KafkaError as error:
        raise TopicsUnfit(f"the broker refused to make {spec.name}: {error}") from error
    return True


def _problems(admin: KafkaAdminClient, specs: tuple[TopicSpec, ...]) -> list[str]:
    have = {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics()}
    present = [spec for spec in specs if spec.name in have]
    problems = [f"{spec.name}: missing; 'standings topics ensure' makes it" for spec in specs if spec.name not in have]
    problems += [
        f"{spec.name}: {have[spec.name]} partitions, must be {spec.partitions} "
        "(the number of partitions is fixed when a deployment starts: STANDINGS_KAFKA__PARTITIONS)"
        for spec in present
        if have[spec.name] != spec.partitions
    ]
    configs = _configs(admin, [spec.name for spec in present])
    for spec in present:
        problems += [
            f"{spec.name}: {name} is {configs[spec.name].get(name)}, must be {wanted}"
            for name, wanted in spec.configs.items()
            if configs[spec.name].get(name) != wanted
        ]
    return problems


def _configs(admin: KafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    described = admin.describe_configs(resources, config_filter="all")["topic"]
    return {topic: {name: config["value"] for name, config in configs.items()} for topic, configs in described.items()}


@contextlib.contextmanager
def connected_admin(bootstrap_servers: str) -> Iterator[KafkaAdminClient]:
    """A connected admin client, closed at the end.

    Raises:
        BrokerUnreachable: no broker answered, at the start or in between.
    """
    servers = [server.strip() for server in bootstrap_servers.split(",")]
    try:
        _await_listener(servers)  # the client itself would leave its sockets open when it fails to start
        admin = KafkaAdminClient(bootstrap_servers=servers, bootstrap_timeout_ms=int(CONNECT_SECONDS * 1000))
    except (KafkaError, OSError, ValueError) as error:
        raise BrokerUnreachable(
            f"no Kafka broker answers at {bootstrap_servers} ({type(error).__name__}: {error}); "
            "set STANDINGS_KAFKA__BOOTSTRAP_SERVERS, or start the embedded one with 'standings up'"
        ) from error
    try:
        yield admin
    except KafkaError as error:
        raise BrokerUnreachable(f"Kafka at {bootstrap_servers} did not answer: {error}") from error
    finally:
        admin.close()


def _await_listener(servers: Sequence[str]) -> None:
    """Wait until one of the servers accepts a connection; a stack that starts together needs a moment.

    Raises:
        OSError: none does.
        ValueError: a server is not HOST:PORT.
    """
    stop = time.monotonic() + LISTENER_SECONDS
    while True:
        for server in servers:
            host, colon, port = server.rpartition(":")
            if not colon:
                raise ValueError(f"{server!r} is not HOST:PORT")
            try:
                socket.create_connection((host.strip("[]"), int(port)), timeout=LISTENER_SECONDS).close()
            except OSError:
                if time.monotonic() >= stop:
                    raise
            else:
                return
        time.sleep(LISTENER_PAUSE_SECONDS)
