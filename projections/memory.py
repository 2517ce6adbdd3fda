"""Boards in memory, by the contract of the boards in Redis: for replay, and as a plain statement of the rules."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field

from domain.attainment import attainment_ppm
from domain.boards import ATTAINMENT_PREFIX, AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from domain.ranking import order
from projections.keys import revenue_board, written_with
from projections.ports import (
    NEW,
    AttainmentView,
    BoardEntry,
    BoardView,
    DocumentsView,
    Flush,
    GroupChange,
    GroupDump,
    ReachCells,
    Said,
    Snapshot,
    SnapshotRequest,
    Targets,
)
from projections.texts import as_of, mark_of


@dataclass(slots=True)
class _Stored:
    """A group of one version."""

    own: dict[int, str] = field(default_factory=dict)
    parts: dict[tuple[str, int], Cell] = field(default_factory=dict)
    homes: dict[str, int] = field(default_factory=dict)  # of reps: the partition that last wrote the member
    cells: dict[str, Cell] = field(default_factory=dict)
    targets: dict[str, Targets] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Version:
    pos: dict[int, str]
    groups: dict[Group, _Stored] = field(default_factory=dict)

    def stored(self, group: Group) -> _Stored:
        """A group; one that was never written has the marks of what it is written with."""
        found = self.groups.get(group)
        if found is None:
            written = self.groups.get(written_with(group))
            found = _Stored(own=written.own) if written else _Stored()
        return found


class MemoryBoards:
    """`BoardStore` in this process. Every call is atomic: none waits in the middle of its work."""

    def __init__(self) -> None:
        self._current = ""
        self._versions: dict[str, _Version] = {}
        self._kept: set[str] = set()
        self._listeners: list[asyncio.Queue[tuple[str, list[str]]]] = []

    async def where(self) -> tuple[str, dict[int, str]]:
        """See `BoardWriter.where`."""
        held = self._versions.get(self._current)
        return self._current, dict(held.pos) if held else {}

    async def begin(self, version: str, partition_count: int) -> None:
        """See `BoardWriter.begin`."""
        self._versions[version] = _Version(dict.fromkeys(range(partition_count), NEW))
        self._kept.add(version)

    async def step(self, version: str, flushes: Sequence[Flush]) -> list[list[Said]]:
        """See `BoardWriter.step`."""
        return [
            [self._step(version, partition, start, target, change) for change in changes]
            for partition, start, target, changes in flushes
        ]

    def _step(self, version: str, partition: int, start: str, target: str, change: GroupChange) -> Said:
        held = self._versions.get(version)
        if held is None or held.pos.get(partition) != start:
            return Said.REFUSED
        stored = held.groups.setdefault(change.group, _Stored())
        own = stored.own.get(partition)
        if own is not None and mark_of(own) >= mark_of(target):
            return Said.SKIPPED
        stored.own[partition] = target
        for member, part in change.cells.items():
            self._set_part(stored, change.group, member, partition, part)
        for member, by_reach in change.reached.items():
            self._set_reached(held, change.group, member, partition, by_reach)
        for member, held_targets in change.targets.items():
            if held_targets[1]:
                stored.targets[member] = held_targets
            else:
                stored.targets.pop(member, None)
        stored.documents.update(change.documents)
        return Said.DONE

    def _set_reached(self, held: _Version, group: Group, member: str, partition: int, by_reach: ReachCells) -> None:
        """Set a member's whole cell and the sales boards of every scope; they have one own mark, and share it."""
        assert isinstance(group, AttainmentGroup), "cells by reach are of a member kind in a bucket"
        family = held.groups[group]
        whole, by_board = EMPTY, dict[BoardGroup, Cell]()
        for (members, scopes), cell in by_reach:
            whole = whole.plus(cell)
            for scope in scopes:
                board = BoardGroup(scope, members, group.bucket)
                by_board[board] = by_board.get(board, EMPTY).plus(cell)
        self._set_part(family, group, member, partition, whole)
        for board, cell in by_board.items():
            if board not in held.groups and cell != EMPTY:
                held.groups[board] = _Stored(own=family.own)
            if board in held.groups:
                self._set_part(held.groups[board], board, member, partition, cell)

    @staticmethod
    def _set_part(stored: _Stored, group: Group, member: str, partition: int, part: Cell) -> None:
        if _of_reps(group):  # one home partition: whoever writes has the whole
            home = stored.homes.setdefault(member, partition)
            if home != partition:
                stored.cells[member] = EMPTY
                stored.parts.pop((member, home), None)
                stored.homes[member] = partition
        old = stored.parts.pop((member, partition), EMPTY)
        if part != EMPTY:
            stored.parts[member, partition] = part
        total = stored.cells.get(member, EMPTY).minus(old).plus(part)
        if total == EMPTY:
            stored.cells.pop(member, None)
        else:
            stored.cells[member] = total

    async def move(self, version: str, flushes: Sequence[Flush]) -> list[Said]:
        """See `BoardWriter.move`."""
        return [
            self._move(version, partition, start, target, [change.group for change in changes])
            for partition, start, target, changes in flushes
        ]

    def _move(self, version: str, partition: int, start: str, target: str, groups: Sequence[Group]) -> Said:
        held = self._versions.get(version)
        if held is None or held.pos.get(partition) != start:
            return Said.REFUSED
        for group in groups:
            own = held.groups[group].own.get(partition) if group in held.groups else None
            if own is None or mark_of(own) < mark_of(target):
                return Said.REFUSED
        held.pos[partition] = target
        return Said.DONE

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        """See `BoardWriter.swap`."""
        new, old = self._versions.get(version), self._versions.get(expected)
        if self._current != expected or new is None or any(new.pos.get(p) != text for p, text in built.items()):
            return Said.REFUSED
        if old is not None and any(mark_of(old.pos.get(p, NEW)) > mark_of(text) for p, text in built.items()):
            return Said.BEHIND
        self._current = version
        if old is not None:
            old.pos.clear()
        return Said.DONE

    async def drop(self, version: str) -> None:
        """See `BoardWriter.drop`."""
        if version != self._current:
            self._versions.pop(version, None)
            self._kept.discard(version)

    async def forget(self, version: str) -> None:
        """See `BoardWriter.forget`."""
        if version == self._current:
            self._current = ""
        await self.drop(version)

    async def keep(self, version: str) -> None:
        """See `BoardWriter.keep`."""

    async def sweep(self, silent_seconds: int) -> list[str]:
        """See `BoardWriter.sweep`. There is no clock here: only 0 seconds finds anything."""
        orphans = sorted(set(self._versions) - {self._current}) if silent_seconds == 0 else []
        for version in orphans:
            await self.drop(version)
        return orphans

    async def announce(self, version: str, groups: Sequence[Group]) -> None:
        """See `BoardWriter.announce`."""
        for queue in self._listeners:
            queue.put_nowait((version, [str(group) for group in groups]))

    async def close(self) -> None:
        """Nothing to close."""

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        """See `BoardReader.snapshot`."""
        held = self._versions.get(self._current)
        if held is None or not held.pos:
            return Snapshot("")
        return Snapshot(
            self._current,
            {name: self._board(held, name) for name in request.boards},
            {group: self._attainment(held, group) for group in request.attainments},
            {name: self._documents(held, name, tag) for name, tag in request.documents},
        )

    def _board(self, held: _Version, name: BoardName) -> BoardView:
        stored = held.stored(name.group)
        metric = name.sales_metric
        if name.is_attainment:
            entries = _attainment_entries(stored, name)
        else:
            entries = [
                BoardEntry(member, getattr(cell, metric), cell, None)
                for member, cell in stored.cells.items()
                if cell.lines > 0
            ]
        return BoardView(name, as_of(held.pos, _later(held, stored)), tuple(order(entries)))

    @staticmethod
    def _attainment(held: _Version, group: AttainmentGroup) -> AttainmentView:
        stored = held.stored(group)
        targets = {member: dict(values) for member, (_, values) in stored.targets.items()}
        return AttainmentView(group, as_of(held.pos, _later(held, stored)), dict(stored.cells), targets)

    def _documents(self, held: _Version, collection: str, known: str) -> DocumentsView:
        stored = held.stored(DocumentGroup(collection))
        tag = f"{self._current}:" + ",".join(f"{p},{mark_of(text)}" for p, text in stored.own.items())
        documents = None if tag == known else dict(stored.documents)
        return DocumentsView(collection, as_of(held.pos, _later(held, stored)), tag, documents)

    async def groups(self) -> tuple[str, list[Group]]:
        """See `BoardReader.groups`."""
        held = self._versions.get(self._current)
        return self._current, sorted(held.groups, key=str) if held else []

    async def dump(self, version: str, groups: Sequence[Group]) -> list[GroupDump | None]:
        """See `BoardReader.dump`."""
        held = self._versions.get(version)
        if held is None or not held.pos:
            return [None] * len(groups)
        return [self._dump(held, group) for group in groups]

    @staticmethod
    def _dump(held: _Version, group: Group) -> GroupDump:
        stored = held.stored(group)
        sets: dict[BoardName, dict[str, float]] = {}
        if isinstance(group, BoardGroup):
            ranked = {member: float(cell.revenue) for member, cell in stored.cells.items() if cell.lines > 0}
            if ranked:
                sets[revenue_board(group)] = ranked
        if isinstance(group, AttainmentGroup):
            for stands, values in stored.targets.values():
                for unit_id, members in stands:
                    for metric, _ in values:
                        name = BoardName(unit_id, members, ATTAINMENT_PREFIX + metric, group.bucket)
                        sets[name] = {e.member_id: float(e.score) for e in _attainment_entries(stored, name)}
        return GroupDump(
            group,
            as_of(held.pos, _later(held, stored)),
            sets,
            dict(stored.cells),
            dict(stored.parts),
            dict(stored.targets),
            dict(stored.documents),
        )

    async def changed(self) -> AsyncIterator[tuple[str, list[str]]]:
        """See `BoardReader.changed`."""
        queue: asyncio.Queue[tuple[str, list[str]]] = asyncio.Queue()
        self._listeners.append(queue)
        try:
            yield "", []
            while True:
                yield await queue.get()
        finally:
            self._listeners.remove(queue)


def _of_reps(group: Group) -> bool:
    match group:
        case BoardGroup():
            return group.members == "rep"
        case AttainmentGroup():
            return group.kind == "rep"
        case DocumentGroup():
            return False


def _later(held: _Version, stored: _Stored) -> dict[int, str]:
    return {p: text for p, text in stored.own.items() if mark_of(text) > mark_of(held.pos[p])}


def _attainment_entries(stored: _Stored, name: BoardName) -> list[BoardEntry]:
    metric, stand = name.sales_metric, (name.unit_id, name.members)
    entries = []
    for member, (stands, values) in stored.targets.items():
        target = dict(values).get(metric)
        if target and stand in stands:
            cell = stored.cells.get(member, EMPTY)
            entries.append(BoardEntry(member, attainment_ppm(getattr(cell, metric), target), cell, target))
    return entries
