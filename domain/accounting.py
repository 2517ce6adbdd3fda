"""Accounting: every record read has exactly one outcome."""

from __future__ import annotations

from collections.abc import Mapping

APPLIED = "applied"
DUPLICATE = "duplicate"
SUPERSEDED = "superseded"
FORWARDED = "forwarded"
DEAD_LETTERED = "dead_lettered"
OUTCOMES = (APPLIED, DUPLICATE, SUPERSEDED, FORWARDED, DEAD_LETTERED)


class Accounting:
    """Counts of records by outcome; ``read`` is their sum by construction.

    >>> books = Accounting()
    >>> books.add(APPLIED); books.add(DUPLICATE, 2)
    >>> books.as_dict()["read"]
    3
    """

    __slots__ = ("counts",)

    def __init__(self, counts: Mapping[str, int] | None = None) -> None:
        self.counts = dict.fromkeys(OUTCOMES, 0)
        for outcome in OUTCOMES:
            self.counts[outcome] = (counts or {}).get(outcome, 0)

    def add(self, outcome: str, count: int = 1) -> None:
        """Count records; KeyError if the outcome is unknown."""
        self.counts[outcome] += count

    def plus(self, other: Accounting) -> Accounting:
        """The accounts of two partitions together."""
        return Accounting({o: self.counts[o] + other.counts[o] for o in OUTCOMES})

    @property
    def read(self) -> int:
        """Records read."""
        return sum(self.counts.values())

    def as_dict(self) -> dict[str, int]:
        """``read`` and every outcome, for JSON."""
        return {"read": self.read, **self.counts}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Accounting) and self.counts == other.counts

    __hash__ = None  # type: ignore[assignment]  # mutable
