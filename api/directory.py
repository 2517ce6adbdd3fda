"""The directory: units and reps as the store's documents tell them, kept between requests.

The documents change seldom and are read with the tag already known, so that an unchanged collection costs nothing.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime

from api.limits import DAYS_CACHED_MAX
from api.org_day import OrgDay
from domain.calendar import DayOf, bucket_span
from domain.org import OrgTree
from domain.roster import Roster
from projections.ports import DocumentsView

UNITS, REPS = "units", "reps"


class Directory:
    """The organisation and the roster, with the tag of the documents that they were read from.

    Args:
        default_zone: zone of a unit for which no placement names one.
    """

    def __init__(self, default_zone: str) -> None:
        self._default_zone = default_zone
        self._tags = {UNITS: "", REPS: ""}
        self._days: OrderedDict[str, OrgDay] = OrderedDict()
        self._zones: dict[str, DayOf] = {}
        self.tree = OrgTree(default_zone)
        self.roster = Roster()

    @property
    def known(self) -> tuple[tuple[str, str], ...]:
        """What to ask the store for: both collections, each with the tag already known."""
        return tuple(self._tags.items())

    @property
    def is_read(self) -> bool:
        """Whether the units were ever read."""
        return self._tags[UNITS] != ""

    @property
    def tag(self) -> str:
        """Changes with anything in the directory."""
        return f"{self._tags[UNITS]}|{self._tags[REPS]}"

    def adopt(self, documents: Mapping[str, DocumentsView]) -> None:
        """Take over what the store answered; a collection without documents is as it was."""
        units, reps = documents.get(UNITS), documents.get(REPS)
        if units is not None and units.documents is not None:
            self.tree = OrgTree.from_documents(self._default_zone, units.documents)
            self._tags[UNITS] = units.tag
            self._days.clear()
        if reps is not None and reps.documents is not None:
            self.roster = Roster.from_documents(reps.documents)
            self._tags[REPS] = reps.tag
            self._days.clear()

    def today(self, unit_id: str, now: datetime) -> str:
        """The business day in a unit's zone at an instant."""
        zone = self.tree.zone(unit_id)
        day_of = self._zones.get(zone)
        if day_of is None:
            day_of = self._zones[zone] = DayOf(zone)
        return day_of.of(int(now.timestamp() * 1_000))

    def on(self, day: str) -> OrgDay:
        """The tree and the roster of a day."""
        found = self._days.get(day)
        if found is None:
            found = self._days[day] = OrgDay(self.tree, self.roster, day)
            while len(self._days) > DAYS_CACHED_MAX:
                self._days.popitem(last=False)
        self._days.move_to_end(day)
        return found


def nearest_day(bucket: str, today: str) -> str:
    """Today, or the day of the bucket that is nearest to it: the day whose tree and roster a board shows.

    >>> nearest_day("2026-05", "2026-05-21"), nearest_day("2026-04", "2026-05-21"), nearest_day("2027", "2026-05-21")
    ('2026-05-21', '2026-04-30', '2027-01-01')
    """
    first, last = bucket_span(bucket)
    return min(max(today, first), last)
