"""Standings: the rows of a board, from its entries, targets and names. Pure: same board, same rows.

What depends on the day (previous rank, figures per remaining selling day) is computed beside the rows by functions that
take that day's cells or its count of days.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from domain.attainment import PPM, attainment_ppm
from domain.boards import BoardName, MemberKind
from domain.calendar import bucket_kind
from domain.cells import EMPTY, Cell
from domain.ranking import TiePolicy, order, ranks


class Entry(Protocol):
    """One member of a board as stored. On an attainment board the cell is the whole cell and there is a target."""

    @property
    def member_id(self) -> str:
        """Who."""
        ...

    @property
    def score(self) -> int:
        """The number that ranks."""
        ...

    @property
    def cell(self) -> Cell:
        """What the member sold here."""
        ...

    @property
    def target(self) -> int | None:
        """The target that the score is a part of."""
        ...


class Goals(Protocol):
    """Whole cells and targets (by metric) of the members of a kind in a bucket."""

    @property
    def whole(self) -> Mapping[str, Cell]:
        """Member to its whole cell."""
        ...

    @property
    def targets(self) -> Mapping[str, Mapping[str, int]]:
        """Member to metric to target."""
        ...


@dataclass(frozen=True, slots=True)
class NoGoals:
    """Nobody has a target."""

    whole: Mapping[str, Cell]
    targets: Mapping[str, Mapping[str, int]]


NO_GOALS = NoGoals({}, {})


@dataclass(frozen=True, slots=True)
class Standing:
    """One row of a board.

    Attributes:
        rank: from 1, shared on ties; None for an absent member.
        member_id: who.
        member_kind: ``rep`` or ``unit``.
        display_name: the member's name.
        score: minor units, pieces, sale lines, or parts per million of the target.
        cell: what the member sold in this board's scope; on an attainment board everywhere.
        target: the member's target for the board's metric and bucket.
        attainment_ppm: the member's whole total over its target, whatever part of it counts here.
        contribution_ppm: the score as a part of all scores; None on attainment boards and when the sum is not above 0.
        gap_above: distance to the next higher score; None at the top.
        remaining: what is missing to the target; 0 once it is reached.
    """

    rank: int | None
    member_id: str
    member_kind: MemberKind
    display_name: str
    score: int
    cell: Cell
    target: int | None
    attainment_ppm: int | None
    contribution_ppm: int | None
    gap_above: int | None
    remaining: int | None

    def as_json(self) -> dict[str, Any]:
        """The row for JSON: amounts and scores, which may need 64 bits, as strings; ranks and parts as numbers."""
        return {
            "rank": self.rank,
            "member_id": self.member_id,
            "member_kind": self.member_kind,
            "display_name": self.display_name,
            "score": str(self.score),
            "cell": {name: str(value) for name, value in self.cell._asdict().items()},
            "target": _text(self.target),
            "attainment_ppm": self.attainment_ppm,
            "contribution_ppm": self.contribution_ppm,
            "gap_above": _text(self.gap_above),
            "remaining": _text(self.remaining),
        }


def standings(
    name: BoardName,
    entries: Iterable[Entry],
    *,
    goals: Goals = NO_GOALS,
    names: Callable[[str], str] = str,
    policy: TiePolicy = "competition",
) -> list[Standing]:
    """The rows of a board, all of them, in total order.

    Args:
        name: the board.
        entries: every member on it, in any order.
        goals: targets and whole cells of the members' kind in the board's bucket.
        names: gives a member's display name; without it the id is shown.
        policy: how equal scores are ranked.
    """
    ordered = order(entries)
    sum_of_scores = 0 if name.is_attainment else sum(entry.score for entry in ordered)
    rows: list[Standing] = []
    better: int | None = None  # the next higher score
    last: int | None = None
    for entry, rank in zip(ordered, ranks([entry.score for entry in ordered], policy), strict=True):
        if entry.score != last:
            better, last = last, entry.score
        target, total = _target_and_total(name, entry, goals)
        rows.append(
            Standing(
                rank=rank,
                member_id=entry.member_id,
                member_kind=name.member_kind,
                display_name=names(entry.member_id),
                score=entry.score,
                cell=entry.cell,
                target=target,
                attainment_ppm=None if target is None else attainment_ppm(total, target),
                contribution_ppm=entry.score * PPM // sum_of_scores if sum_of_scores > 0 else None,
                gap_above=None if better is None else better - entry.score,
                remaining=None if target is None else max(0, target - total),
            )
        )
    return rows


def absent(name: BoardName, member_id: str, *, goals: Goals = NO_GOALS, names: Callable[[str], str] = str) -> Standing:
    """The row of a member of the roster who is not on the board: no rank, nothing sold here."""
    target = goals.targets.get(member_id, {}).get(name.sales_metric) or None
    total: int = getattr(goals.whole.get(member_id, EMPTY), name.sales_metric)
    return Standing(
        rank=None,
        member_id=member_id,
        member_kind=name.member_kind,
        display_name=names(member_id),
        score=0,
        cell=EMPTY,
        target=target,
        attainment_ppm=None if target is None else attainment_ppm(total, target),
        contribution_ppm=None,
        gap_above=None,
        remaining=None if target is None else max(0, target - total),
    )


def previous_ranks(
    name: BoardName,
    entries: Iterable[Entry],
    day_cells: Mapping[str, Cell],
    policy: TiePolicy = "competition",
) -> dict[str, int | None]:
    """Every member's rank on the daily close: the board without today's business day.

    On a sales board a member without lines before today has no previous rank; on an attainment board, where a target is
    enough to stand, everyone has one. On a day board nobody has.

    Args:
        name: the board.
        entries: every member on it.
        day_cells: the same members' cells of today in the same scope (whole cells for an attainment board); empty when
            today is not in the board's bucket.
        policy: how equal scores are ranked.
    """
    entries = list(entries)
    found: dict[str, int | None] = dict.fromkeys((entry.member_id for entry in entries), None)
    if bucket_kind(name.bucket) == "day":
        return found
    closed = [_without(name, entry, day_cells.get(entry.member_id, EMPTY)) for entry in entries]
    on_close = order(entry for entry in closed if name.is_attainment or entry.cell.lines > 0)
    for entry, rank in zip(on_close, ranks([entry.score for entry in on_close], policy), strict=True):
        found[entry.member_id] = rank
    return found


@dataclass(frozen=True, slots=True)
class _Closed:
    """A member's entry on the daily close."""

    member_id: str
    score: int
    cell: Cell


def _without(name: BoardName, entry: Entry, today: Cell) -> _Closed:
    cell = entry.cell.minus(today)
    total: int = getattr(cell, name.sales_metric)
    if not name.is_attainment:
        return _Closed(entry.member_id, total, cell)
    return _Closed(entry.member_id, attainment_ppm(total, _own_target(name, entry)), cell)


def _own_target(name: BoardName, entry: Entry) -> int:
    if entry.target is None:
        raise ValueError(f"{name}: {entry.member_id} stands on an attainment board without a target")
    return entry.target


def _target_and_total(name: BoardName, entry: Entry, goals: Goals) -> tuple[int | None, int]:
    """The member's target for the board's metric, and its whole total towards it."""
    if name.is_attainment:
        return _own_target(name, entry), getattr(entry.cell, name.sales_metric)
    target = goals.targets.get(entry.member_id, {}).get(name.sales_metric) or None
    return target, getattr(goals.whole.get(entry.member_id, EMPTY), name.sales_metric)


def per_day(amount: int | None, selling_days_left: int) -> int | None:
    """How much a day makes an amount over the selling days left, today included: rounded up; None without a day left.

    Serves ``gap_above_per_day`` (from ``gap_above``) and ``required_per_day`` (from ``remaining``).

    >>> per_day(10, 3), per_day(0, 3), per_day(10, 0), per_day(None, 3)
    (4, 0, None, None)
    """
    if amount is None or selling_days_left <= 0:
        return None
    return -(-amount // selling_days_left)


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)
