"""Rows of the ledger: what a line is packed into, and what is read from many of them at once."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain.row_index import Mask, Rows

Sale = tuple[int, int, str, int, int, str, str, str, str]
"""(revision, occurred_ms, unit_id, amount_minor, quantity, product_id, category, channel, returns): greatest counts."""

Line = tuple[bool, Sale | None]
"""(voided, the greatest sale known): a void may come before its sale."""

Packed = NDArray[np.void]

ROW: Final = np.dtype(
    [
        ("digest", "<u8", (2,)),
        ("occurred_ms", "<i8"),
        ("numbers", "<i8"),
        ("revision", "<i4"),
        ("pair", "<u4"),
        ("detail", "<u4"),
        ("returns", "<u4"),
    ]
)
"""A line. ``revision`` is NO_SALE while only its void is known; ``numbers`` is amount, quantity and whether it is void,
see `numbers_of`; the others are numbers of (rep_id, unit_id), of (product_id, category, channel) and of ``returns``."""

NO_SALE: Final = -1
PACK: Final = struct.Struct("<16sqqiIII").pack
_QUANTITY_BITS: Final = 21
_QUANTITY_BIAS: Final = 1 << 20  # above QUANTITY_MAX
_QUANTITY_MASK: Final = (1 << _QUANTITY_BITS) - 1


def numbers_of(amount_minor: int, quantity: int) -> int:
    """Amount (up to 10^11) and quantity (up to 10^6) of a line that is not void, in 60 bits of one integer."""
    return (amount_minor << _QUANTITY_BITS | quantity + _QUANTITY_BIAS) << 1


VOID: Final = numbers_of(0, 0) | 1


class Effects(NamedTuple):
    """Rows whose sales entered or left what counts: ``signs`` +1 or -1 a row."""

    rows: Packed
    signs: NDArray[np.int64]

    @classmethod
    def entered(cls, rows: Packed) -> Effects:
        """All of them enter."""
        return cls(rows, np.ones(len(rows), np.int64))


def amounts_of(rows: Packed) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(amount_minor, quantity) of rows."""
    numbers = rows["numbers"] >> 1
    return numbers >> _QUANTITY_BITS, (numbers & _QUANTITY_MASK) - _QUANTITY_BIAS


def counting(rows: Packed) -> Mask:
    """Which rows are in effect: with a sale, and not void."""
    counts: Mask = (rows["revision"] != NO_SALE) & (rows["numbers"] & 1 == 0)
    return counts


def equal_sales(new: Packed, old: Packed) -> Mask:
    """Where two rows of a line hold the same sale."""
    equal: Mask = (new["numbers"] >> 1) == (old["numbers"] >> 1)
    for column in ("occurred_ms", "revision", "pair", "detail", "returns"):
        equal &= new[column] == old[column]
    return equal


def rounds(rows: Packed) -> Iterator[Rows]:
    """The places of rows in order, in pieces that hold every line once: a line's records follow each other."""
    turn = np.zeros(len(rows), np.int64)
    again = _perhaps_several(rows["digest"][:, 0])
    digests = rows.take(again)["digest"]
    order = np.lexsort((digests[:, 1], digests[:, 0]))
    ordered = digests[order]
    first = np.ones(len(again), np.bool_)
    np.any(ordered[1:] != ordered[:-1], axis=1, out=first[1:])
    places = np.arange(len(again))
    turn[again[order]] = places - np.maximum.accumulate(np.where(first, places, 0))
    for number in range(int(turn.max(initial=0)) + 1):
        yield np.flatnonzero(turn == number)


def _perhaps_several(hashes: NDArray[np.uint64]) -> Rows:
    """The places, in order, of hashes that come more than once: of most lines there is one record."""
    ordered = np.sort(hashes)
    several = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.flatnonzero(np.isin(hashes, several)) if len(several) else np.zeros(0, np.int64)


def amount_and_quantity(numbers: int) -> tuple[int, int]:
    """(amount_minor, quantity) of a row's ``numbers``."""
    return numbers >> (_QUANTITY_BITS + 1), (numbers >> 1 & _QUANTITY_MASK) - _QUANTITY_BIAS
