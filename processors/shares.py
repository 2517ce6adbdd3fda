"""Shares: a fold that is divided among several runners, in this process or in others.

A share is run by itself. It tells whoever collects what it found, and may meet the other shares: everyone says
something and hears what all said. It knows nothing of processes, so its logic is tested without any.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from domain.cells import Cell
from projections.keys import parse_group
from projections.ports import GroupChange, ReachCells, Targets


class Change(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """A `GroupChange` as it travels."""

    group: str
    cells: dict[str, Cell]
    targets: dict[str, Targets]
    documents: dict[str, str]
    reached: dict[str, ReachCells]

    @classmethod
    def of(cls, change: GroupChange) -> Change:
        """What a change says."""
        return cls(str(change.group), change.cells, change.targets, change.documents, change.reached)

    def read(self) -> GroupChange:
        """The change that it says."""
        return GroupChange(parse_group(self.group), self.cells, self.targets, self.documents, self.reached)


class Advanced(msgspec.Struct, tag=True, frozen=True):
    """So much more was read: ``done`` in the unit of the stage's total."""

    stage: str
    done: int
    records: int = 0


class Piece(msgspec.Struct, tag=True, frozen=True):
    """Some of what a partition adds to boards; a group may come in several pieces, with different members."""

    partition: int
    changes: list[Change]


class Folded(msgspec.Struct, tag=True, frozen=True):
    """The last word on a partition: how far it was read, and what became of its records."""

    partition: int
    offsets: dict[str, int]
    accounting: dict[str, int]
    read_count: int


Told = Advanced | Piece | Folded
Take = Callable[[Told], Awaitable[None]]


class ShareFailed(Exception):  # noqa: N818 - what became of it
    """A share did not come to its end: nothing of what was told may be used."""


class Talk(Protocol):
    """What a share speaks with."""

    async def tell(self, told: Told) -> None:
        """Tell the collector; returns when it can take more."""

    async def meet(self, said: bytes) -> list[bytes]:
        """What every share said at this meeting, in the order of the shares. All of them must come."""


class Share(Protocol):
    """A part of a fold; it can be pickled."""

    async def run(self, talk: Talk) -> None:
        """Fold, tell and end.

        Raises:
            ShareFailed: it can't be done; the text is for a person.
        """


Run = Callable[[Sequence[Share], Take], Awaitable[None]]
"""Runs shares to their end, or raises what the first of them that failed raised."""


class Meetings:
    """Meetings of shares that run in one event loop."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._said: dict[int, bytes] = {}
        self._all: asyncio.Future[list[bytes]] | None = None

    async def meet(self, number: int, said: bytes) -> list[bytes]:
        """Say something as share ``number`` and hear what all say, once they all have."""
        if self._all is None:
            self._all = asyncio.get_running_loop().create_future()
        meeting = self._all
        self._said[number] = said
        if len(self._said) == self._count:
            heard = [self._said[at] for at in range(self._count)]
            self._said, self._all = {}, None
            meeting.set_result(heard)
        return await asyncio.shield(meeting)


class _HereTalk:
    def __init__(self, number: int, take: Take, meetings: Meetings) -> None:
        self._number, self._take, self._meetings = number, take, meetings

    async def tell(self, told: Told) -> None:
        await self._take(told)

    async def meet(self, said: bytes) -> list[bytes]:
        return await self._meetings.meet(self._number, said)


async def run_here(shares: Sequence[Share], take: Take) -> None:
    """Run shares in this process, one event loop for all."""
    meetings = Meetings(len(shares))
    await first_failure(share.run(_HereTalk(n, take, meetings)) for n, share in enumerate(shares))


@dataclass(frozen=True, slots=True)
class Workers:
    """Who does the work.

    Attributes:
        shares: into how many it is divided.
        run: what runs them.
    """

    shares: int = 1
    run: Run = run_here


ALONE = Workers()


async def first_failure(work: Iterable[Awaitable[None]]) -> None:
    """Wait for all, or until one fails: then the others are cancelled and its error is raised."""
    tasks = [asyncio.ensure_future(each) for each in work]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
