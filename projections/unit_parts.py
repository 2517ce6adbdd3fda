"""What every partition says of a unit, as boards in Redis hold it, and the sum of it.

A unit's sales may stand in several partitions. Boards show the sum; each partition's part is kept beside it, so that a
later part can take its place. Parts are read from the store once and kept here while nobody else writes to their
group: then a step reads nothing. A group has a *tag*, a name never used before that every write to it sets; a step
names the tag that it was worked out from, and is refused if there is another one by then.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from domain.boards import AttainmentGroup
from domain.cells import EMPTY, new_cell
from domain.rows import Reach
from projections.ports import ReachCells
from projections.texts import cell_text

HELD_UNITS_MAX: Final = 50_000
"""Units, each in a bucket, that are kept from step to step: some 50 MB."""

PartText = tuple[int, Reach, str]
"""(partition, reach, cell) of a part with several reaches."""


class Unit:
    """A unit in a bucket: the part of each partition, and their sum.

    Attributes:
        reach: that of all parts while they have one, as nearly always; None while there was no part.
        sum: while there is one reach.
        listed: else every reach that was told: its boards may hold the unit.
    """

    __slots__ = ("_parts", "_texts", "listed", "reach", "sum")

    def __init__(self) -> None:
        self.reach: Reach | None = None
        self.sum = EMPTY
        self.listed: dict[Reach, None] | None = None
        self._parts: dict[int, ReachCells] = {}  # without what is empty
        self._texts: dict[int, str] = {}  # the same as stored, while there is one reach

    def set(self, partition: int, cells: ReachCells) -> None:
        """Take what a partition says now, in place of what it said before."""
        if self.listed is not None or len(cells) != 1:
            self._mix(partition, cells)
            return
        reach, cell = cells[0]
        if reach is not self.reach:
            if self.reach is not None and reach != self.reach:
                self._mix(partition, cells)
                return
            self.reach = reach
        revenue, quantity, count, lines = cell
        r, q, c, n = self.sum
        parts = self._parts
        if (old := parts.get(partition)) is not None:
            r0, q0, c0, n0 = old[0][1]
            r, q, c, n = r - r0, q - q0, c - c0, n - n0
        self.sum = new_cell((r + revenue, q + quantity, c + count, n + lines))
        if lines or cell != EMPTY:
            parts[partition] = cells
            self._texts[partition] = f"{partition} {revenue} {quantity} {count} {lines}"
        elif old is not None:
            del parts[partition], self._texts[partition]

    def _mix(self, partition: int, cells: ReachCells) -> None:
        if self.listed is None:
            self.listed = {} if self.reach is None else {self.reach: None}
        for reach, _ in cells:
            self.listed[reach] = None
        if held := tuple(each for each in cells if each[1] != EMPTY):
            self._parts[partition] = held
        else:
            self._parts.pop(partition, None)

    @property
    def cells(self) -> ReachCells:
        """The sum by reach; also of reaches that hold nothing any more, as their boards have to be left."""
        if self.listed is None:
            return () if self.reach is None else ((self.reach, self.sum),)
        sums = dict.fromkeys(self.listed, EMPTY)
        for part in self._parts.values():
            for reach, cell in part:
                sums[reach] = sums[reach].plus(cell)
        return tuple(sums.items())

    @property
    def text(self) -> str:
        """The parts, all of one reach, as stored: partition and cell by turns; "" if there are none."""
        return " ".join(self._texts.values())

    @property
    def parts(self) -> list[PartText]:
        """The parts, of whatever reaches."""
        return [(partition, reach, cell_text(cell)) for partition, part in self._parts.items() for reach, cell in part]


@dataclass(slots=True)
class UnitGroup:
    """A group of units as the store holds it.

    Attributes:
        tag: set by the last write; "" = nothing was written yet.
        own: partition to the group's own mark.
        under_way: partition to the mark that is half written.
        units: those that are known.
        is_whole: whether the store holds no others.
    """

    tag: str = ""
    own: dict[int, int] = field(default_factory=dict)
    under_way: dict[int, int] = field(default_factory=dict)
    units: dict[str, Unit] = field(default_factory=dict)
    is_whole: bool = False

    def unknown(self, members: Iterable[str]) -> list[str]:
        """Those of some units whose parts would have to be read."""
        return [] if self.is_whole else [member for member in members if member not in self.units]

    def set(self, partition: int, mark: int, reached: Mapping[str, ReachCells]) -> dict[str, Unit]:
        """Take what a partition says at a mark; the units that it speaks of."""
        self.own[partition] = mark
        self.under_way.pop(partition, None)
        touched = {}
        for member, cells in reached.items():
            unit = self.units.get(member)
            if unit is None:
                unit = self.units[member] = Unit()
            unit.set(partition, cells)
            touched[member] = unit
        return touched


class HeldGroups(dict[AttainmentGroup, UnitGroup]):
    """Groups of units that are kept from step to step: of one version, and the last used."""

    def __init__(self, units_max: int) -> None:
        super().__init__()
        self._units_max = units_max
        self._version = ""

    def of(self, version: str) -> HeldGroups:
        """These, without those of another version."""
        if version != self._version:
            self.clear()
            self._version = version
        return self

    def used(self, groups: Sequence[AttainmentGroup]) -> None:
        """These were used just now; let go of those that were not for longest, when there are too many units."""
        for group in groups:
            if (held := self.pop(group, None)) is not None:
                self[group] = held
        count = sum(len(held.units) for held in self.values())
        for group in list(self):
            if count <= self._units_max:
                break
            count -= len(self.pop(group).units)
