"""Re-claim in place: an owner that met a foreign write makes way for a new one, and the process goes on.

Nothing of the lost owner's memory is used. Its partition's sources are held, a new owner claims, reads the changelog
from where it may to its claim, opens, and the sources go on after what it holds: the same as after a restart, for this
one partition, while the others work. Nothing here knows Faust or a client library.

Two processes may each believe that a partition is theirs: until the group tells one of them otherwise they would take
it from each other. So every further time waits longer, and too many are the end of the process, as a restart is what
helps when nobody knows what is going on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, MutableMapping
from contextlib import aclosing
from typing import Any, Protocol

from processors.engine.changelog import ChangelogRecord
from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import ForeignWrite, Workshop

TIMES_MAX = 5
"""So often a partition is taken back within the span below; once more and the process stops."""

SPAN_SECONDS = 60.0

WAIT_SECONDS = 0.5
"""Before the second time within the span; twice as long before each further one."""

log = logging.getLogger(__name__)


class Sources(Protocol):
    """The way of chunks to the owners of partitions."""

    async def hold(self, partition: int) -> None:
        """Let no chunk of the partition's sources come; those that have come and are not folded are never current."""

    async def go_on(self, partition: int) -> None:
        """Read the partition's sources after what its owner holds, and let the owner take what comes."""


Read = Callable[[PartitionOwner, int], AsyncGenerator[Iterable[ChangelogRecord], None]]
"""(owner, offset) -> the owner's changelog from its start, up to and including the offset, in order."""


class Reclaims:
    """Takes lost partitions back.

    Args:
        owners: the partitions of this process. An owner that is not in there any more is nobody's business.
        workshop: makes new owners; its ``lost`` is our `lost`.
        who: what a claim says about its writer.
        read: reads the changelog.
        sources: holds and releases the sources.
        reclaimed: called after each partition that was taken back.
        sleep: waits for seconds.
    """

    owner_class: type[PartitionOwner] = PartitionOwner

    def __init__(
        self,
        owners: MutableMapping[int, PartitionOwner],
        workshop: Workshop,
        who: str,
        *,
        read: Read,
        sources: Sources,
        reclaimed: Callable[[], Awaitable[None]],
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._owners = owners
        self._workshop = workshop
        self._who = who
        self._read = read
        self._sources = sources
        self._reclaimed = reclaimed
        self._sleep = sleep
        self._times: dict[int, deque[float]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def lost(self, owner: PartitionOwner, reason: ForeignWrite) -> None:
        """Take back the partition of an owner that met a foreign write, if it is still ours."""
        now, times = self._workshop.clock(), self._times.setdefault(owner.partition, deque())
        while times and now - times[0] > SPAN_SECONDS:
            times.popleft()
        if len(times) >= TIMES_MAX:
            self._workshop.die(reason)
            return
        wait = WAIT_SECONDS * 2 ** (len(times) - 1) if times else 0.0
        times.append(now)
        log.warning("%s: the partition is claimed again", reason)
        task = asyncio.get_running_loop().create_task(self._take_back(owner, wait, now))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_back(self, lost: PartitionOwner, wait_seconds: float, since: float) -> None:
        try:
            await self._sleep(wait_seconds)
            partition = lost.partition
            if not self._still(lost):
                return
            await self._sources.hold(partition)
            owner = await self._recover(lost)
            if owner is None:
                return
            self._owners[partition] = owner  # no await since it was looked at
            await owner.open()
            if self._opened(owner):  # a recovery may have sought and resumed meanwhile, for the owner that was lost
                await self._sources.hold(partition)
            if self._opened(owner):
                await self._sources.go_on(partition)
                self._workshop.observer.reclaimed()
                log.info("partition %d is ours again after %.1f s", partition, self._workshop.clock() - since)
                await self._reclaimed()
        except Exception as error:  # nobody else would hear of it
            self._workshop.die(error)

    async def _recover(self, lost: PartitionOwner) -> PartitionOwner | None:
        """A new owner that has read up to its claim; None if a rebalance was faster: it claims and reads by itself."""
        owner = self.owner_class(lost.partition, self._workshop)
        if not self._still(lost):
            return None
        claimed = await owner.claim(self._who)
        async with aclosing(self._read(owner, claimed)) as log_records:
            async for records in log_records:
                if not self._still(lost):
                    return None
                owner.feed(records)
        return owner if self._still(lost) else None

    def _opened(self, owner: PartitionOwner) -> bool:
        return self._still(owner) and owner.mine is not None

    def _still(self, owner: PartitionOwner) -> bool:
        return self._owners.get(owner.partition) is owner
