"""The app and the process that serves it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime

import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.middleware.cors import CORSMiddleware

from api import problems
from api.edge import Edge
from api.limits import TARGET_BYTES_MAX
from api.metrics import ApiMetrics, api_metrics
from api.options import ApiOptions
from api.page_files import PageFiles
from api.reads import Reads
from api.routes import boards, health, reps, search, targets, units
from api.streams import Streams
from projections.ports import BoardReader

KEEP_ALIVE_SECONDS = 20
HEADER_BYTES_MAX = 2 * TARGET_BYTES_MAX
CONNECTIONS_WAITING_MAX = 512


def create_app(
    options: ApiOptions,
    reader: BoardReader,
    clock: Callable[[], datetime],
    metrics: ApiMetrics | None = None,
) -> FastAPI:
    """The read API. Nothing is read before it starts or is asked.

    Args:
        options: limits, paces, places.
        reader: the board store.
        clock: the present instant, aware.
        metrics: where to count; its own if None.
    """
    metrics = metrics or api_metrics(CollectorRegistry())
    reads = Reads(options, reader, clock)
    streams = Streams(options, reads)
    metrics.watch_streams(lambda: streams.client_count)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        following = asyncio.create_task(reads.follow())
        try:
            yield
        finally:
            streams.close()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following

    app = FastAPI(
        title="Standings",
        summary="Live boards of a sales organisation: the exact fold of the log up to the offsets they name.",
        version=options.build_version,
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        generate_unique_id_function=_operation_id,
    )
    app.state.reads, app.state.streams, app.state.metrics = reads, streams, metrics
    app.state.has_started = False
    for module in (boards, units, reps, targets, search, health):
        app.include_router(module.router)
    app.mount("/", PageFiles(options.page_folder), name="page")
    problems.install(app)
    if options.cors_origins:
        origins = list(options.cors_origins)
        app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET"], expose_headers=["ETag"])
    app.add_middleware(Edge, metrics=metrics)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name


class _Server(uvicorn.Server):
    """uvicorn that ends open streams when it is told to stop, and leaves the exit code to its caller."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop, signals = asyncio.get_running_loop(), (signal.SIGINT, signal.SIGTERM)
        for number in signals:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)

    def stop(self) -> None:
        """Stop soon."""
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        app = self.config.app
        assert isinstance(app, FastAPI)
        app.state.streams.close()
        await super().shutdown(sockets)


async def serve_api(app: FastAPI, host: str, port: int, *, options: ApiOptions, on_port: Callable[[int], None]) -> int:
    """Serve until SIGTERM or SIGINT.

    Args:
        app: from ``create_app``.
        host: address to listen on.
        port: 0 takes any free one.
        options: as given to ``create_app``.
        on_port: told the port once it listens.

    Returns:
        The exit code: 0.

    Raises:
        OSError: the port is taken.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=CONNECTIONS_WAITING_MAX) as listener:
        config = uvicorn.Config(
            app,
            access_log=False,
            log_config=None,
            server_header=False,
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=options.stop_seconds,  # type: ignore[arg-type]  # a wait, whole or not
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
        )
        on_port(listener.getsockname()[1])
        await _Server(config).serve(sockets=[listener])
    return 0
