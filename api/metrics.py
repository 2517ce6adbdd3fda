"""Metrics of the read API: their own registry, which the composition root serves on a port of its own."""

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


def api_metrics(build_version: str) -> ApiMetrics:
    """New metrics in a new registry."""
    registry = CollectorRegistry()
    build = Gauge("standings_build_info", "1, with the version that runs.", ["component", "version"], registry=registry)
    build.labels(component="api", version=build_version).set(1)
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
