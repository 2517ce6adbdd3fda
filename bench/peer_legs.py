"""Legs of the peers: each in its own environment, on a slice of the workload that fits its speed."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from bench.checks import Truth, revenues_of
from bench.figures import Leg
from bench.services import LegFailed
from bench.stage import PARTITIONS, Stage, load
from bench.workload import Workload, organisation, sales, units
from processors.topics import TopicNames, connected_admin

ROOT = Path(__file__).resolve().parents[1]
ENVIRONMENTS = ROOT / ".bench"
SECONDS_PER_EVENT_MAX, START_SECONDS_MAX = 0.06, 30.0
"""A peer that takes longer, three times the slowest seen, hangs: some do in their start."""


class Peer(NamedTuple):
    """A peer, and what to say of it.

    Attributes:
        name: of its program, its environment and its requirements file.
        events: records of its slice: it is slow.
        settings: what differs from the defaults of its libraries.
        survives: what it does not survive.
        tables: its tables whose changelog topics are made before it starts.
    """

    name: str
    events: int
    settings: str
    survives: str
    tables: tuple[str, ...] = ()


PEERS = (
    Peer(
        "faust_stock",
        1_000,
        "faust-streaming with Tables, memory store; topic_partitions as the source's; changelog topics made before",
        "kill -9: tables, changelog and committed offsets are not moved together",
        ("lines", "sums"),
    ),
    Peer(
        "naive",
        10_000,
        "kafka-python and ZINCRBY with a ledger in Redis; a transaction a poll (500 records), then the commit",
        "what Redis loses: the committed offsets say that it was counted",
    ),
    Peer(
        "quix",
        5_000,
        "Quix Streams with its state store; auto_offset_reset, state_dir; group_by for the units",
        "kill -9: a sale read again counts twice after group_by",
    ),
)


def is_ready(peer: Peer) -> bool:
    """Whether `make bench-setup` has made its environment."""
    return (ENVIRONMENTS / peer.name / ".ready").is_file()


def measure_peer(stage: Stage, peer: Peer, reps: int, say: Callable[[str], None]) -> Leg:
    """Load its slice, run it, and compare its totals with the oracle's; one that fails is tried once more.

    Raises:
        LegFailed: it did not come to its end, twice.
    """
    try:
        return _measured(stage, peer, reps, 1)
    except LegFailed as failed:
        say(f"once more: {failed}")
        return _measured(stage, peer, reps, 2)


def _measured(stage: Stage, peer: Peer, reps: int, attempt: int) -> Leg:
    names = TopicNames(f"bench-{peer.name.replace('_', '-')}-{attempt}")
    lines = list(sales(Workload(events=peer.events, reps=reps)))
    load(stage.servers, names, lines)
    _make_changelogs(stage.servers, [f"{names.prefix}-{table}-changelog" for table in peer.tables])
    folder = stage.folder / names.prefix
    folder.mkdir(parents=True, exist_ok=True)
    tree, out = folder / "tree.json", folder / "found.json"
    tree.write_text(json.dumps({unit: [level, parent] for unit, level, parent in units()}), encoding="utf-8")
    told = {"servers": stage.servers, "group": names.prefix, "topic": names.sales, "events": peer.events}
    told |= {"tree": str(tree), "out": str(out)}
    with ExitStack() as until_end:
        redis = ""
        if peer.name == "naive":
            valkey = stage.valkey("naive")
            until_end.callback(valkey.stop)
            redis = valkey.url
        _run(peer, {**told, "redis": redis}, folder)
    found: dict[str, Any] = json.loads(out.read_text("utf-8"))
    truth = Truth.of([*organisation(), *lines])
    equal = revenues_of(found.pop("totals")) == truth.revenues
    cost = {name: found.pop(name) for name in ("cpu_seconds", "wall_seconds", "peak_rss_mb")}
    more = {**found, "settings": peer.settings, "does_not_survive": peer.survives}
    return Leg(peer.name, peer.events, **cost, equals_oracle=equal, more=more)


def _make_changelogs(servers: str, topics: Sequence[str]) -> None:
    """A table whose changelog the broker is still making when the first record comes is stopped by that."""
    if topics:
        with connected_admin(servers) as admin:
            made = {"num_partitions": PARTITIONS, "replication_factor": 1, "configs": {"cleanup.policy": "compact"}}
            admin.create_topics(dict.fromkeys(topics, made))
            admin.wait_for_topics(list(topics))


def _run(peer: Peer, told: dict[str, Any], folder: Path) -> None:
    python = ENVIRONMENTS / peer.name / "bin" / "python"
    log = folder / "peer.log"
    seconds = START_SECONDS_MAX + SECONDS_PER_EVENT_MAX * peer.events
    command = [str(python), "-m", f"bench.peers.{peer.name}", json.dumps(told)]
    with log.open("ab") as output:
        try:
            code = subprocess.run(
                command, cwd=ROOT, stdout=output, stderr=output, timeout=seconds, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = None
    if code != 0:
        ended = "was not done in time" if code is None else f"ended with exit code {code}"
        raise LegFailed(f"{peer.name} {ended}; the end of its log:\n{log.read_text('utf-8', 'replace')[-1_500:]}")
