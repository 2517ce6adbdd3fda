"""Who is credited with the sales of a chain of units, and on whose boards: numbered, many chains at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from domain.boards import REP
from domain.numbering import Numbering
from domain.org import Chain
from domain.row_index import Rows
from domain.totals import Totals


class _Arrays(NamedTuple):
    """What `Credits` keeps in lists, for many at a time."""

    rep_reaches: Rows
    flat: Rows
    starts: Rows
    members: Rows
    reaches: Rows


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
        self._starts: list[int] = [0]  # where the credits of each chain begin, and where those of the last one end
        self._rep_reaches: list[int] = []
        self._flat: list[int] = []  # the credits of all chains, one chain after the other
        self._arrays = _Arrays(*(np.zeros(0, np.int64) for _ in _Arrays._fields))

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

    def _current(self) -> _Arrays:
        """The lists as arrays; these are only made longer, for to read lists of thousands costs more than a flush."""
        known = self._arrays
        if len(known.rep_reaches) != len(self._rep_reaches):
            credits = self._credits.things[len(known.members) :]
            self._arrays = _Arrays(
                _longer(known.rep_reaches, self._rep_reaches),
                _longer(known.flat, self._flat),
                _longer(known.starts, self._starts),
                np.append(known.members, np.array([member for member, _ in credits], np.int64)),
                np.append(known.reaches, np.array([reach for _, reach in credits], np.int64)),
            )
        return self._arrays

    def rep_reaches(self, chains: Rows) -> Rows:
        """Where a rep's sales of each chain count: in all its scopes."""
        return self._current().rep_reaches[chains]

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
        known = self._current()
        return known.members[credits], known.reaches[credits]


def _longer(known: Rows, things: Sequence[int]) -> Rows:
    return np.append(known, np.array(things[len(known) :], np.int64))
