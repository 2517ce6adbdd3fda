"""The cell: what one member sold in one scope and bucket, in integers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, NamedTuple


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

new_cell: Final[Callable[[Iterable[int]], Cell]] = partial(tuple.__new__, Cell)
"""A cell of four numbers: the constructor of a named tuple takes three times as long."""
