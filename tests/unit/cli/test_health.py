"""The port of metrics and health: what it serves, where it says that it is, and questions to an event loop."""

from __future__ import annotations

import asyncio
import http.client
import logging
from contextlib import closing

import pytest

from cli.health import HealthServer, build_registry
from cli.wiring import asked_in_loop


def get(port: int, path: str) -> tuple[int, str]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()


def test_the_port_is_logged_and_serves_metrics_and_health(caplog: pytest.LogCaptureFixture) -> None:
    ready = [False]
    with (
        caplog.at_level(logging.INFO),
        closing(HealthServer(build_registry("api", "1.2.3"), lambda: ready[0])) as server,
    ):
        assert f"metrics on http://127.0.0.1:{server.port}/metrics" in caplog.messages
        assert 'standings_build_info{component="api",version="1.2.3"} 1.0' in get(server.port, "/metrics")[1]
        assert [get(server.port, path)[0] for path in ("/livez", "/readyz", "/else")] == [200, 503, 404]
        ready[0] = True
        assert get(server.port, "/readyz") == (200, "ready\n")


async def test_another_thread_is_told_what_the_loop_says() -> None:
    answers = [True, False]

    async def question() -> bool:
        return answers.pop(0)

    ask = asked_in_loop(question, asyncio.get_running_loop())
    assert [await asyncio.to_thread(ask) for _ in range(2)] == [True, False]


def test_a_loop_that_does_not_run_is_not_asked() -> None:
    async def question() -> bool:
        return True

    with closing(asyncio.new_event_loop()) as loop:
        assert asked_in_loop(question, loop)() is False
