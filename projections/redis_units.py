"""Groups of units as boards in Redis hold them: read where they are not known, and joined with what flushes say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TypeGuard

from redis.asyncio import Redis

from domain.boards import AttainmentGroup, Group
from projections.keys import TAG, UNDER_WAY, Keys
from projections.ports import Flush, GroupChange, Said
from projections.redis_calls import Call, call_all
from projections.redis_changes import Changes, Piece, Tagged, new_name
from projections.texts import mark_of, pairs, parse_parts, parse_reach
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

        A group's tag and the parts are read in one step: a store that is set back to a tag has the parts of that tag.
        """
        held = self._held.of(version)
        asked: list[tuple[AttainmentGroup, list[str]]] = []
        for group, changes in wanted.items():
            units = dict.fromkeys(chain(*(change.reached for _, _, change in changes)))
            members = held[group].unknown(units) if group in held else list(units)
            if members or group not in held:
                pieces = range(0, max(len(members), 1), READ_FIELDS_MAX)
                asked += [(group, members[first : first + READ_FIELDS_MAX]) for first in pieces]
        keys = self._keys
        reads = [
            Call("parts", [keys.own(version, group), keys.parts(version, group), keys.reaches(version)], members)
            for group, members in asked
        ]
        for (group, members), told in zip(asked, await call_all(self._client, reads) if reads else [], strict=True):
            self._learn(group, members, *told)

    def _learn(
        self,
        group: AttainmentGroup,
        members: Sequence[str],
        marks: Sequence[str],
        texts: Sequence[str | None],
        numbers: Sequence[str],
        reach_texts: Sequence[str],
    ) -> None:
        read = _group(dict(pairs(marks)))
        held = self._held.setdefault(group, read)
        if held.tag != read.tag:  # somebody wrote between two reads: the step will hear it, and all is read again
            held.tag = new_name()
        reaches = dict(zip(numbers, map(parse_reach, reach_texts), strict=True))
        for member, text in zip(members, texts, strict=True):
            unit = held.units[member] = Unit()
            for partition, cells in parse_parts(text).items() if text else ():
                unit.set(partition, tuple((reaches[number], cell) for number, cell in cells))

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
