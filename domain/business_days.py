"""The business days of many instants at once."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.calendar import SLOT_MS, DayOf
from domain.numbering import Numbering
from domain.row_index import NONE, Rows, distinct, starts_of

_SLOT_BITS: Final = 40
ZONES_CACHED_MAX: Final = 1_024


@lru_cache(maxsize=ZONES_CACHED_MAX)
def _clock(zone: str) -> DayOf:
    """What was worked out about a zone's days serves every partition."""
    return DayOf(zone)


class BusinessDays:
    """Instants to day numbers, by zone.

    Args:
        days: the numbers of days.
    """

    def __init__(self, days: Numbering[str]) -> None:
        self._days = days
        self._zones: Numbering[str] = Numbering()
        self._clocks: list[DayOf] = []

    def zone(self, name: str) -> int:
        """The number of a zone.

        Raises:
            UnknownZone: there is no such zone.
        """
        number = self._zones[name]
        if number == len(self._clocks):
            self._clocks.append(_clock(name))
        return number

    def of(self, zones: Rows, instants_ms: NDArray[np.int64]) -> Rows:
        """The number of the calendar day of each instant in its zone (a number of ``zone``)."""
        slots = zones << _SLOT_BITS | instants_ms // SLOT_MS
        starts = starts_of(slots)  # they mostly come in the order of time: of neighbours one is looked at
        some, back = distinct(slots[starts])
        days_of_slots = np.array([self._all_through(slot) for slot in some.tolist()], np.int64)
        days = np.repeat(days_of_slots[back], np.diff(starts, append=len(slots)))
        for at in np.flatnonzero(days == NONE).tolist():  # midnight passes, or the clock changes
            days[at] = self._days[self._clocks[int(zones[at])].of(int(instants_ms[at]))]
        return days

    def _all_through(self, slot: int) -> int:
        zone, quarter_hour = divmod(slot, 1 << _SLOT_BITS)
        day = self._clocks[zone].all_through(quarter_hour)
        return NONE if day is None else self._days[day]
