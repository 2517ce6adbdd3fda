"""Groups of units as boards in Redis hold them: read where they are not known, and joined with what flushes say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypeGuard

from redis.asyncio import Redis

from domain.boards import AttainmentGroup, Group
from domain.rows import Reach
from projections.keys import TAG, UNDER_WAY, Keys
from projections.ports import BoardsUnavailable, Flush, GroupChange, Said
from projections.redis_calls import asking
from projections.redis_changes import Changes, Piece, Tagged, new_name
from projections.texts import mark_of, parse_parts, parse_reach
from projections.unit_parts import HeldGroups, Unit, UnitGroup

READ_FIELDS_MAX = 1_000
"""Units that one command asks for."""


def is_of_units(group: Group) -> TypeGuard[AttainmentGroup]:
    """Whether a group's members are units."""
    return isinstance(group, AttainmentGroup) and group.kind == "unit"


class RedisUnits:
    """The groups of units of one store.

    Args:
        client: asked for what is not known.
        keys: the deployment's.
        units_max: how many units are kept from step to step.
    """

    def __init__(self, client: Redis, keys: Keys, units_max: int) -> None:
        self._client = client
        self._keys = keys
        self._held = HeldGroups(units_max)

    async def read(self, version: str, wanted: Mapping[AttainmentGroup, Changes]) -> None:
        """Read what is not known of the units that change.

        A group's tag is read before its units: if somebody writes in between, the step is refused.
        """
        held = self._held.of(version)
        await self._read_groups(version, [group for group in wanted if group not in held])
        asked: list[tuple[AttainmentGroup, list[str]]] = []
        for group, changes in wanted.items():
            members = held[group].unknown(dict.fromkeys(chain(*(change.reached for _, _, change in changes))))
            pieces = range(0, len(members), READ_FIELDS_MAX)
            asked += [(group, members[first : first + READ_FIELDS_MAX]) for first in pieces]
        if asked:
            await self._read_units(version, asked)

    async def _read_groups(self, version: str, groups: Sequence[AttainmentGroup]) -> None:
        if not groups:
            return
        with asking():
            async with self._client.pipeline(transaction=False) as pipe:
                for group in groups:
                    pipe.hgetall(self._keys.own(version, group))
                found = await pipe.execute()
        for group, marks in zip(groups, found, strict=True):
            self._held[group] = _group(marks)

    async def _read_units(self, version: str, asked: Sequence[tuple[AttainmentGroup, list[str]]]) -> None:
        with asking():
            async with self._client.pipeline(transaction=False) as pipe:
                for group, members in asked:
                    pipe.hmget(self._keys.parts(version, group), members)
                found = await pipe.execute()
        parsed = [
            (self._held[group], member, parse_parts(text) if text else {})
            for (group, members), texts in zip(asked, found, strict=True)
            for member, text in zip(members, texts, strict=True)
        ]
        numbers = {number for _, _, parts in parsed for cells in parts.values() for number, _ in cells}
        reaches = await self._reaches(version, numbers)
        for held, member, parts in parsed:
            unit = held.units[member] = Unit()
            for partition, cells in parts.items():
                unit.set(partition, tuple((reaches[number], cell) for number, cell in cells))

    async def _reaches(self, version: str, numbers: set[str]) -> dict[str, Reach]:
        if not numbers:
            return {}
        with asking():
            texts = await self._client.hmget(self._keys.reaches(version), list(numbers))
        if None in texts:
            raise BoardsUnavailable("the store was set back while it was read")
        return {number: parse_reach(text) for number, text in zip(numbers, texts, strict=True)}

    def join(
        self, group: AttainmentGroup, flushes: Sequence[Flush], changes: Changes, said: Sequence[list[Said]]
    ) -> Piece | None:
        """What flushes change of a group, worked out together; None if nothing of it may be written.

        Args:
            group: read before.
            flushes: all of a step.
            changes: of those whose start is the version's position.
            said: for each flush the answer to each change; set where one may not be written.
        """
        held = self._held[group]
        joined, units, of = GroupChange(group), dict[str, Unit](), list[tuple[int, int]]()
        for number, at, change in changes:
            partition, mark = flushes[number].partition, mark_of(flushes[number].target)
            if held.own.get(partition, -1) >= mark:
                said[number][at] = Said.SKIPPED
            elif held.under_way.get(partition, -1) > mark:  # what is half written is later than this, and covers more
                said[number][at] = Said.REFUSED
            else:
                units |= held.set(partition, mark, change.reached)
                joined.targets |= change.targets
                of.append((number, at))
        if not of:
            return None
        joined.reached = {member: unit.cells for member, unit in units.items()}
        return Piece(tuple(of), joined, tagged=Tagged(held.tag, new_name(), units))

    def written(self, piece: Piece) -> None:
        """A piece was written: its group has another tag."""
        held = self._held.get(piece.change.group) if is_of_units(piece.change.group) else None
        if held is not None and piece.tagged is not None:  # a later slice of it may have been refused already
            held.tag = piece.tagged.now

    def forget(self, piece: Piece | None = None) -> None:
        """A piece was not written, or it is not known what was (None): read again what it was worked out from."""
        if piece is None:
            self._held.clear()
        elif is_of_units(piece.change.group):
            self._held.pop(piece.change.group, None)

    def used(self, groups: Sequence[AttainmentGroup]) -> None:
        """See `HeldGroups.used`."""
        self._held.used(groups)


def _group(marks: Mapping[str, str]) -> UnitGroup:
    """A group from its own marks as stored."""
    held = UnitGroup(tag=marks.get(TAG, ""), is_whole=not marks)
    for name, mark in marks.items():
        if name.endswith(UNDER_WAY):
            held.under_way[int(name.removesuffix(UNDER_WAY))] = int(mark.partition(" ")[0])
        elif name != TAG:
            held.own[int(name)] = int(mark)
    return held
