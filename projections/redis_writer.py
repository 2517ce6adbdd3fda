"""The writing side of boards in Redis: every change is one script, compared with the position it starts from."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator, Mapping, Sequence

from redis.asyncio import Redis

from domain.boards import Group
from projections.keys import Keys, glob_escape
from projections.ports import NEW, Flush, Said
from projections.redis_calls import Call, asking, call, call_all
from projections.redis_changes import Changes, Piece, by_group, calls, encoded, flushes_of
from projections.redis_units import RedisUnits, is_of_units
from projections.texts import compact, mark_of
from projections.unit_parts import HELD_UNITS_MAX

CALL_WEIGHT_MAX = 6_000
"""Values that one call writes, about: a member on six boards counts eight, so a call has about 750 members."""

SENT_SECONDS = 0.0005
"""How long a call may take to leave this process, before the next is packed."""

TARGETED = "targeted"
"""An answer to a step: done, and the group has attainment boards."""

SCAN_COUNT = 1_000
"""Keys looked at per scan step."""

CHANGED = "changed"
"""An answer to a step of units: somebody wrote to the group since it was read."""

ATTEMPTS_MAX = 3
"""How often a group is read again for that; then the step is refused."""

ANNOUNCED_GROUPS_MAX = 2_000
"""Names in one announcement; above, readers are told that anything may have changed."""


class _Answers:
    """What the calls of a step have answered so far.

    Attributes:
        said: for each flush, the answer to each change.
        changed: groups that have to be read again.
    """

    def __init__(self, flushes: Sequence[Flush]) -> None:
        self.said = [[Said.DONE] * len(flush.changes) for flush in flushes]
        self.changed: set[Group] = set()
        self._refused: set[int] = set()

    def refuse(self, number: int) -> None:
        """Nothing of a flush may be written."""
        self.said[number] = [Said.REFUSED] * len(self.said[number])
        self._refused.add(number)

    def open(self) -> list[int]:
        """The flushes of which nothing was refused."""
        return [number for number in range(len(self.said)) if number not in self._refused]

    def refused(self) -> list[int]:
        """The others."""
        return sorted(self._refused)

    def is_wanted(self, piece: Piece) -> bool:
        """Whether it may still be written: of no flush that was refused, and no further slice of what was not."""
        if piece.change.group in self.changed:
            return False
        if any(number in self._refused for number, _ in piece.of):
            self.take(piece, Said.REFUSED)
        return all(self.said[number][at] is Said.DONE for number, at in piece.of)

    def give_up(self, changes: Mapping[Group, Changes]) -> None:
        """Refuse what was not written, because its group was another by then."""
        for number, at, _ in itertools.chain(*changes.values()):
            self.said[number][at] = Said.REFUSED

    def take(self, piece: Piece, answer: Said) -> None:
        """Note what was answered to a piece. Once a slice was not written, its change was not."""
        for number, at in piece.of:
            if answer is not Said.DONE:
                self.said[number][at] = answer
            if answer is Said.REFUSED:
                self._refused.add(number)


class RedisWriter:
    """`BoardWriter` on Redis.

    Args:
        client: asked for everything.
        prefix: what every key begins with.
        call_weight_max: how much one call may write, so that other clients get their turn.
        held_units_max: units that are kept from step to step, so that they need not be read again.
    """

    def __init__(
        self,
        client: Redis,
        prefix: str,
        *,
        call_weight_max: int = CALL_WEIGHT_MAX,
        held_units_max: int = HELD_UNITS_MAX,
    ) -> None:
        self._client = client
        self._keys = Keys(prefix)
        self._call_weight_max = call_weight_max
        self._units = RedisUnits(client, self._keys, held_units_max)
        self._stepping = asyncio.Lock()  # a replay steps several partitions at once, and they share the units kept
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

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        """See `BoardWriter.step`. The next call is packed while Redis works on one.

        Of a flush that is refused no more is sent than that: it would be refused, too.
        """
        async with self._stepping:
            return await self._step(version, flushes)

    async def _step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        answers = _Answers(flushes)
        for number in await self._elsewhere(version, flushes):
            answers.refuse(number)
        changes = by_group(flushes, answers.open())
        try:
            for _ in range(ATTEMPTS_MAX):
                answers.changed.clear()
                await self._write(version, flushes, changes, answers)
                if not answers.changed:
                    break
                answers.give_up(by_group(flushes, answers.refused(), answers.changed))
                changes = by_group(flushes, answers.open(), answers.changed)
            else:
                answers.give_up(changes)
        except BaseException:
            self._units.forget()  # what of it was written, only the store knows
            raise
        return answers.said

    async def _elsewhere(self, version: str, flushes: Sequence[Flush]) -> list[int]:
        """The flushes whose start is not where the version stands; they would be refused."""
        if not flushes:
            return []
        with asking():
            found = await self._client.hmget(self._keys.pos(version), [str(flush.partition) for flush in flushes])
        return [number for number, text in enumerate(found) if text != flushes[number].start]

    def _changes(
        self, flushes: Sequence[Flush], changes: Mapping[Group, Changes], answers: _Answers
    ) -> Iterator[Piece]:
        """Whole changes, each group's side by side; those of units joined."""
        for group, some in changes.items():
            if not is_of_units(group):
                for number, at, change in some:
                    yield Piece(((number, at),), change)
            elif (joined := self._units.join(group, flushes, some, answers.said)) is not None:
                yield joined

    async def _write(
        self, version: str, flushes: Sequence[Flush], changes: Mapping[Group, Changes], answers: _Answers
    ) -> None:
        units = {group: some for group, some in changes.items() if is_of_units(group)}
        await self._units.read(version, units)
        await self._call(version, flushes, self._changes(flushes, changes, answers), answers)
        self._units.used(list(units))

    async def _call(self, version: str, flushes: Sequence[Flush], changes: Iterator[Piece], answers: _Answers) -> None:
        waiting: asyncio.Task[list[str]] | None = None
        sent: list[Piece] = []
        try:
            for pieces in calls(changes, self._call_weight_max, self._targeted):
                wanted = self._wanted(pieces, answers)
                if not wanted:
                    continue
                packed = self._packed(version, flushes, wanted)
                if waiting is not None:
                    self._take(answers, sent, await waiting)
                waiting, sent = asyncio.create_task(call(self._client, packed)), wanted
                await asyncio.wait((waiting,), timeout=SENT_SECONDS)
            if waiting is not None:
                self._take(answers, sent, await waiting)
        finally:
            if waiting is not None:
                waiting.cancel()

    def _wanted(self, pieces: Sequence[Piece], answers: _Answers) -> list[Piece]:
        """Those that may still be written; what the others were worked out from has to be read again."""
        wanted = []
        for piece in pieces:
            if answers.is_wanted(piece):
                wanted.append(piece)
            else:
                self._units.forget(piece)
        return wanted

    def _packed(self, version: str, flushes: Sequence[Flush], pieces: Sequence[Piece]) -> Call:
        keys = self._keys
        ahead = [keys.ahead(version, flushes[number].partition) for number in flushes_of(pieces)]
        return Call("step", [keys.pos(version), *ahead], [keys.stem(version), encoded(flushes, pieces)])

    def _take(self, answers: _Answers, pieces: Sequence[Piece], told: Sequence[str]) -> None:
        for piece, one in zip(pieces, told, strict=True):
            if one == TARGETED:
                self._targeted.add(piece.change.group)
            if one == CHANGED:
                answers.changed.add(piece.change.group)
            else:
                answers.take(piece, Said.DONE if one == TARGETED else Said(one))
            if one in (TARGETED, Said.DONE):
                self._units.written(piece)
            else:
                self._units.forget(piece)

    async def move(self, version: str, flushes: Sequence[Flush]) -> list[Said]:
        """See `BoardWriter.move`."""
        return [
            Said(answer) for answer in await call_all(self._client, [self._move(version, each) for each in flushes])
        ]

    def _move(self, version: str, flush: Flush) -> Call:
        keys, (partition, start, target, changes) = self._keys, flush
        own = dict.fromkeys(keys.own(version, change.group) for change in changes)
        names = [keys.pos(version), keys.ahead(version, partition), *own]
        return Call("move", names, [partition, start, target, mark_of(target)])

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
