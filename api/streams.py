"""Live push: the first rows of a board as server-sent events, a snapshot first and then what changed.

One channel serves all clients of a board, window and tie policy: it reads the shared snapshot, encodes each frame once
and hands it to every client's queue. A client whose queue is full gets one snapshot in place of what waited.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from api.board_snapshot import BoardSnapshot
from api.limits import STREAM_QUEUE_MAX
from api.options import ApiOptions
from api.paging import Asked, page
from api.problems import Problem
from api.reads import Reads
from domain.boards import BoardName
from domain.ranking import TiePolicy

log = logging.getLogger(__name__)

PACE_MIN_SECONDS = 0.01
"""A channel never turns faster than this, whatever the options say."""

STATES = {"rebuilding": "rebuilding", "store-unreachable": "unreachable"}
"""Problems that a stream outlives, and what it calls them."""


@dataclass(frozen=True, slots=True)
class Topic:
    """What a stream is about."""

    name: BoardName
    window: int
    tie: TiePolicy


@dataclass(frozen=True, slots=True)
class Frame:
    """One state of a topic, encoded: whole, and as the change from the state before.

    Attributes:
        version: the state's version, the event's id.
        base: version that the delta starts from; None if there is no delta.
    """

    version: str
    snapshot: bytes
    base: str | None
    delta: bytes


@dataclass(slots=True, eq=False)
class Client:
    """One open stream.

    Attributes:
        have: version of the last state queued; None = it needs a snapshot.
        queue: encoded events; None ends the stream.
    """

    have: str | None
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(STREAM_QUEUE_MAX))

    def show(self, frame: Frame) -> None:
        """Queue what brings the client to a state."""
        if self.have == frame.version:
            return
        if self.queue.full():
            self._clear()
            self.have = None
        is_next = self.have is not None and self.have == frame.base
        self.queue.put_nowait(frame.delta if is_next else frame.snapshot)
        self.have = frame.version

    def say(self, event: bytes) -> None:
        """Queue an event that carries no state; a client that is behind misses it."""
        if not self.queue.full():
            self.queue.put_nowait(event)

    def end(self) -> None:
        """Let the stream end at once."""
        self._clear()
        self.queue.put_nowait(None)

    def _clear(self) -> None:
        while not self.queue.empty():
            self.queue.get_nowait()


class Channel:
    """The state of one topic and its clients."""

    def __init__(self, topic: Topic, reads: Reads) -> None:
        self.topic = topic
        self.clients: set[Client] = set()
        self._reads = reads
        self._frame: Frame | None = None
        self._body: dict[str, Any] = {}
        self._state: bytes | None = None
        self._task = asyncio.create_task(self._run())

    def join(self, client: Client) -> None:
        """Add a client and show it the current state, if there is one."""
        self.clients.add(client)
        if self._frame is not None:
            client.show(self._frame)
        if self._state is not None:
            client.say(self._state)

    def close(self) -> None:
        """Stop reading and end every stream."""
        self._task.cancel()
        for client in self.clients:
            client.end()

    async def _run(self) -> None:
        options = self._reads.options
        pace = max(options.push_interval_seconds, options.snapshot_age_min_seconds, PACE_MIN_SECONDS)
        while True:
            try:
                self._show(await self._reads.board(self.topic.name))
            except Problem as problem:
                self._say(STATES.get(problem.kind, problem.kind))
            except Exception:  # a fault of ours: streams stay open, and say that they stand still
                log.exception("the stream of %s stands still", self.topic.name)
                self._say("unreachable")
            await asyncio.sleep(pace)
            await self._reads.boards.wait_until_old(self.topic.name)

    def _say(self, state: str) -> None:
        event = encode_event("state", {"state": state})
        if event != self._state:
            self._state = event
            for client in self.clients:
                client.say(event)

    def _show(self, board: BoardSnapshot) -> None:
        if self._frame is not None and self._frame.version == board.version and self._state is None:
            return
        body = page(board, Asked(limit=self.topic.window, tie=self.topic.tie))
        is_known = self._frame is not None and self._frame.version == board.version
        if not is_known:
            base = None if self._frame is None else self._frame.version
            change = encode_event("delta", delta(self._body, body), board.version) if base is not None else b""
            self._frame = Frame(board.version, encode_event("snapshot", body, board.version), base, change)
            self._body = body
        was_told, self._state = self._state is not None, None
        assert self._frame is not None
        for client in self.clients:
            if is_known and was_told:
                client.have = None  # the same state again ends what a `state` event said
            client.show(self._frame)


class Streams:
    """All open streams.

    Args:
        options: limits and paces.
        reads: where boards come from.
    """

    def __init__(self, options: ApiOptions, reads: Reads) -> None:
        self._options = options
        self._reads = reads
        self._channels: dict[Topic, Channel] = {}
        self._is_closed = False

    @property
    def heartbeat_seconds(self) -> float:
        """A silent stream says this often that it is still there."""
        return self._options.heartbeat_seconds

    @property
    def client_count(self) -> int:
        """Open streams."""
        return sum(len(channel.clients) for channel in self._channels.values())

    def open(self, topic: Topic, last_event_id: str | None) -> Client:
        """A new stream; ``leave`` must follow.

        Raises:
            Problem: ``too-many-streams``.
        """
        if self._is_closed or self.client_count >= self._options.streams_max:
            raise Problem("too-many-streams", f"{self.client_count} streams are open.")
        channel = self._channels.get(topic)
        if channel is None:
            channel = self._channels[topic] = Channel(topic, self._reads)
        client = Client(have=last_event_id)
        channel.join(client)
        return client

    def leave(self, topic: Topic, client: Client) -> None:
        """Forget a stream; its channel ends with its last one."""
        channel = self._channels.get(topic)
        if channel is None:
            return
        channel.clients.discard(client)
        if not channel.clients:
            self._channels.pop(topic).close()

    def close(self) -> None:
        """End every stream; a process that stops must not wait for them."""
        self._is_closed = True
        for channel in self._channels.values():
            channel.close()


def delta(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """What changed from one page to the next: top-level fields, the order, and whole rows.

    Applied as ``{**old, **envelope, "rows": [rows.get(id) or old row of id for id in order]}`` it gives the new page.
    """
    rows = {member_id_of(row): row for row in new["rows"]}
    known = {member_id_of(row): row for row in old["rows"]}
    return {
        "envelope": {k: v for k, v in new.items() if k != "rows" and (k not in old or old[k] != v)},
        "order": list(rows),
        "rows": {member: row for member, row in rows.items() if known.get(member) != row},
    }


class _MemberId(msgspec.Struct):
    member_id: str


def member_id_of(row: msgspec.Raw) -> str:
    """The member of an encoded row."""
    return msgspec.json.decode(row, type=_MemberId).member_id


def encode_event(event: str, data: object, event_id: str | None = None) -> bytes:
    """One server-sent event; JSON has no raw line breaks, so that one data line is enough."""
    head = f"event: {event}\n" + (f"id: {event_id}\n" if event_id is not None else "")
    return head.encode() + b"data: " + msgspec.json.encode(data) + b"\n\n"
