"""What a projector counts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class ProjectorMetrics:
    """Metrics of one projector process.

    Args:
        registry: where they go.
        now: seconds since the epoch, compared with the recorded times of facts.
    """

    def __init__(self, registry: CollectorRegistry, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._newest_ms = 0
        self._commands = Counter(
            "standings_projection_commands",
            "Compare-and-set commands to the board store, by command and answer.",
            ["command", "answer"],
            registry=registry,
        )
        self._freshness = Gauge(
            "standings_freshness_seconds",
            "Now less the recorded time of the newest fact on the boards; NaN until this process has shown one.",
            registry=registry,
        )
        self._freshness.set_function(self._freshness_seconds)
        self._lag = Gauge(
            "standings_consumer_lag_messages",
            "Records of the changelog that are not yet on the boards.",
            ["topic", "partition"],
            registry=registry,
        )

    def answered(self, command: str, answers: Iterable[str]) -> None:
        """Count answers to a command."""
        for answer in answers:
            self._commands.labels(command, answer).inc()

    def shows(self, recorded_ms: int) -> None:
        """The boards show facts recorded up to this time, UTC milliseconds; 0 = not known."""
        self._newest_ms = max(self._newest_ms, recorded_ms)

    def _freshness_seconds(self) -> float:
        """Worked out when it is asked for, so that it grows while nothing is shown."""
        return max(0.0, self._now() - self._newest_ms / 1000) if self._newest_ms else math.nan

    def lag(self, topic: str, messages: Mapping[int, int]) -> None:
        """Lag per partition."""
        for partition, count in messages.items():
            self._lag.labels(topic, str(partition)).set(count)
