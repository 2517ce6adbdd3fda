"""Metrics of the read API. The composition root serves their registry on a port of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge


@dataclass(frozen=True, slots=True)
class ApiMetrics:
    """What the API counts.

    Attributes:
        registry: holds all of them.
        http_requests: answers by route template and status code.
        sse_clients: open streams.
    """

    registry: CollectorRegistry
    http_requests: Counter
    sse_clients: Gauge

    def watch_streams(self, client_count: Callable[[], int]) -> None:
        """Let ``standings_sse_clients`` show a count."""
        self.sse_clients.set_function(client_count)


def api_metrics(registry: CollectorRegistry) -> ApiMetrics:
    """New metrics in a registry that has none of them yet."""
    return ApiMetrics(
        registry=registry,
        http_requests=Counter(
            "standings_http_requests",
            "Answers by route template and status code.",
            ["route", "code"],
            registry=registry,
        ),
        sse_clients=Gauge("standings_sse_clients", "Open event streams.", registry=registry),
    )
