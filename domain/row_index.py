"""Finds rows of packed columns by their keys, many at a time: open addressing in one array of row numbers.

A dict of a million keys costs some hundred bytes a key and a step of Python each; this costs 6 to 9 bytes a row, and a
whole batch is looked up by a few passes over arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Hashes = NDArray[np.uint64]
Digests = NDArray[np.uint64]
"""Keys of 128 bits: two halves each."""

Mask = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

NONE = -1
"""No row."""

SLOTS_MIN = 64
LOAD_MAX = 0.7
"""Filled share of the slots above which there are made more."""

GROWTH = 1.5
LARGE_BYTES = 1 << 20
"""From here on a worker has the C library give an array pages of its own (see ``processors.process_memory``)."""

FEW_KEYS = 128
WINDOW = 8
"""A pass over arrays costs microseconds however short they are: so few keys look at so many slots at once."""

_WINDOW = np.arange(WINDOW)
_HALF = np.uint64(32)
_LOW = np.uint64(2**32 - 1)
_MIX = np.uint64(0x9E3779B97F4A7C15)


def mixed(keys: NDArray[np.uint64]) -> Hashes:
    """Hashes of 64-bit keys that are not random themselves: multiplied by 2^64 over the golden ratio (Knuth)."""
    return keys * _MIX


class RowIndex:
    """Hashes to row numbers; keys themselves stay in the caller's columns.

    Args:
        hashes_of: the hashes of the rows from 0 to n - 1; asked when the index grows.
    """

    __slots__ = ("_count", "_hashes_of", "_slots")

    def __init__(self, hashes_of: Callable[[int], Hashes]) -> None:
        self._hashes_of = hashes_of
        self._slots = np.full(SLOTS_MIN, NONE, np.int32)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def find(self, hashes: Hashes, same: Callable[[Rows, Rows], Mask]) -> Rows:
        """The row of each key, or NONE.

        Args:
            hashes: of the keys.
            same: (rows, places) -> whether the key at each place of ``hashes`` is that of the row.
        """
        slots, size = self._slots, len(self._slots)
        found = np.full(len(hashes), NONE, np.int64)
        if not self._count:
            return found
        at, asked = self._first_slots(hashes), np.arange(len(hashes))
        while len(asked) > FEW_KEYS:
            rows = slots[at].astype(np.int64)
            met = rows != NONE
            if not met.all():
                asked, at, rows = asked[met], at[met], rows[met]
            equal = same(rows, asked)
            found[asked[equal]] = rows[equal]
            other = ~equal
            asked, at = asked[other], at[other] + 1
            at[at == size] = 0
        while len(asked):
            rows = self._window(at)
            free = rows == NONE
            equal = same(rows.ravel(), asked.repeat(WINDOW)).reshape(rows.shape) & ~free
            # Rows never leave an index, so none stands behind the free slot where the looking ends.
            which, where = np.nonzero(equal)
            found[asked[which]] = rows[which, where]
            on = ~(equal | free).any(axis=1)
            asked, at = asked[on], at[on] + WINDOW
        return found

    def find_digests(self, digests: Digests, known: Digests) -> Rows:
        """The row of each digest, or NONE; the first half of a digest is its hash.

        Args:
            digests: to find.
            known: those of the rows.
        """
        halves, rest = np.ascontiguousarray(digests.T)
        known_halves, known_rest = known.T

        def same(rows: Rows, asked: Rows) -> Mask:
            equal: Mask = known_halves[rows] == halves[asked]
            at = np.flatnonzero(equal)  # of most the other half need not be looked at
            equal[at] = known_rest[rows[at]] == rest[asked[at]]
            return equal

        return self.find(halves, same)

    def add(self, hashes: Hashes) -> Rows:
        """Enter rows under keys that are different and not yet here; they get the next numbers, in order."""
        rows = np.arange(self._count, self._count + len(hashes), dtype=np.int64)
        self._count += len(hashes)
        if self._count > LOAD_MAX * len(self._slots):
            self._slots = np.full(max(SLOTS_MIN, int(self._count / LOAD_MAX * GROWTH)), NONE, np.int32)
            before = int(rows[0])
            self._enter_first(np.concatenate((self._hashes_of(before), hashes)))
        else:
            self._enter(rows, hashes)
        return rows

    def _first_slots(self, hashes: Hashes) -> Rows:
        # The upper half of the hash, spread over any number of slots without a division.
        return ((hashes >> _HALF) * np.uint64(len(self._slots)) >> _HALF).astype(np.int64)

    def _window(self, at: Rows) -> Rows:
        """The rows of ``WINDOW`` slots from each place on; after the last slot comes the first."""
        rows: Rows = self._slots.take(at[:, None] + _WINDOW, mode="wrap").astype(np.int64)
        return rows

    def _enter_first(self, hashes: Hashes) -> None:
        """Enter the rows from 0 on while all slots are free: sorted by hash, each stands right where the others end."""
        rows = np.argsort(hashes)
        ordered = hashes.take(rows)
        places = np.arange(len(rows))
        at = np.maximum.accumulate(self._first_slots(ordered) - places) + places
        fit = int(np.searchsorted(at, len(self._slots)))
        self._slots[at[:fit]] = rows[:fit]
        self._enter(rows[fit:], ordered[fit:])

    def _enter(self, rows: Rows, hashes: Hashes) -> None:
        slots, size = self._slots, len(self._slots)
        at = self._first_slots(hashes)
        while len(rows):
            if len(rows) <= FEW_KEYS:
                at = self._next_free(at)
            free = slots[at] == NONE
            slots[at[free]] = rows[free]  # of several that want one slot, one gets it
            lost = slots[at] != rows
            rows, at = rows[lost], at[lost] + 1
            at[at == size] = 0

    def _next_free(self, at: Rows) -> Rows:
        """The first free slot from each place on, or the last slot of its window."""
        free = self._window(at) == NONE
        free[:, -1] = True
        slots: Rows = (at + free.argmax(axis=1)) % len(self._slots)
        return slots


def grown(column: NDArray[Scalar], used: int, count: int) -> NDArray[Scalar]:
    """A column with room for `count` rows: itself, or a copy of the rows in use with more to spare. New rows are zero.

    Pages of a large array that nobody has written to take no memory, so of those there is more to spare.
    """
    if count <= len(column):
        return column
    size = max(64, count + count // (2 if count * column.strides[0] >= LARGE_BYTES else 8))
    larger: NDArray[Scalar] = np.zeros((size, *column.shape[1:]), column.dtype)
    larger[:used] = column[:used]
    return larger


def put_rows(columns: NDArray[Any], at: Rows, rows: NDArray[Any]) -> None:
    """Overwrite rows of columns side by side, each as one thing: a tenth of the time that numpy takes for numbers."""
    row = np.dtype((np.void, columns.itemsize * columns.shape[1]))
    columns.view(row)[:, 0].put(at, rows.view(row)[:, 0])


def runs(keys: NDArray[Any]) -> tuple[Rows, Rows]:
    """Equal keys side by side: (an order, the places in it where another key begins)."""
    order = np.argsort(keys)
    return order, starts_of(keys.take(order))


def distinct(keys: NDArray[Scalar]) -> tuple[NDArray[Scalar], Rows]:
    """(the different keys in order, the place of each key among them): ``numpy.unique``, a third as dear for few."""
    order = np.argsort(keys)
    ordered = keys.take(order)
    differ = _differ(ordered)
    back = np.empty(len(keys), np.int64)
    back[order] = np.cumsum(differ) - 1
    return ordered[differ], back


def starts_of(keys: NDArray[Any]) -> Rows:
    """The places where another key begins than the one before."""
    return np.flatnonzero(_differ(keys))


def _differ(keys: NDArray[Any]) -> Mask:
    """Which keys are not equal to the one before."""
    differ = np.empty(len(keys), np.bool_)
    differ[:1] = True
    np.not_equal(keys[1:], keys[:-1], out=differ[1:])
    return differ


def joined(high: Rows, low: Rows) -> NDArray[np.uint64]:
    """Two numbers below 2^32 as one key."""
    return high.astype(np.uint64) << _HALF | low.astype(np.uint64)


def parted(keys: NDArray[np.uint64]) -> tuple[Rows, Rows]:
    """The two numbers of each key."""
    return (keys >> _HALF).astype(np.int64), (keys & _LOW).astype(np.int64)


def summed(numbers: NDArray[np.int64], order: Rows, starts: Rows) -> NDArray[np.int64]:
    """The sums, in int64, of the rows of each run (see `runs`); none if there are no rows."""
    return np.add.reduceat(numbers.take(order, axis=0), starts, axis=0) if len(order) else numbers[:0]
