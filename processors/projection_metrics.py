"""What a projector counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge


class ProjectorMetrics:
    """Metrics of one projector process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._commands = Counter(
            "standings_projection_commands",
            "Compare-and-set commands to the board store, by command and answer.",
            ["command", "answer"],
            registry=registry,
        )
        self._freshness = Gauge(
            "standings_freshness_seconds",
            "Age of the newest state on the boards when it was shown: from its append to the changelog.",
            registry=registry,
        )
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

    def fresh(self, seconds: float) -> None:
        """A flush was shown, so long after its mark was appended."""
        self._freshness.set(seconds)

    def lag(self, topic: str, messages: Mapping[int, int]) -> None:
        """Lag per partition."""
        for partition, count in messages.items():
            self._lag.labels(topic, str(partition)).set(count)
