"""The cell: what one member sold in one scope and bucket, in integers."""

from __future__ import annotations

from typing import NamedTuple


class Cell(NamedTuple):
    """Totals of one member in one scope and bucket.

    Attributes:
        revenue: sum of amounts in minor units of the base currency.
        quantity: sum of quantities.
        count: sale lines less return lines.
        lines: lines in effect; the member is on the board while this is above 0.
    """

    revenue: int = 0
    quantity: int = 0
    count: int = 0  # type: ignore[assignment]  # the metric's name; hides tuple.count, which a cell has no use for
    lines: int = 0

    def plus(self, other: Cell) -> Cell:
        """The sum of two cells."""
        return Cell(*(a + b for a, b in zip(self, other, strict=True)))

    def minus(self, other: Cell) -> Cell:
        """This cell less another: how a correction is differenced."""
        return Cell(*(a - b for a, b in zip(self, other, strict=True)))


EMPTY = Cell()
