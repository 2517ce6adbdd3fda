"""What a ledger knows of closed years: which records come too late for them, and which of their lines have left it.

A line that counted in a closed year stays there for ever. When its row has left memory 128 bits of it remain, so that
whatever would still change the line is recognised.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.closing import NO_YEAR
from domain.row_index import NONE, Digests, Mask, RowIndex, Rows, grown
from domain.rows import pack

BLOB_VERSION: Final = 2
"""Of a blob of lines that have left; blobs of rows have another."""

Judge = Callable[[Any], Mask]
"""Which rows hold a sale whose business day lies in a closed year."""


class ClosedLines:
    """Judges records by the last closed year, and remembers the lines that have left the ledger.

    Attributes:
        year: the last year closed to the records that come next; NO_YEAR if none.
        left_year: the last year whose lines have left the ledger; NO_YEAR if none.
    """

    def __init__(self) -> None:
        self.year = self.left_year = NO_YEAR
        self._judge: Judge = lambda rows: np.zeros(len(rows), np.bool_)
        self._digests: Digests = np.zeros((0, 2), np.uint64)
        self._years = np.zeros(0, np.uint16)
        self._index = RowIndex(lambda count: self._digests[:count, 0])
        self._refused: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self._index)

    def close(self, year: int, judge: Judge) -> None:
        """From here on records that touch this year, or one before it, are too late."""
        self.year, self._judge = year, judge

    # ---- judging
    def late(self, new: Any, met: Mask, old: Any, old_counts: Mask) -> Rows:
        """The closed year that each new row touches; NO_YEAR where it touches none.

        It touches a year by its own day, or because the line counts in that year already.

        Args:
            new: rows of different lines.
            met: those whose line is in the ledger.
            old: the ledger's rows of these.
            old_counts: whether those are in effect.
        """
        years = np.where(self._judge(new), self.year, NO_YEAR)
        years[met] = np.maximum(years[met], np.where(old_counts & self._judge(old), self.year, NO_YEAR))
        if len(self):
            years[~met] = np.maximum(years[~met], self._left_in(new["digest"][~met]))
        return years

    def refuse(self, numbers: Rows, years: Rows) -> None:
        """Note which records are too late: their numbers since the last question, and the years they touch."""
        self._refused += zip(numbers.tolist(), years.tolist(), strict=True)

    def refused(self) -> list[tuple[int, int]]:
        """(number of the record, closed year) of what was refused since the last question."""
        told, self._refused = self._refused, []
        return told

    # ---- lines that have left
    def leave(self, digests: Digests, year: int) -> None:
        """Remember lines that leave the ledger with a closed year."""
        self._add(digests, np.full(len(digests), year, np.uint16))
        self.left_year = max(self.left_year, year)

    def _add(self, digests: Digests, years: NDArray[np.uint16]) -> None:
        new = self._find(digests) == NONE
        before = len(self)
        rows = self._index.add(np.ascontiguousarray(digests[new, 0]))
        self._digests = grown(self._digests, before, len(self))
        self._years = grown(self._years, before, len(self))
        self._digests[rows], self._years[rows] = digests[new], years[new]

    def _find(self, digests: Digests) -> Rows:
        return self._index.find_digests(digests, self._digests)

    def _left_in(self, digests: Digests) -> Rows:
        """The closed year that each line has left with; NO_YEAR where it has not."""
        rows = self._find(digests)
        return np.where(rows == NONE, NO_YEAR, self._years[rows] if len(self) else NO_YEAR)

    # ---- snapshots
    def blobs(self, lines_max: int) -> Iterator[bytes]:
        """Everything that has left, so many lines at a time; at least one blob if anything may have."""
        for first in range(0, max(len(self), 1 if self.left_year else 0), lines_max):
            some = slice(first, min(first + lines_max, len(self)))
            yield pack((BLOB_VERSION, self.left_year, self._digests[some].tobytes(), self._years[some].tobytes()))

    def load(self, left_year: int, digests: bytes, years: bytes) -> None:
        """Take what a blob holds; any order and repetition gives the same."""
        self._add(np.frombuffer(digests, np.uint64).reshape(-1, 2), np.frombuffer(years, np.uint16))
        self.left_year = max(self.left_year, left_year)
