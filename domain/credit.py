"""Who is credited with the sales of a chain of units, and on whose boards: numbered, many chains at a time."""

from __future__ import annotations

import numpy as np

from domain.boards import REP
from domain.numbering import Numbering
from domain.org import Chain
from domain.row_index import Rows
from domain.totals import Totals


class Credits:
    """Chains of units by number, and for each the reach of its reps and the credits of its units.

    A *credit* is (unit, reach): a unit of a chain, and where its sales count by that chain.

    Args:
        totals: has the numbers of members and reaches.
    """

    def __init__(self, totals: Totals) -> None:
        self._totals = totals
        self._chains: Numbering[Chain] = Numbering()
        self._credits: Numbering[tuple[int, int]] = Numbering()
        self._rep_reaches: list[int] = []
        self._flat: list[int] = []  # the credits of all chains, one chain after the other
        self._starts: list[int] = [0]
        self._arrays = self._as_arrays()

    def chain(self, chain: Chain) -> int:
        """The number of a chain."""
        number = self._chains[chain]
        if number == len(self._rep_reaches):
            self._learn(chain)
        return number

    def _learn(self, chain: Chain) -> None:
        members, reaches = self._totals.members, self._totals.reaches
        ids = tuple(unit_id for unit_id, _ in chain)
        self._rep_reaches.append(reaches[REP, ids])
        for at, (unit_id, level) in enumerate(chain):
            reach = (level or "", ids[at + 1 :] if level is not None else ())
            self._flat.append(self._credits[members["unit", unit_id], reaches[reach]])
        self._starts.append(len(self._flat))

    def _as_arrays(self) -> tuple[Rows, Rows, Rows, Rows, Rows]:
        credits = np.array(self._credits.things, np.int64).reshape(-1, 2)
        return (
            np.array(self._rep_reaches, np.int64),
            np.array(self._flat, np.int64),
            np.array(self._starts, np.int64),
            credits[:, 0],
            credits[:, 1],
        )

    def _current(self) -> tuple[Rows, Rows, Rows, Rows, Rows]:
        if len(self._arrays[0]) != len(self._rep_reaches):
            self._arrays = self._as_arrays()
        return self._arrays

    def rep_reaches(self, chains: Rows) -> Rows:
        """Where a rep's sales of each chain count: in all its scopes."""
        return self._current()[0][chains]

    def of(self, chains: Rows) -> tuple[Rows, Rows]:
        """The credits of each chain, one after the other: (place of the chain in ``chains``, credit)."""
        _, flat, starts, _, _ = self._current()
        lengths = starts[chains + 1] - starts[chains]
        ends = np.cumsum(lengths)
        places = np.repeat(np.arange(len(chains)), lengths)
        within = np.arange(len(places)) - np.repeat(ends - lengths, lengths)
        return places, flat[np.repeat(starts[chains], lengths) + within]

    def members_and_reaches(self, credits: Rows) -> tuple[Rows, Rows]:
        """The member and the reach of each credit."""
        _, _, _, members, reaches = self._current()
        return members[credits], reaches[credits]
