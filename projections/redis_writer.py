"""The writing side of boards in Redis: every change is one script, compared with the position it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from redis.asyncio import Redis

from domain.boards import Group
from projections.keys import Keys, glob_escape
from projections.ports import NEW, GroupChange, Said
from projections.redis_calls import Call, asking, call
from projections.redis_changes import calls, encoded
from projections.texts import compact, mark_of

CALL_WEIGHT_MAX = 4_000
"""Values that one call writes, about: a member on six boards counts eight, so a call has about 500 members."""

TARGETED = "targeted"
"""An answer to a step: done, and the group has attainment boards."""

SCAN_COUNT = 1_000
"""Keys looked at per scan step."""

ANNOUNCED_GROUPS_MAX = 2_000
"""Names in one announcement; above, readers are told that anything may have changed."""


class RedisWriter:
    """`BoardWriter` on Redis.

    Args:
        client: asked for everything.
        prefix: what every key begins with.
        call_weight_max: how much one call may write, so that other clients get their turn.
    """

    def __init__(self, client: Redis, prefix: str, *, call_weight_max: int = CALL_WEIGHT_MAX) -> None:
        self._client = client
        self._keys = Keys(prefix)
        self._call_weight_max = call_weight_max
        self._targeted: set[Group] = set()  # as answered last: only how much goes into a call depends on it

    async def where(self) -> tuple[str, dict[int, str]]:
        """See `BoardWriter.where`."""
        keys = self._keys
        version, flat = await call(self._client, Call("where", [keys.current], [keys.prefix]))
        return version, {int(p): text for p, text in zip(flat[::2], flat[1::2], strict=True)}

    async def begin(self, version: str, partition_count: int) -> None:
        """See `BoardWriter.begin`."""
        keys = self._keys
        positions = [x for p in range(partition_count) for x in (p, NEW)]
        await call(self._client, Call("begin", [keys.versions, keys.pos(version)], [version, *positions]))

    async def step(
        self, version: str, partition: int, start: str, target: str, changes: Sequence[GroupChange]
    ) -> list[Said]:
        """See `BoardWriter.step`. Once refused, what follows isn't sent: it would be refused too."""
        keys = self._keys
        names = [keys.pos(version), keys.ahead(version, partition)]
        head: list[str | int | bytes] = [partition, start, mark_of(target), target, keys.stem(version)]
        said = [Said.DONE] * len(changes)
        for pieces in calls(changes, self._call_weight_max, self._targeted):
            wanted = [piece for piece in pieces if said[piece.at] is Said.DONE]  # no further slice of what was skipped
            if not wanted:
                continue
            answer = await call(self._client, Call("step", names, [*head, encoded(wanted)]))
            if answer == Said.REFUSED:
                answer = [Said.REFUSED] * len(wanted)
            for piece, one in zip(wanted, answer, strict=True):
                if one == TARGETED:
                    self._targeted.add(piece.change.group)
                else:
                    said[piece.at] = Said(one)
            if Said.REFUSED in answer:
                return said[: wanted[-1].at + 1] + [Said.REFUSED] * (len(changes) - wanted[-1].at - 1)
        return said

    async def move(self, version: str, partition: int, start: str, target: str, groups: Sequence[Group]) -> Said:
        """See `BoardWriter.move`."""
        keys = self._keys
        own = dict.fromkeys(keys.own(version, group) for group in groups)
        names = [keys.pos(version), keys.ahead(version, partition), *own]
        return Said(await call(self._client, Call("move", names, [partition, start, target, mark_of(target)])))

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        """See `BoardWriter.swap`."""
        keys = self._keys
        names = [keys.current, keys.pos(version), keys.pos(expected)]
        args = [expected, version, *(x for p, text in built.items() for x in (p, text))]
        return Said(await call(self._client, Call("swap", names, args)))

    async def drop(self, version: str) -> None:
        """See `BoardWriter.drop`. Never DEL: a big key would stall Redis."""
        keys = self._keys
        if await call(self._client, Call("close", [keys.current, keys.pos(version)], [version])) == Said.REFUSED:
            return
        with asking():
            cursor = -1
            while cursor:
                cursor, found = await self._client.scan(
                    max(cursor, 0), match=glob_escape(keys.stem(version)) + "*", count=SCAN_COUNT
                )
                if found:
                    await self._client.unlink(*found)
            await self._client.hdel(keys.versions, version)

    async def forget(self, version: str) -> None:
        """See `BoardWriter.forget`."""
        keys = self._keys
        await call(self._client, Call("forget", [keys.current, keys.pos(version)], [version]))
        await self.drop(version)

    async def keep(self, version: str) -> None:
        """See `BoardWriter.keep`."""
        await call(self._client, Call("keep", [self._keys.versions], [version]))

    async def sweep(self, silent_seconds: int) -> list[str]:
        """See `BoardWriter.sweep`."""
        keys = self._keys
        orphans: list[str] = await call(self._client, Call("orphans", [keys.current, keys.versions], [silent_seconds]))
        for version in orphans:
            await self.drop(version)
        return orphans

    async def announce(self, version: str, groups: Sequence[Group]) -> None:
        """See `BoardWriter.announce`."""
        names = [str(group) for group in groups] if len(groups) <= ANNOUNCED_GROUPS_MAX else []
        with asking():
            await self._client.publish(self._keys.changes, compact([version, names]))

    async def close(self) -> None:
        """Close connections."""
        with asking():
            await self._client.aclose()
