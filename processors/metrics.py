"""Prometheus metrics: one registry a process, base units, no ids in labels.

Names stand in ``docs/reference/metrics.md``. The composition root serves the registry on the process's own port.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

if TYPE_CHECKING:
    from processors.redirects import Redirect

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class WorkerMetrics:
    """What a worker counts; also the engine's observer."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._events = Counter(
            "standings_events", "Records read, by event type and outcome.", ["type", "outcome"], registry=registry
        )
        self._chunk = Histogram(
            "standings_chunk_seconds",
            "Time to fold one chunk of records.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self._commit = Histogram(
            "standings_commit_seconds",
            "From handing a state batch to the producer until it has landed.",
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self._lag = Gauge(
            "standings_consumer_lag_messages",
            "Records of a source that are not yet in the state.",
            ["topic", "partition"],
            registry=registry,
        )
        self._dead_letters = Counter(
            "standings_dead_letters", "Records sent to the dead letters.", ["reason"], registry=registry
        )
        self._fenced = Counter(
            "standings_fenced_batches", "State batches met in recovery that did not count.", registry=registry
        )
        self._reclaims = Counter(
            "standings_reclaims",
            "Partitions taken back in place after somebody else wrote to their changelog.",
            registry=registry,
        )
        self._recovery = Gauge(
            "standings_recovery_seconds", "From the last assignment until every partition was open.", registry=registry
        )
        self._partitions = Gauge(
            "standings_recovery_partitions",
            "Partitions of the changelog: assigned to this worker, and open to be written by it.",
            ["state"],
            registry=registry,
        )
        self._changelog_records = Counter(
            "standings_recovery_changelog_records", "Changelog records read in recoveries.", registry=registry
        )
        self._changelog_left = Gauge(
            "standings_recovery_changelog_records_left",
            "Changelog records that the recovery has yet to read, at most.",
            registry=registry,
        )
        self._snapshots_looked = Counter(
            "standings_recovery_snapshots",
            "Partitions that looked for a snapshot when they were recovered, by what they found.",
            ["outcome"],
            registry=registry,
        )
        self._snapshot_rows = Counter(
            "standings_recovery_snapshot_rows", "State rows taken from snapshots in recoveries.", registry=registry
        )
        self._snapshots = Counter("standings_snapshots", "Snapshots written, or not.", ["outcome"], registry=registry)
        self._ledger = Gauge("standings_ledger_rows", "Sale lines in the ledgers of this worker.", registry=registry)

    def folded(self, outcomes: Mapping[tuple[str, str], int]) -> None:
        """Count records by (type, outcome)."""
        for (type_, outcome), count in outcomes.items():
            self._events.labels(type_, outcome).inc(count)

    def chunk(self, seconds: float) -> None:
        """A chunk was folded."""
        self._chunk.observe(seconds)

    def landed(self, seconds: float) -> None:
        """A state batch landed."""
        self._commit.observe(seconds)

    def redirected(self, redirect: Redirect) -> None:
        """A record was sent on."""
        if redirect.reason:
            self._dead_letters.labels(redirect.reason).inc()

    def fenced(self) -> None:
        """Recovery met a batch that did not count."""
        self._fenced.inc()

    def reclaimed(self) -> None:
        """A partition was taken back in place."""
        self._reclaims.inc()

    def changelog_read(self, records: int) -> None:
        """So many changelog records were read to recover."""
        self._changelog_records.inc(records)

    def restored(self, outcome: str, rows: int) -> None:
        """A partition looked for its snapshot: used, absent or refused; so many rows were taken from it."""
        self._snapshots_looked.labels(outcome).inc()
        self._snapshot_rows.inc(rows)

    def snapshot_written(self, outcome: str) -> None:
        """A snapshot was written, or failed."""
        self._snapshots.labels(outcome).inc()

    def recovering(self, *, assigned: int, opened: int, left: int) -> None:
        """How far a recovery is: partitions, and changelog records left to read."""
        self._partitions.labels("assigned").set(assigned)
        self._partitions.labels("open").set(opened)
        self._changelog_left.set(left)

    def recovered(self, seconds: float) -> None:
        """Every assigned partition is open."""
        self._recovery.set(seconds)

    def lag(self, messages: Mapping[tuple[str, int], int]) -> None:
        """Lag per topic and partition; those not named are no longer ours."""
        self._lag.clear()
        for (topic, partition), count in messages.items():
            self._lag.labels(topic, str(partition)).set(count)

    def ledger_rows(self, count: int) -> None:
        """Sale lines retained."""
        self._ledger.set(count)
