"""The HTTP side of a stream: sends queued events until the client goes or the stream ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from api.streams import Client

HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 2000\n\n"


class EventStream(Response):
    """``text/event-stream`` from a client's queue.

    Args:
        client: whose queue to send.
        heartbeat_seconds: a comment is sent after so long without an event.
        leave: called once at the end, however it comes.
    """

    media_type = "text/event-stream"

    def __init__(self, client: Client, heartbeat_seconds: float, leave: Callable[[], None]) -> None:
        self.status_code = 200
        self.background = None
        self._client = client
        self._heartbeat_seconds = heartbeat_seconds
        self._leave = leave
        self.init_headers({"Cache-Control": "no-store", "X-Accel-Buffering": "no"})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        gone = asyncio.create_task(_disconnected(receive))
        sending = asyncio.create_task(self._send(send))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            sending.cancel()
            self._leave()
            results = await asyncio.gather(gone, sending, return_exceptions=True)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError):  # OSError: the client went
                raise result

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": RETRY, "more_body": True})
        while True:
            try:
                event = await asyncio.wait_for(self._client.queue.get(), self._heartbeat_seconds)
            except TimeoutError:
                event = HEARTBEAT
            await send({"type": "http.response.body", "body": event or b"", "more_body": event is not None})
            if event is None:
                return


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
