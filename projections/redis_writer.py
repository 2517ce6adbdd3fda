"""The writing side of boards in Redis: every change is one script, compared with the position it starts from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import assert_never

from redis.asyncio import Redis

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup, Group, MemberKind
from domain.cells import EMPTY, Cell
from projections.keys import Keys, glob_escape, revenue_board
from projections.ports import NEW, GroupChange, Said
from projections.redis_calls import Call, asking, call
from projections.texts import cell_text, compact, mark_of, targets_text

CALL_ENTRIES_MAX = 1_000
"""Changed entries in one call, so that other clients get their turn; a single larger group is a call of its own."""

CALL_GROUPS_MAX = 256
"""Groups in one call."""

SCAN_COUNT = 1_000
"""Keys looked at per scan step."""

ANNOUNCED_GROUPS_MAX = 2_000
"""Names in one announcement; above, readers are told that anything may have changed."""


class RedisWriter:
    """`BoardWriter` on Redis."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._keys = Keys(prefix)

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
        head: list[str | int] = [partition, start, mark_of(target), target, keys.stem(version)]
        said: list[Said] = []
        for some in _calls(changes):
            told = compact([_told(change, partition) for change in some])
            answer = await call(self._client, Call("step", names, [*head, told]))
            if answer == Said.REFUSED:
                return said + [Said.REFUSED] * (len(changes) - len(said))
            said += map(Said, answer)
        return said

    async def move(self, version: str, partition: int, start: str, target: str, groups: Sequence[Group]) -> Said:
        """See `BoardWriter.move`."""
        keys = self._keys
        names = [keys.pos(version), keys.ahead(version, partition), *(keys.own(version, group) for group in groups)]
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


def _told(change: GroupChange, partition: int) -> dict[str, object]:
    """A change as the script reads it."""
    group = change.group
    told: dict[str, object] = {"group": str(group)}
    match group:
        case BoardGroup(members="rep"):
            return told | {"kind": "rep_boards", "board": str(revenue_board(group))} | _rep_boards(change, partition)
        case BoardGroup():
            return told | {"kind": "unit_boards", "board": str(revenue_board(group)), "cells": _flat(change.cells)}
        case AttainmentGroup():
            return told | {"kind": "attainment", "bucket": group.bucket} | _attainment(change, group.kind, partition)
        case DocumentGroup():
            return told | {"kind": "documents", "documents": [x for pair in change.documents.items() for x in pair]}
        case _:
            assert_never(group)


def _calls(changes: Sequence[GroupChange]) -> Iterator[list[GroupChange]]:
    some: list[GroupChange] = []
    size = 0
    for change in changes:
        if some and (size + change.size > CALL_ENTRIES_MAX or len(some) == CALL_GROUPS_MAX):
            yield some
            some, size = [], 0
        some.append(change)
        size += change.size
    if some:
        yield some


def _flat(cells: Mapping[str, Cell]) -> list[str]:
    return [x for member, cell in cells.items() for x in (member, cell_text(cell))]


def _rep_cells(cells: Mapping[str, Cell], partition: int) -> tuple[list[str], list[str]]:
    """Cells with their partition as a fifth number, and the members without any."""
    kept: list[str] = []
    gone: list[str] = []
    for member, cell in cells.items():
        if cell == EMPTY:
            gone.append(member)
        else:
            kept += (member, f"{cell_text(cell)} {partition}")
    return kept, gone


def _rep_boards(change: GroupChange, partition: int) -> dict[str, object]:
    kept, gone = _rep_cells(change.cells, partition)
    scores: list[str] = []
    off: list[str] = []
    for member, cell in change.cells.items():
        if cell.lines > 0:
            scores += (str(-cell.revenue), member)
        else:
            off.append(member)
    return {"cells": kept, "gone": gone, "scores": scores, "off": off}


def _attainment(change: GroupChange, kind: MemberKind, partition: int) -> dict[str, object]:
    targets = [x for member, held in change.targets.items() for x in (member, targets_text(held))]
    if kind == "rep":
        kept, gone = _rep_cells(change.cells, partition)
        return {"of_reps": True, "cells": kept, "gone": gone, "targets": targets}
    return {"of_reps": False, "cells": _flat(change.cells), "targets": targets}
