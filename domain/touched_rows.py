"""Which state rows of cells the next flush renders, and how heavy they are."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.row_index import Rows, runs
from domain.rows import BUCKETS_PER_DAY

ROW_BYTES: Final = 220
REACH_BYTES: Final = 90
"""Weight of a state row of cells, and of each reach in each bucket beyond one."""


class TouchedRows:
    """Rows, each a member on a day, that changed since the last flush.

    Attributes:
        weight: bytes that they will take, roughly.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """There are none: what changed stands in the log already."""
        self.weight = 0
        self._keys: NDArray[np.uint64] = np.zeros(0, np.uint64)  # each once
        self._places: Rows = np.zeros((0, BUCKETS_PER_DAY), np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def note(self, keys: NDArray[np.uint64], places: Rows, cells_of_places: NDArray[np.int32]) -> None:
        """Rows changed.

        Args:
            keys: their keys; one may come twice.
            places: the five places of each.
            cells_of_places: how many cells every place there is has.
        """
        order, starts = runs(keys)
        first = order[starts]
        if len(self._keys):
            first = first[~np.isin(keys[first], self._keys, assume_unique=True)]
        cells = int(cells_of_places[places[first]].sum(dtype=np.int64))
        self.weight += ROW_BYTES * len(first) + REACH_BYTES * (cells - BUCKETS_PER_DAY * len(first))
        self._keys = np.concatenate((self._keys, keys[first]))
        self._places = np.concatenate((self._places, places[first]))

    def take(self) -> tuple[NDArray[np.uint64], Rows]:
        """Their keys in order, and the places of each; from here on there are none."""
        order = np.argsort(self._keys)
        taken = self._keys[order], self._places[order]
        self.clear()
        return taken
