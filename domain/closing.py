"""Closed years: from when a year is closed, and what comes too late for it.

Closing a year closes every year before it, and is never undone. What was recorded after a close took effect and touches
a closed year can't count. All of it follows from the facts alone: from a record's recorded time, the days that it is
about, and the closes in the order of the control stream.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Final, NamedTuple

from domain.calendar import ONE_DAY, bucket_span
from domain.limits import CLOSE_DELAY_MS
from events import reasons
from events.facts import Fact, Rejected

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST_MS, LATEST_MS = 14 * 3_600_000, 12 * 3_600_000
"""The day begins first where clocks are 14 hours before UTC, and last where they are 12 hours behind it."""

NEVER: Final = 2**63 - 1
NO_YEAR: Final = 0
"""No year is closed: years of events begin with 1970."""


class TooLate(Rejected):
    """A record touches a year that was closed before it was recorded.

    Attributes:
        year: the year that it touches, or a later one that was closed together with it.
        board: a board on which the record would be seen if the year were open.
    """

    def __init__(self, year: int, board: str) -> None:
        super().__init__(reasons.TOO_LATE, f"{year} was closed before this was recorded")
        self.year = year
        self.board = board


class ClosedTooLate(Exception):  # noqa: N818 - what happened
    """A close is learned of after records were folded that it may have refused: that can't be mended by difference.

    Attributes:
        place: which of the control facts that were to be folded it is.
    """

    def __init__(self, place: int, year: int, recorded_ms: int) -> None:
        said = EPOCH + timedelta(milliseconds=recorded_ms)
        super().__init__(
            f"the close of {year}, recorded at {said:%Y-%m-%dT%H:%M:%SZ}, is learned of after records were folded that "
            "it may refuse: the clocks of the brokers differ by too much. Skip it, and close the year again later"
        )
        self.place = place


class Retired(Exception):  # noqa: N818 - what happened to the row
    """A row of a closed year has left memory: it can't be said again from here."""


class Close(NamedTuple):
    """The word that closed a year and those before it."""

    year: int
    recorded_ms: int


class Closing:
    """The closes of a deployment, in the order of the control stream (of a file: of their recorded times).

    A close of a year that is closed already says nothing new, so the first one counts.
    """

    def __init__(self) -> None:
        self._closes: list[Close] = []
        self._effect_ms: list[int] = []

    def copy(self) -> Closing:
        """Another one that holds the same."""
        other = Closing()
        other._closes, other._effect_ms = list(self._closes), list(self._effect_ms)
        return other

    def add(self, year: int, recorded_ms: int) -> bool:
        """Take the next close; whether it closes anything."""
        if year <= self.year:
            return False
        if self._closes:  # a clock that was set back does not close the years before any earlier
            recorded_ms = max(recorded_ms, self._closes[-1].recorded_ms)
        self._closes.append(Close(year, recorded_ms))
        self._effect_ms.append(recorded_ms + CLOSE_DELAY_MS)
        return True

    @property
    def year(self) -> int:
        """The last closed year, for what stands later in the control stream."""
        return self._closes[-1].year if self._closes else NO_YEAR

    @property
    def effect_ms(self) -> int:
        """When the last close takes effect; NEVER if there is none."""
        return self._effect_ms[-1] if self._closes else NEVER

    def year_for(self, recorded_ms: int) -> int:
        """The last year that is closed to a sale, void, target or fact about a rep recorded at an instant.

        >>> closing = Closing()
        >>> closing.add(2025, 1_000)
        True
        >>> closing.year_for(1_000 + CLOSE_DELAY_MS), closing.year_for(1_001 + CLOSE_DELAY_MS)
        (0, 2025)
        """
        passed = bisect_left(self._effect_ms, recorded_ms)
        return self._closes[passed - 1].year if passed else NO_YEAR

    def next_effect_ms(self, recorded_ms: int) -> int:
        """The first instant, not before the given one, after which more is closed; NEVER if there is none."""
        passed = bisect_left(self._effect_ms, recorded_ms)
        return self._effect_ms[passed] if passed < len(self._effect_ms) else NEVER


def last_day(year: int) -> str:
    """The last day of a year."""
    return f"{year}-12-31"


def day_ends(day: str) -> tuple[int, int]:
    """(when a day is over somewhere, when it is over everywhere), UTC milliseconds.

    >>> [f"{EPOCH + timedelta(milliseconds=end):%m-%d %H:%M}" for end in day_ends("2025-12-31")]
    ['12-31 10:00', '01-01 12:00']
    """
    over = datetime.combine(date.fromisoformat(day) + ONE_DAY, datetime.min.time(), UTC)
    over_ms = (over - EPOCH) // timedelta(milliseconds=1)
    return over_ms - EARLIEST_MS, over_ms + LATEST_MS


def last_whole_day(year: int) -> str:
    """The last day of which every bucket lies in a year or before it: an ISO week may reach into the next year.

    >>> last_whole_day(2023), last_whole_day(2025)
    ('2023-12-31', '2025-12-28')
    """
    end = date(year, 12, 31)
    return (end - timedelta(days=end.isoweekday() % 7)).isoformat()


def is_closed(bucket: str, year: int) -> bool:
    """Whether a bucket lies wholly in a closed year, when this is the last one."""
    return bucket_span(bucket)[1] <= last_day(year)


def touches(day: str, year: int) -> bool:
    """Whether a day lies in a closed year, when this is the last one."""
    return day <= last_day(year)


def refuse_late_target(fact: Fact, year: int, home: str | None) -> None:
    """Judge a target: its bucket must begin after the last closed year.

    Args:
        fact: the target.
        year: the last year closed to it.
        home: the home of the rep whose target it is; for the text.

    Raises:
        TooLate: the bucket begins before the closed years end.
    """
    bucket = fact.data.bucket
    if touches(bucket_span(bucket)[0], year):
        unit_id = home if fact.data.subject.type == "rep" else fact.data.subject.id
        raise TooLate(year, board_of(unit_id, f"attainment-{fact.data.metric}", bucket))


def refuse_late_dated(fact: Fact, year: int) -> None:
    """Judge a fact about a rep or a unit: it must be true only from a day after the last closed year on.

    Raises:
        TooLate: it would change what was true in the closed years.
    """
    if touches(fact.data.effective_on, year):
        unit_id = getattr(fact.data, "unit_id", None)
        raise TooLate(year, board_of(unit_id, "revenue", fact.data.effective_on[:4]))


def refuse_early_close(fact: Fact) -> None:
    """Judge a close: the year must be over everywhere when it is recorded. A slip of the pen could not be undone.

    Raises:
        Rejected: ``in_the_future``.
    """
    over_ms = day_ends(last_day(fact.data.year))[1]
    if fact.recorded_ms < over_ms:
        over = EPOCH + timedelta(milliseconds=over_ms)
        raise Rejected(reasons.IN_THE_FUTURE, f"{fact.data.year} is over everywhere from {over:%Y-%m-%dT%H:%MZ} on")


def refuse_late_control(fact: Fact, closing: Closing) -> None:
    """Judge a fact of the control stream by the closes that stand before it.

    Raises:
        TooLate: it changes what was true in a closed year.
        Rejected: it closes a year that is not over.
    """
    if fact.type == "period.closed.v1":
        refuse_early_close(fact)
    elif closing.year and hasattr(fact.data, "effective_on"):
        refuse_late_dated(fact, closing.year)


def refuse_known_too_late(fact: Fact, place: int, closing: Closing, folded_ms: int) -> None:
    """Stop before a close that takes effect before the newest record that was folded.

    Args:
        fact: the close.
        place: where it stands among the facts that come next.
        closing: the closes known.
        folded_ms: the newest recorded time of what was folded.

    Raises:
        ClosedTooLate: what was folded may have been too late.
    """
    if fact.data.year > closing.year and fact.recorded_ms + CLOSE_DELAY_MS < folded_ms:
        raise ClosedTooLate(place, fact.data.year, fact.recorded_ms)


def board_of(unit_id: str | None, metric: str, bucket: str) -> str:
    """A board for an operator to look at; ``UNIT`` where no unit is known."""
    return f"{unit_id or 'UNIT'}/rep/{metric}/{bucket}"


class FrozenZones:
    """The zones of units as they were when a year was closed; a later fact does not move what was sold by then.

    Args:
        own: unit to the first zone that a placement of it names.
        parents: unit to the parent in its first placement.
        default_zone: the deployment's.
    """

    __slots__ = ("_default_zone", "_own", "_parents")

    def __init__(self, own: Mapping[str, str], parents: Mapping[str, str | None], default_zone: str) -> None:
        self._own = own
        self._parents = parents
        self._default_zone = default_zone

    def zone(self, unit_id: str) -> str:
        """The unit's zone: its own, else its first parent's, else the default."""
        met: set[str] = set()
        at: str | None = unit_id
        while at is not None and at not in met:
            met.add(at)
            if (zone := self._own.get(at)) is not None:
                return zone
            at = self._parents.get(at)
        return self._default_zone
