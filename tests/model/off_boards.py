"""Variants without a rule of the projector or of the board store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from domain.boards import Group
from processors.engine.changelog import ChangelogRecord
from processors.projection_loop import Projector
from processors.projection_shown import Shown
from projections.memory import _Version
from projections.ports import NEW, GroupChange, Said
from tests.model import projectors
from tests.model.facts import PARTITIONS


class Eager(projectors.ModelShown):
    """A flush takes rows that a mark which did not count, or a claim, has settled; under the mark before."""

    def put(self, key: bytes, value: bytes | None) -> None:
        super().put(key, value)
        for row, held in self._undecided.items():
            self._rows.pop(row, None)
            self._rows[row] = held

    @property
    def pending(self) -> bool:
        return super().pending or bool(self._rows)


class Unordered(projectors.ModelShown):
    """Rows are kept in the order in which their keys came first."""

    def put(self, key: bytes, value: bytes | None) -> None:
        if value is not None and not key.startswith(b"L"):
            self._undecided[key] = value

    def _mark(self, record: ChangelogRecord) -> None:
        counted, held = self.counted, self._rows
        self._rows = {}
        super()._mark(record)
        self._rows = {**held, **self._rows}
        del counted


class Uncompared(projectors.CheckedBoards):
    """Steps and moves are done wherever the position stands."""

    def _step(self, version: str, partition: int, start: str, target: str, change: GroupChange) -> Said:
        held = self._versions.get(version)
        return super()._step(version, partition, held.pos.get(partition, start) if held else start, target, change)

    def _move(self, version: str, partition: int, start: str, target: str, groups: Sequence[Group]) -> Said:
        held = self._versions.get(version)
        return super()._move(version, partition, held.pos.get(partition, start) if held else start, target, groups)


class OwnMarkUnlooked(projectors.CheckedBoards):
    """A step is done although the group shows a later mark."""

    def _step(self, version: str, partition: int, start: str, target: str, change: GroupChange) -> Said:
        held = self._versions.get(version)
        if held is not None and held.pos.get(partition) == start and change.group in held.groups:
            held.groups[change.group].own.pop(partition, None)
        return super()._step(version, partition, start, target, change)


class MoveUnchecked(projectors.CheckedBoards):
    """The position moves without a look at the groups."""

    def _move(self, version: str, partition: int, start: str, target: str, groups: Sequence[Group]) -> Said:
        return super()._move(version, partition, start, target, [])


class SwapOfAnything(projectors.CheckedBoards):
    """A version becomes current although it no longer holds what was built."""

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        held = self._versions.get(version)
        return await super().swap(
            expected, version, {p: held.pos.get(p, t) for p, t in built.items()} if held else built
        )


class SwapFromAnywhere(projectors.CheckedBoards):
    """A version becomes current although another has become it meanwhile."""

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        self._current = expected
        return await super().swap(expected, version, built)


class SwapBack(projectors.CheckedBoards):
    """A version becomes current although it shows less than the one before."""

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        old = self._versions.pop(expected, None)
        said = await super().swap(expected, version, built)
        if old is not None:
            self._versions[expected] = old
            if said is Said.DONE:
                old.pos.clear()
        return said


class SwapKeepsOld(projectors.CheckedBoards):
    """The swap leaves the old version's positions in place."""

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        old = self._versions.get(expected)
        pos = dict(old.pos) if old else {}
        said = await super().swap(expected, version, built)
        if old is not None:
            old.pos.update(pos)
        return said


class UnwrittenStart(projectors.CheckedBoards):
    """A position that is missing is taken for that of a new version."""

    def _restore(self, version: str) -> None:
        held = self._versions.get(version)
        if held is not None:
            for p in range(PARTITIONS):
                held.pos.setdefault(p, NEW)

    async def where(self) -> tuple[str, dict[int, str]]:
        self._restore(self._current)
        return await super().where()

    def _step(self, version: str, partition: int, start: str, target: str, change: GroupChange) -> Said:
        if version not in self._versions:
            self._versions[version] = _Version({})
        self._restore(version)
        return super()._step(version, partition, start, target, change)


class InPlace(projectors.CheckedBoards):
    """Boards are rebuilt where readers look."""

    async def begin(self, version: str, partition_count: int) -> None:
        await super().begin(version, partition_count)
        self._before, self._current, self._seen = self._current, version, ()

    async def swap(self, expected: str, version: str, built: Mapping[int, str]) -> Said:
        if self._current == version:
            self._current = expected
        return await super().swap(expected, version, built)


class HastyBuild(Projector):
    """A build is published before it has reached the end that was seen at its start."""

    async def _fill(self, version: str, shown: dict[int, Shown], ends: Mapping[int, int]) -> None:
        await super()._fill(version, shown, {p: end // 2 for p, end in ends.items()})


class SlowBuild(Projector):
    """A build that takes as long as it likes is published at the ends seen at its start."""

    async def _fill_to_an_end(self, version: str, shown: dict[int, Shown]) -> None:
        await self._fill(version, shown, await self._ends())
        self._refuse_doubtful(shown)


class TrustingBuild(Projector):
    """A build is published although rows may be missing that old batches which do not count have covered."""

    def _refuse_doubtful(self, shown: Mapping[int, Shown]) -> None: ...


class Resuming(Projector):
    """Goes on from a mark of any age."""

    def _refuse_too_old(self, records: Sequence[Any]) -> None: ...
