from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI

from api.limits import STREAM_QUEUE_MAX
from api.streams import Client, Frame
from tests.unit.api.stage import ORGANISATION, Stage, Visitor, filled, sale, serving

MAY = "/v1/boards/city-nj/rep/revenue/2026-05"


@dataclass
class Reader:
    """The client's side of a stream: reads events, keeps the board they make."""

    pieces: asyncio.Queue[bytes]
    status: asyncio.Future[int]
    board: dict[str, Any] | None = None
    version: str | None = None
    rest: str = ""

    async def event(self, *, comments: bool = False) -> tuple[str, Any]:
        """The next event as (name, data); comments and settings are skipped unless wanted."""
        while True:
            while "\n\n" not in self.rest:
                self.rest += (await asyncio.wait_for(self.pieces.get(), 20)).decode()
            block, self.rest = self.rest.split("\n\n", 1)
            fields = dict(line.split(": ", 1) for line in block.split("\n"))
            if "event" in fields:
                self.version = fields.get("id", self.version)
                return fields["event"], json.loads(fields["data"])
            if comments and "" in fields:
                return "", fields[""]

    async def follow(self, until: Callable[[dict[str, Any]], bool]) -> list[str]:
        """Apply events until the board is as wanted; the names of the events."""
        names = []
        while self.board is None or not until(self.board):
            name, data = await self.event()
            names.append(name)
            if name == "snapshot":
                self.board = data
            elif name == "delta":
                assert self.board is not None
                old = {row["member_id"]: row for row in self.board["rows"]}
                rows = [data["rows"].get(member) or old[member] for member in data["order"]]
                self.board = {**self.board, **data["envelope"], "rows": rows}
        return names


@asynccontextmanager
async def streaming(app: FastAPI, path: str, **headers: str) -> AsyncIterator[Reader]:
    """A GET of a stream, spoken in plain ASGI: an ordinary test client waits for the end of the answer."""
    target, _, query = path.partition("?")
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    status: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    gone = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.set_result(message["status"])
        else:
            await pieces.put(message["body"])

    scope = {
        "type": "http",
        "method": "GET",
        "path": target,
        "raw_path": target.encode(),
        "query_string": query.encode(),
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "root_path": "",
        "http_version": "1.1",
        "scheme": "http",
        "server": ("api", 80),
        "client": ("here", 1),
    }
    serving_it = asyncio.create_task(app(scope, receive, send))
    try:
        yield Reader(pieces, status)
    finally:
        gone.set()
        await serving_it


def client_count(visitor: Visitor) -> int:
    count: int = visitor.app.state.streams.client_count
    return count


async def test_the_first_event_is_the_snapshot_and_equals_the_page() -> None:
    stage = await filled(sale("rep-a", "store-1", 5), sale("rep-b", "store-1", 3))
    async with serving(stage) as visitor, streaming(visitor.app, f"{MAY}/stream?window=1") as reader:
        assert await reader.event() == ("snapshot", await visitor.get(f"{MAY}?limit=1"))
        assert await reader.status == 200


async def test_the_deltas_applied_to_the_snapshot_give_the_final_page() -> None:
    rnd = random.Random(7)
    stage = await filled(sale("rep-0", "store-1", 5))
    async with serving(stage) as visitor, streaming(visitor.app, f"{MAY}/stream?window=5") as reader:
        await reader.follow(lambda board: True)
        for n in range(60):
            rep, at = f"rep-{rnd.randrange(9)}", f"2026-05-{rnd.randrange(1, 22):02}T10:00:{n % 60:02}+08:00"
            await stage.say(sale(rep, "store-1", rnd.randrange(-50, 100), at))
            if n % 7 == 0:
                await reader.follow(lambda board: bool(board["as_of"]["0"]["sales"] == stage.mark))
        final = await visitor.get(f"{MAY}?limit=5")
        names = await reader.follow(lambda board: bool(board["version"] == final["version"]))
        assert reader.board == final
        assert "snapshot" not in names


async def test_a_delta_carries_only_the_rows_that_changed() -> None:
    stage = await filled(*(sale(f"rep-{n}", "store-1", 100 - n) for n in range(5)))
    async with serving(stage) as visitor, streaming(visitor.app, f"{MAY}/stream") as reader:
        await reader.event()
        # A sale elsewhere: other offsets, the same rows.
        await stage.say(sale("rep-9", "city-sz", 1))
        name, data = await reader.event()
    assert (name, data["rows"]) == ("delta", {})
    assert data["order"] == [f"rep-{n}" for n in range(5)]
    assert "as_of" in data["envelope"]
    assert "board" not in data["envelope"]


async def test_a_reconnect_with_the_last_version_gets_no_snapshot_and_another_one_does() -> None:
    stage = await filled(sale("rep-a", "store-1", 5))
    async with serving(stage) as visitor:
        async with streaming(visitor.app, f"{MAY}/stream") as reader:
            await reader.event()
        assert client_count(visitor) == 0
        version = reader.version
        assert version is not None
        async with streaming(visitor.app, f"{MAY}/stream", last_event_id=version) as again:
            assert (await again.event(comments=True))[0] == ""
            await stage.say(sale("rep-b", "store-1", 9))
            assert (await again.event())[0] == "delta"
        async with streaming(visitor.app, f"{MAY}/stream", last_event_id=version) as late:
            assert (await late.event())[0] == "snapshot"


async def test_a_silent_stream_says_that_it_is_still_there() -> None:
    async with serving(await filled()) as visitor, streaming(visitor.app, f"{MAY}/stream") as reader:
        await reader.event()
        assert await reader.event(comments=True) == ("", "still here")


async def test_a_stream_outlives_a_rebuild_and_says_so() -> None:
    stage = await filled(sale("rep-a", "store-1", 5))
    async with serving(stage) as visitor, streaming(visitor.app, f"{MAY}/stream") as reader:
        await reader.follow(lambda board: True)
        await stage.close()
        assert await reader.event() == ("state", {"state": "rebuilding"})
        again = Stage(stage.boards, version="v2")
        await again.open()
        await again.say(*ORGANISATION, sale("rep-b", "store-1", 7))
        await reader.follow(lambda board: bool(board["member_count"] == 1 and board["rows"][0]["member_id"] == "rep-b"))


async def test_a_stream_may_begin_while_there_is_nothing_to_show() -> None:
    stage = Stage()
    async with serving(stage) as visitor, streaming(visitor.app, f"{MAY}/stream") as reader:
        assert await reader.event() == ("state", {"state": "rebuilding"})
        await stage.open()
        assert (await reader.event())[0] == "snapshot"


async def test_streams_are_limited_and_end_with_the_process() -> None:
    stage = await filled()
    async with serving(stage, streams_max=1) as visitor, streaming(visitor.app, f"{MAY}/stream") as reader:
        await reader.event()
        problem = await visitor.problem(f"{MAY}/stream")
        assert (problem["status"], problem["type"]) == (503, "/problems/too-many-streams")
        registry = visitor.app.state.metrics.registry
        assert registry.get_sample_value("standings_sse_clients") == 1
        visitor.app.state.streams.close()
        while (await asyncio.wait_for(reader.pieces.get(), 20)) != b"":
            pass
        assert (await visitor.problem(f"{MAY}/stream"))["type"] == "/problems/too-many-streams"


async def test_a_client_that_does_not_keep_up_gets_one_snapshot_in_place_of_what_it_missed() -> None:
    slow, quick = Client(have="v0"), Client(have="v0")
    last = STREAM_QUEUE_MAX + 1
    for n in range(1, last + 1):
        frame = Frame(f"v{n}", f"snapshot {n}".encode(), f"v{n - 1}", f"delta {n}".encode())
        slow.show(frame)
        quick.show(frame)
        assert quick.queue.get_nowait() == frame.delta
    assert slow.queue.get_nowait() == f"snapshot {last}".encode()
    assert slow.queue.empty()


async def test_one_frame_is_shared_by_all_clients_of_a_board() -> None:
    stage = await filled(sale("rep-a", "store-1", 5))
    async with serving(stage) as visitor:
        async with streaming(visitor.app, f"{MAY}/stream") as one, streaming(visitor.app, f"{MAY}/stream") as two:
            assert await one.event() == await two.event()
            assert len(visitor.app.state.streams._channels) == 1
        assert len(visitor.app.state.streams._channels) == 0
