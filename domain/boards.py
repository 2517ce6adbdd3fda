"""The names of boards, and the groups of boards that change in one step.

A board is ``UNIT/MEMBERS/METRIC/BUCKET``. Boards that the same rows change are written together, so that a reader
never sees one of them without the other: such a set is a *group*.

- ``BoardGroup``: all sales boards of one unit, member kind and bucket (revenue, quantity and count share their cells).
  Redis writes all boards of a member kind in a bucket together (ADR 19).
- ``AttainmentGroup``: whole cells, targets and attainment boards of a member kind (``rep`` or ``unit``) in a bucket.
- ``DocumentGroup``: a collection of JSON documents (units, reps, target histories, accounting).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NewType

UnitId = NewType("UnitId", str)
RepId = NewType("RepId", str)

MemberKind = Literal["rep", "unit"]
SALES_METRICS = ("revenue", "quantity", "count")
ATTAINMENT_PREFIX = "attainment-"
METRICS = (*SALES_METRICS, *(ATTAINMENT_PREFIX + m for m in SALES_METRICS))
REP = "rep"


class BadBoardName(ValueError):  # noqa: N818 - what is wrong, as the reader says it
    """The text does not name a board."""


@dataclass(frozen=True, slots=True, order=True)
class BoardName:
    """One ranking: whose members, of which kind, by what, over which period."""

    unit_id: str
    members: str
    metric: str
    bucket: str

    @classmethod
    def parse(cls, text: str) -> BoardName:
        """Read ``UNIT/MEMBERS/METRIC/BUCKET``, split at its last three slashes.

        >>> BoardName.parse("cn/store/revenue/2026-05").members
        'store'

        Raises:
            BadBoardName: fewer than four parts, an unknown metric or no bucket.
        """
        from domain.calendar import BadBucket, bucket_span

        parts = text.rsplit("/", 3)
        if len(parts) != 4 or not all(parts):
            raise BadBoardName(f"{text!r}: a board is UNIT/MEMBERS/METRIC/BUCKET")
        board = cls(*parts)
        if board.metric not in METRICS:
            raise BadBoardName(f"{text!r}: the metric is one of {', '.join(METRICS)}")
        try:
            bucket_span(board.bucket)
        except BadBucket as error:
            raise BadBoardName(f"{text!r}: {error}") from error
        return board

    def __str__(self) -> str:
        return f"{self.unit_id}/{self.members}/{self.metric}/{self.bucket}"

    @property
    def sales_metric(self) -> str:
        """``revenue`` for both ``revenue`` and ``attainment-revenue``."""
        return self.metric.removeprefix(ATTAINMENT_PREFIX)

    @property
    def is_attainment(self) -> bool:
        """Whether the score is parts per million of a target."""
        return self.metric.startswith(ATTAINMENT_PREFIX)

    @property
    def member_kind(self) -> MemberKind:
        """``rep``, or ``unit`` for any level."""
        return "rep" if self.members == REP else "unit"

    @property
    def group(self) -> BoardGroup | AttainmentGroup:
        """The group that this board is written with."""
        if self.is_attainment:
            return AttainmentGroup(self.member_kind, self.bucket)
        return BoardGroup(self.unit_id, self.members, self.bucket)


@dataclass(frozen=True, slots=True, order=True)
class BoardGroup:
    """The sales boards of one unit, member kind and bucket."""

    unit_id: str
    members: str
    bucket: str

    def __str__(self) -> str:
        return f"board:{self.unit_id}/{self.members}/{self.bucket}"


@dataclass(frozen=True, slots=True, order=True)
class AttainmentGroup:
    """Whole cells, targets and attainment boards of one member kind in one bucket."""

    kind: MemberKind
    bucket: str

    def __str__(self) -> str:
        return f"attainment:{self.kind}/{self.bucket}"


@dataclass(frozen=True, slots=True, order=True)
class DocumentGroup:
    """A collection of JSON documents by id."""

    collection: str

    def __str__(self) -> str:
        return f"documents:{self.collection}"


Group = BoardGroup | AttainmentGroup | DocumentGroup
