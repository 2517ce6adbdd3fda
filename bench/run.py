"""One run: which legs there are, how big they are, and what they found. A leg that fails does not lose the others."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bench import limits, live_legs, redis_memory, retained, steps
from bench.backlog import forget_state, measure_pipeline, measure_worker
from bench.checks import Truth
from bench.figures import Leg, median_of
from bench.peer_legs import PEERS, is_ready, measure_peer
from bench.services import LegFailed
from bench.stage import Stage, ends_of, load
from bench.workload import Workload, organisation, sales
from processors.topics import TopicNames

Say = Callable[[str], None]


class Sizes(NamedTuple):
    """How big the legs are.

    Attributes:
        events: sale records of the main backlog.
        reps: who sell them.
        other_events: sale records of the backlogs with more reps.
        repeat: how often the cheap legs run.
        retained: sales whose memory is measured by the leg ``memory``.
        peer_factor: times the peers' slices.
        live_seconds: of each rate of live traffic.
    """

    events: int = 500_000
    reps: int = 10_000
    other_events: int = 300_000
    repeat: int = 3
    retained: int = 5_000_000
    peer_factor: int = 2
    live_seconds: float = 15.0


FULL = Sizes()
QUICK = Sizes(events=200_000, repeat=1, retained=1_000_000, peer_factor=1)

REPS_MORE = {"worker-100k": 100_000, "worker-1m": 1_000_000}
FLUSHES = {"flush-500": 500, "flush-5000": 5_000}
RETAINED = {"retained-1m": 1_000_000, "retained-5m": 5_000_000}
KILLED = "retained-1m"
"""The deployment whose worker is killed."""


class Backlog(NamedTuple):
    """Topics with a workload in them, and what the oracle says of it."""

    names: TopicNames
    truth: Truth


@dataclass(slots=True)
class Run:
    """What is measured, and what was found.

    Attributes:
        stage: the servers.
        sizes: of the legs.
        say: tells a person how far it is.
        profile: a folder for profiles of the replay, whose fold is the worker's; None = none is made.
        legs: by name, those that compare CPU.
        found: by name, the other figures.
        failed: by name, why a leg has no figure.
    """

    stage: Stage
    sizes: Sizes
    say: Say
    profile: Path | None = None
    legs: dict[str, Leg] = field(default_factory=dict)
    found: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    _backlogs: dict[int, Backlog] = field(default_factory=dict)
    _memory: Future[dict[str, Any]] | None = None

    def go(self, names: Sequence[str]) -> None:
        """Run legs, in the order of ``LEGS``."""
        with ThreadPoolExecutor(1) as beside:
            if "memory" in names:  # only bytes are measured: it runs beside the oracle, of which nothing is measured
                self._memory = beside.submit(retained.measure, self.sizes.retained)
                self._tried("memory", self._prepare)
            for name in LEGS:
                if name in names:
                    self.say(f"measuring {name}")
                    self._tried(name, lambda name=name: LEGS[name](self, name))  # type: ignore[misc]

    def _prepare(self) -> None:
        self.backlog(self.sizes.reps)

    def _tried(self, name: str, leg: Callable[[], None]) -> None:
        try:
            leg()
        except LegFailed as failed:
            self.failed[name] = str(failed)
        except Exception as error:  # what was measured before, and what comes after, is kept
            self.failed[name] = f"{type(error).__name__}: {error}"
            self.say(traceback.format_exc())
        if name in self.failed:
            self.say(f"{name} has no figure: {self.failed[name]}")

    def backlog(self, reps: int) -> Backlog:
        """The workload of so many reps: made and loaded once."""
        if reps not in self._backlogs:
            events = self.sizes.events if reps == self.sizes.reps else self.sizes.other_events
            names = TopicNames(f"bench-{reps}")
            self.say(f"making {events:,} events of {reps:,} reps")
            lines = [*organisation(), *sales(Workload(events=events, reps=reps))]
            self.say("loading them into Kafka")
            load(self.stage.servers, names, lines)
            self.say("asking the oracle")
            self._backlogs[reps] = Backlog(names, Truth.of(lines))
        return self._backlogs[reps]

    # ---- legs that compare CPU
    def keep(self, name: str, leg: Callable[[], Leg], repeat: int = 1) -> None:
        """Run a leg some times and keep the median."""
        self.legs[name] = median_of([leg() for _ in range(repeat)])

    def simple(self, name: str) -> None:
        """A leg in a process of its own: a limit or a replay."""
        names, truth = self.backlog(self.sizes.reps)
        self.keep(name, lambda: limits.measure(name, self.stage.servers, names, truth.digests), self.sizes.repeat)
        if name == "replay" and self.profile is not None:
            self.profile.mkdir(parents=True, exist_ok=True)
            limits.measure(name, self.stage.servers, names, profile=str(self.profile / "replay.prof"))

    def worker(self, name: str) -> None:
        """The worker on the main backlog."""
        self.keep(name, lambda: self._worker(name, self.sizes.reps), self.sizes.repeat)

    def more_reps(self, name: str) -> None:
        """The worker and its limit with more reps."""
        reps = REPS_MORE[name]
        names, truth = self.backlog(reps)
        self.keep(f"l2-{name}", lambda: limits.measure("l2", self.stage.servers, names, truth.digests))
        self.keep(name, lambda: self._worker(name, reps))

    def flushes(self, name: str) -> None:
        """The worker with smaller flushes."""
        settings = {"WORKER__FLUSH_EVENTS_MAX": str(FLUSHES[name])}
        self.keep(name, lambda: self._worker(name, self.sizes.reps, settings))

    def _worker(self, name: str, reps: int, settings: dict[str, str] | None = None) -> Leg:
        names, truth = self.backlog(reps)
        forget_state(self.stage.servers, names)
        return measure_worker(self.stage, names, truth, name=name, settings=settings)

    def pipeline(self, name: str) -> None:
        """Worker, projector and Redis together."""
        names, truth = self.backlog(self.sizes.reps)
        forget_state(self.stage.servers, names)
        self.keep(name, lambda: measure_pipeline(self.stage, names, truth))

    def peers(self, _: str) -> None:
        """Every peer that is set up."""
        for peer in PEERS:
            if is_ready(peer):
                sized = peer._replace(events=peer.events * self.sizes.peer_factor)
                self.say(f"measuring {peer.name} with {sized.events:,} events")
                leg = self._peer(sized)
                self._tried(peer.name, leg)
            else:
                self.failed[peer.name] = "its environment is missing: run  make bench-setup"
                self.say(f"{peer.name} has no figure: {self.failed[peer.name]}")

    def _peer(self, peer: Any) -> Callable[[], None]:
        return lambda: self.keep(peer.name, lambda: measure_peer(self.stage, peer, self.sizes.reps, self.say))

    # ---- other figures
    def steps(self, name: str) -> None:
        """What each step of the fold costs."""
        found = steps.measure(self.sizes.events, self.sizes.reps)
        self.found[name] = {f"{step}, µs an event": cost for step, cost in found.items()}

    def memory(self, name: str) -> None:
        """Bytes for a retained sale."""
        assert self._memory is not None, "it was started before"
        self.found[name] = self._memory.result()

    def retained(self, name: str) -> None:
        """Memory and recovery of retained sales; of one deployment also kill -9."""
        names, found = live_legs.prepare_retained(self.stage, RETAINED[name])
        self.found[name] = found
        found |= live_legs.measure_recovery(self.stage, names, found["retained_sales"])
        if name == KILLED:
            self.say("measuring kill -9")
            self._tried("kill", lambda: self.found.__setitem__("kill", live_legs.measure_kills(self.stage, names)))

    def latency(self, name: str) -> None:
        """Produce to visible, at parts of what the pipeline sustained on the backlog."""
        if (pipeline := self.legs.get("pipeline")) is None:
            raise LegFailed("it needs the leg pipeline: loads are parts of what that sustained")
        capacity = pipeline.events / pipeline.wall_seconds
        rates = live_legs.measure_latency(self.stage, capacity, self.sizes.live_seconds, self.sizes.reps)
        self.found[name] = {"capacity": round(capacity), "rates": rates}

    def redis_bytes(self, name: str) -> None:
        """Redis bytes for a member: of one big board, and of all boards of the main backlog, which are built anew."""
        self.found[name] = redis_memory.measure_board(self.stage)
        names, truth = self.backlog(self.sizes.reps)
        if not any(changelog_end >= 0 for changelog_end in ends_of(self.stage.servers, names.changelog).values()):
            measure_worker(self.stage, names, None)
        self.found["rebuild"] = redis_memory.measure_rebuild(self.stage, names, truth)


LEGS: dict[str, Callable[[Run, str], None]] = {
    "memory": Run.memory,
    "l1": Run.simple,
    "l2": Run.simple,
    "worker": Run.worker,
    "replay": Run.simple,
    "replay2": Run.simple,
    "pipeline": Run.pipeline,
    "peers": Run.peers,
    "steps": Run.steps,
    **dict.fromkeys(FLUSHES, Run.flushes),
    **dict.fromkeys(REPS_MORE, Run.more_reps),
    **dict.fromkeys(RETAINED, Run.retained),
    "latency": Run.latency,
    "redis-bytes": Run.redis_bytes,
}
"""Every leg, in the order in which they run."""

QUICK_LEGS = ("memory", "l1", "l2", "worker", "replay", "pipeline", "peers")
FULL_LEGS = tuple(name for name in LEGS if name != "memory")  # retained-5m says it
