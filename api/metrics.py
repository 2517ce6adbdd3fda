"""Metrics of the read API: their own registry, served on a port of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server


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


@dataclass(frozen=True, slots=True)
class MetricsServer:
    """A running endpoint.

    Attributes:
        port: where it listens.
    """

    port: int
    _server: WSGIServer
    _thread: Thread

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)


def serve_metrics(registry: CollectorRegistry, host: str, port: int) -> MetricsServer:
    """Serve ``/metrics`` in a thread; port 0 takes any free one.

    Raises:
        OSError: the port is taken.
    """
    server, thread = start_http_server(port, addr=host, registry=registry)
    return MetricsServer(int(server.server_port), server, thread)
