"""A port of its own for each process: `/metrics`, `/livez`, `/readyz`."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

TEXT = "text/plain; charset=utf-8"
SOCKET_TIMEOUT_SECONDS = 10.0

log = logging.getLogger(__name__)


def build_registry(component: str, version: str) -> CollectorRegistry:
    """A process's registry of metrics, with ``standings_build_info`` in it.

    Args:
        component: worker, projector or api.
        version: the product's version.
    """
    registry = CollectorRegistry()
    build = Gauge("standings_build_info", "1, with the version that runs.", ["component", "version"], registry=registry)
    build.labels(component=component, version=version).set(1)
    return registry


class HealthServer:
    """Serves metrics and health of this process from a thread.

    `/livez` answers as long as the process lives; `/readyz` is 200 when `is_ready` says so, else 503.
    """

    def __init__(
        self, registry: CollectorRegistry, is_ready: Callable[[], bool], *, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        """Listens at once; `port` 0 takes any free one.

        Raises:
            OSError: the port is taken.
        """
        self._server = _Server((host, port), _handler(registry, is_ready))
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()
        log.info("metrics on http://%s:%d/metrics", f"[{host}]" if ":" in host else host, self.port)

    def close(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler(registry: CollectorRegistry, is_ready: Callable[[], bool]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = SOCKET_TIMEOUT_SECONDS

        def do_GET(self) -> None:
            """Answers one request."""
            match self.path.partition("?")[0]:
                case "/metrics":
                    self._answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)
                case "/livez":
                    self._answer(HTTPStatus.OK, b"live\n", TEXT)
                case "/readyz" if is_ready():
                    self._answer(HTTPStatus.OK, b"ready\n", TEXT)
                case "/readyz":
                    self._answer(HTTPStatus.SERVICE_UNAVAILABLE, b"not ready\n", TEXT)
                case _:
                    self._answer(HTTPStatus.NOT_FOUND, b"only /metrics, /livez and /readyz are here\n", TEXT)

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Requests are not logged."""

    return Handler
