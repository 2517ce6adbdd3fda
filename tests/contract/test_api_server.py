"""The API as a real process: its port, its metrics, and a stop that waits for no open stream."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

MAY = "/v1/boards/city-nj/rep/revenue/2026-05"
STOP_SECONDS_MAX = 2.0


@dataclass
class Running:
    process: subprocess.Popen[str]
    port: int
    metrics_port: int

    @contextmanager
    def open(self, path: str, port: int | None = None) -> Iterator[http.client.HTTPResponse]:
        with closing(http.client.HTTPConnection("127.0.0.1", port or self.port, timeout=60)) as connection:
            connection.request("GET", path)
            with connection.getresponse() as response:
                yield response

    def text(self, path: str, port: int | None = None) -> str:
        with self.open(path, port) as response:
            assert response.status == 200
            return response.read().decode()


@pytest.fixture
def running(project_dir: Path) -> Iterator[Running]:
    command = [sys.executable, "-m", "tests.unit.api.process"]
    with subprocess.Popen(command, cwd=project_dir, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Running(process, int(process.stdout.readline()), int(process.stdout.readline()))
        finally:
            process.kill()


def test_it_serves_boards_the_description_and_metrics(running: Running) -> None:
    assert [row["rank"] for row in json.loads(running.text(MAY))["rows"]] == [1, 2]
    slash = running.text("/v1/boards/store%2F3%20%E5%9B%AD%E5%8C%BA/rep/revenue/2026-05")
    assert json.loads(slash)["unit_id"] == "store/3 园区"
    assert json.loads(running.text("/v1/openapi.json"))["info"]["title"] == "Standings"
    route = "/v1/boards/{unit_id}/{members}/{metric}/{bucket}"
    counted = f'standings_http_requests_total{{code="200",route="{route}"}} 2.0'
    assert counted in running.text("/metrics", running.metrics_port)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_at_once_although_a_stream_is_open(running: Running, number: signal.Signals) -> None:
    with running.open(f"{MAY}/stream") as stream:
        assert stream.getheader("content-type", "").startswith("text/event-stream")
        assert stream.readline() == b"retry: 2000\n"
        began = time.monotonic()
        running.process.send_signal(number)
        assert running.process.wait(timeout=60) == 0
        assert time.monotonic() - began < STOP_SECONDS_MAX
        assert b"event: snapshot" in stream.read()  # to its proper end: it was closed, not cut
