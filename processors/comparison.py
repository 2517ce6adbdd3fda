"""Compares a group of live boards with what the log says of it: sets and cells apart, in integers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from domain.attainment import attainment_ppm
from domain.boards import ATTAINMENT_PREFIX, SALES_METRICS, AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from projections.ports import GroupChange, GroupDump, Targets


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that a live board says and the log does not, or the reverse.

    Attributes:
        board: name of the board, or of the group for cells and documents.
        member_id: whose row.
        what: ``score`` (the sorted set), ``cell``, ``part`` (one partition's of a cell), ``target`` or ``document``.
        expected: by the log; None = not there.
        found: on the board; None = not there.
    """

    board: str
    member_id: str
    what: str
    expected: str | None
    found: str | None

    def as_json(self) -> dict[str, Any]:
        """For ``--output json``."""
        return asdict(self)


@dataclass(slots=True)
class ExpectedGroup:
    """What the log says of a group, summed over partitions at the group's own as_of."""

    cells: dict[str, Cell] = field(default_factory=dict)
    parts: dict[tuple[str, int], Cell] = field(default_factory=dict)
    targets: dict[str, Targets] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)

    def add(self, partition: int, change: GroupChange) -> None:
        """Add a partition's part."""
        for member_id, cell in change.cells.items():
            if cell != EMPTY:
                self.cells[member_id] = self.cells.get(member_id, EMPTY).plus(cell)
                self.parts[member_id, partition] = cell
        self.targets.update(change.targets)
        self.documents.update(change.documents)


class Tally(Protocol):
    """Counts what was compared and keeps the differences."""

    boards_compared: int
    rows_compared: int
    differences: list[Difference]


def compare(group: Group, expected: ExpectedGroup, found: GroupDump | None, tally: Tally) -> None:
    """Compare one group; a group that is not there is compared with nothing."""
    dump = found or GroupDump(group, {}, {}, {}, {}, {}, {})
    match group:
        case BoardGroup():
            _compare_sales(group, expected, dump, tally)
        case AttainmentGroup():
            _compare_attainment(group, expected, dump, tally)
        case DocumentGroup():
            tally.differences += _differences(str(group), "document", expected.documents, dump.documents)


def _compare_cells(group: Group, expected: ExpectedGroup, dump: GroupDump, tally: Tally) -> dict[str, Cell]:
    """Compare sums, and the parts that the next flush will take them from; returns the cells that should be there."""
    cells = {member: cell for member, cell in expected.cells.items() if cell != EMPTY}
    held = {member: cell for member, cell in dump.cells.items() if cell != EMPTY}
    tally.differences += _differences(str(group), "cell", _texts(cells), _texts(held))
    parts = {f"{member} in partition {p}": cell for (member, p), cell in expected.parts.items()}
    held_parts = {f"{member} in partition {p}": cell for (member, p), cell in dump.parts.items() if cell != EMPTY}
    tally.differences += _differences(str(group), "part", _texts(parts), _texts(held_parts))
    return cells


def _compare_sales(group: BoardGroup, expected: ExpectedGroup, dump: GroupDump, tally: Tally) -> None:
    cells = _compare_cells(group, expected, dump, tally)
    revenue = BoardName(group.unit_id, group.members, "revenue", group.bucket)
    scores = {member: str(cell.revenue) for member, cell in cells.items() if cell.lines > 0}
    shown = {member: _number(score) for member, score in dump.sets.get(revenue, {}).items()}
    tally.differences += _differences(str(revenue), "score", scores, shown)
    _no_other_sets(dump, {revenue}, tally)
    # Revenue, quantity and count are ranked from these cells.
    tally.boards_compared += len(SALES_METRICS)
    tally.rows_compared += len(SALES_METRICS) * len(scores.keys() | shown.keys())


def _compare_attainment(group: AttainmentGroup, expected: ExpectedGroup, dump: GroupDump, tally: Tally) -> None:
    _compare_cells(group, expected, dump, tally)
    targets = {member: repr(said) for member, said in expected.targets.items() if said[1]}
    held_targets = {member: repr(said) for member, said in dump.targets.items() if said[1]}
    tally.differences += _differences(str(group), "target", targets, held_targets)
    boards = _attainment_boards(group, expected)
    for name in boards.keys() | dump.sets.keys():
        scores = boards.get(name, {})
        shown = {member: _number(score) for member, score in dump.sets.get(name, {}).items()}
        tally.differences += _differences(str(name), "score", scores, shown)
        tally.boards_compared += 1
        tally.rows_compared += len(scores.keys() | shown.keys())


def _attainment_boards(group: AttainmentGroup, expected: ExpectedGroup) -> dict[BoardName, dict[str, str]]:
    boards: dict[BoardName, dict[str, str]] = {}
    for member, (stands, targets) in expected.targets.items():
        for metric, target in targets:
            total: int = getattr(expected.cells.get(member, EMPTY), metric)
            for unit_id, members in stands:
                name = BoardName(unit_id, members, ATTAINMENT_PREFIX + metric, group.bucket)
                boards.setdefault(name, {})[member] = str(attainment_ppm(total, target))
    return boards


def _no_other_sets(dump: GroupDump, known: set[BoardName], tally: Tally) -> None:
    for name in dump.sets.keys() - known:
        shown = {member: _number(score) for member, score in dump.sets[name].items()}
        tally.differences += _differences(str(name), "score", {}, shown)


def _differences(board: str, what: str, expected: dict[str, str], found: dict[str, str]) -> Iterator[Difference]:
    for member in sorted(expected.keys() | found.keys()):
        if expected.get(member) != found.get(member):
            yield Difference(board, member, what, expected.get(member), found.get(member))


def _texts(cells: dict[str, Cell]) -> dict[str, str]:
    return {member: " ".join(map(str, cell)) for member, cell in cells.items()}


def _number(score: float) -> str:
    """A score as text: a whole number without a point, and a fraction as it is, since it can only be wrong."""
    return str(int(score)) if math.isfinite(score) and score == int(score) else str(score)


def sample(differences: Iterable[Difference], count: int) -> list[Difference]:
    """The first few, scores first: they are what people see."""
    return sorted(differences, key=lambda found: (found.what != "score", found.board, found.member_id))[:count]
