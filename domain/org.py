"""The organisation: which unit stands under which on a day, its zone, its leader, its selling days.

The tree is effective-dated: a placement says "unit U stands under parent P from day D". The tree of a day is made of
the placements in force on it. Facts may come late, twice and in any order; the tree depends on their set alone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from domain.accounting import APPLIED
from domain.calendar import zone_exists
from domain.closing import Closing, FrozenZones, day_ends, last_day
from domain.facts_by_date import DatedFact, FactDocument, FactsByDate, dated_fact, read_fact, read_facts
from domain.limits import CHAIN_DAYS_MAX, CHAIN_UNITS_MAX, CHAINS_CACHED_MAX
from domain.selling_days import days_between, is_selling_day
from events.facts import Fact

PLACED = "unit.placed.v1"
CLOSED = "unit.closed.v1"
LED = "unit.led.v1"
CALENDAR = "calendar.set.v1"
PERIOD_CLOSED = "period.closed.v1"
SKIPPED = "record.skipped.v1"

UNIT_TYPES = (PLACED, CLOSED, LED, CALENDAR)
CONTROL_TYPES = (*UNIT_TYPES, PERIOD_CLOSED, SKIPPED)

Chain = tuple[tuple[str, str | None], ...]
"""((unit, level), (parent, level), …) of one day; the level is None while no placement is in force."""


class OrgTree:
    """Everything known of the units, and what follows from it for a day.

    Args:
        default_zone: zone of a unit for which no placement names one.
        chains_max: chains remembered; they are forgotten together when there are more.

    Attributes:
        closing: which years are closed, by the closes taken so far.
        frozen_zones: (instant, zones) for every close, in order: before that instant, the end of the closed year
            everywhere, a unit's zone is what it was at that close, for ever.

    Raises:
        ValueError: the default zone does not exist.
    """

    def __init__(self, default_zone: str, chains_max: int = CHAINS_CACHED_MAX) -> None:
        if not zone_exists(default_zone):
            raise ValueError(f"{default_zone!r} is no time zone")
        self.default_zone = default_zone
        self._chains_max = chains_max
        self._units = FactsByDate()
        self._others = FactsByDate()  # closed years and skipped records: about no unit
        self._ever_under: dict[str, set[str]] = {}  # parent -> units that a placement ever put there
        self._has_calendars = False
        self.closing = Closing()
        self.frozen_zones: list[tuple[int, FrozenZones]] = []
        self._forget()

    def copy(self) -> OrgTree:
        """Another tree that holds the same; each may change without the other."""
        other = OrgTree(self.default_zone, self._chains_max)
        other._units, other._others = self._units.copy(), self._others.copy()
        other._ever_under = {parent: set(units) for parent, units in self._ever_under.items()}
        other._has_calendars = self._has_calendars
        other.closing, other.frozen_zones = self.closing.copy(), list(self.frozen_zones)
        return other

    @classmethod
    def from_documents(cls, default_zone: str, documents: Mapping[str, str]) -> OrgTree:
        """The tree from its unit documents (unit id to JSON text); closed years and skipped records are not in them."""
        tree = cls(default_zone)
        for text in documents.values():
            tree.load(read_facts(text))
        return tree

    def load(self, facts: Iterable[FactDocument]) -> None:
        """Merge facts as ``unit_facts`` gave them."""
        for document in facts:
            self._put(read_fact(document))

    def apply(self, fact: Fact) -> str:
        """Merge a fact of the control stream; returns ``applied``, ``duplicate`` or ``superseded``.

        Raises:
            ValueError: not a type of the organisation.
        """
        if fact.type not in CONTROL_TYPES:
            raise ValueError(f"{fact.type} is no fact about the organisation")
        return self._put(dated_fact(fact.type, fact.data, fact.recorded_ms))

    def _put(self, fact: DatedFact) -> str:
        if fact.type not in UNIT_TYPES:
            if fact.type == PERIOD_CLOSED:
                self._close(fact.data["year"], fact.recorded_ms)
            return self._others.put(_other_subject(fact), fact)
        unit_id = fact.data["unit_id"]
        outcome = self._units.put(unit_id, fact)
        if outcome == APPLIED and fact.type == PLACED:
            if parent_id := fact.data["parent_id"]:
                self._ever_under.setdefault(parent_id, set()).add(unit_id)
            self._forget()
        self._has_calendars = self._has_calendars or fact.type == CALENDAR
        return outcome

    def _close(self, year: int, recorded_ms: int) -> None:
        """Close a year, and keep the zones of now for what was sold until its end."""
        if self.closing.add(year, recorded_ms):
            own: dict[str, str] = {}
            parents: dict[str, str | None] = {}
            for unit_id in self._units.subjects():
                placements = self._units.all(PLACED, unit_id)
                if (zone := _first_zone(placements)) is not None:
                    own[unit_id] = zone
                elif placements:
                    parents[unit_id] = placements[0].data["parent_id"]
            self.frozen_zones.append((day_ends(last_day(year))[1], FrozenZones(own, parents, self.default_zone)))

    def _forget(self) -> None:
        """Drop what was derived from placements."""
        self._dates: list[str] | None = None
        self._chains_on: dict[str, dict[str, Chain]] = {}
        self._chains_between: dict[int, dict[str, Chain]] = {}
        self._chain_count = 0
        self._zones: dict[str, str] = {}
        self._reaches: dict[str, frozenset[str]] = {}

    # ---- the tree of a day
    def chain(self, unit_id: str, day: str) -> Chain:
        """The unit, its parent on that day, the parent's parent, …, each with its level; ends before one met again."""
        chains = self._chains_on.get(day)
        if chains is None:
            chains = self._chains_of(day)
        chain = chains.get(unit_id)
        if chain is None:
            chain = self._walk(unit_id, day)
            if self._chain_count >= self._chains_max:
                self._chains_on, self._chains_between, self._chain_count = {}, {}, 0
                chains = self._chains_of(day)
            chains[unit_id] = chain
            self._chain_count += 1
        return chain

    def season(self, day: str) -> int:
        """A number that days share between which no placement changes: every chain is the same on them."""
        if self._dates is None:
            placed = (fact for unit_id in self._units.subjects() for fact in self._units.all(PLACED, unit_id))
            self._dates = sorted({fact.effective_on for fact in placed})
        return bisect_right(self._dates, day)

    def _chains_of(self, day: str) -> dict[str, Chain]:
        """The table of chains of a day's season."""
        if len(self._chains_on) >= CHAIN_DAYS_MAX:
            self._chains_on = {}
        table = self._chains_on[day] = self._chains_between.setdefault(self.season(day), {})
        return table

    def _walk(self, unit_id: str, day: str) -> Chain:
        chain: dict[str, str | None] = {}
        at: str | None = unit_id
        while at is not None and at not in chain and len(chain) < CHAIN_UNITS_MAX:
            placement = self._placement(at, day)
            chain[at] = placement["level"] if placement is not None else None
            at = placement["parent_id"] if placement is not None else None
        return tuple(chain.items())

    def _placement(self, unit_id: str, day: str) -> Mapping[str, Any] | None:
        fact = self._units.on(PLACED, unit_id, day)
        return fact.data if fact is not None else None

    def level(self, unit_id: str, day: str) -> str | None:
        """The unit's level on a day."""
        placement = self._placement(unit_id, day)
        return placement["level"] if placement is not None else None

    def name(self, unit_id: str, day: str) -> str:
        """The unit's name on a day; before its first placement the first name; its id if it was never placed."""
        placement = self._placement(unit_id, day)
        if placement is None:
            earliest = self._units.all(PLACED, unit_id)[:1]
            placement = earliest[0].data if earliest else None
        name: str = placement["name"] if placement is not None else unit_id
        return name

    def children(self, unit_id: str, day: str) -> list[str]:
        """The units whose parent on a day is this one, by id; closed ones too."""
        return sorted(u for u in self._ever_under.get(unit_id, ()) if self._parent(u, day) == unit_id)

    def _parent(self, unit_id: str, day: str) -> str | None:
        placement = self._placement(unit_id, day)
        return placement["parent_id"] if placement is not None else None

    def cycles(self, day: str) -> list[list[str]]:
        """The circles of a day's tree, each from its smallest id upwards; a tree in order has none."""
        found: list[list[str]] = []
        done: set[str] = set()
        for unit_id in self._units.subjects():
            path: dict[str, None] = {}
            at: str | None = unit_id
            while at is not None and at not in done and at not in path:
                path[at] = None
                at = self._parent(at, day)
            if at in path:
                units = list(path)
                circle = units[units.index(at) :]
                start = circle.index(min(circle))
                found.append(circle[start:] + circle[:start])
            done.update(path)
        return sorted(found)

    # ---- over all days
    def reaches(self, unit_id: str) -> frozenset[str]:
        """The unit and every unit above it by any placements that count, whatever their days.

        A new placement of P can change the chain or the zone of exactly those units that reach P.
        """
        known = self._reaches.get(unit_id)
        if known is None:
            met = {unit_id}
            pending = [unit_id]
            while pending:
                for fact in self._units.all(PLACED, pending.pop()):
                    parent_id = fact.data["parent_id"]
                    if parent_id is not None and parent_id not in met:
                        met.add(parent_id)
                        pending.append(parent_id)
            known = self._reaches[unit_id] = frozenset(met)
        return known

    def zone(self, unit_id: str) -> str:
        """The unit's time zone: by its earliest placement naming one, else its first parent's, else the default.

        Until the end of the last closed year it is that of ``frozen_zones``.

        A name that the zone database does not know counts as none.
        """
        zone = self._zones.get(unit_id)
        if zone is None:
            zone = self._zones[unit_id] = self._find_zone(unit_id)
        return zone

    def _find_zone(self, unit_id: str) -> str:
        met: set[str] = set()
        at: str | None = unit_id
        while at is not None and at not in met:
            met.add(at)
            placements = self._units.all(PLACED, at)
            if (zone := _first_zone(placements)) is not None:
                return zone
            at = placements[0].data["parent_id"] if placements else None
        return self.default_zone

    def leader(self, unit_id: str, day: str) -> str | None:
        """The rep responsible for the unit on a day."""
        fact = self._units.on(LED, unit_id, day)
        return fact.data["rep_id"] if fact is not None else None

    def closed_on(self, unit_id: str) -> str | None:
        """The last day named by a closing of the unit; sales from it on count, and are listed."""
        closings = self._units.all(CLOSED, unit_id)
        return closings[-1].effective_on if closings else None

    def selling_days(self, unit_id: str, first: str, last: str) -> int:
        """Selling days from the first day to the last, both included; 0 if the last is before the first.

        On each day the calendar in force of the nearest unit up the chain of that day applies; without one every day is
        a selling day.

        Raises:
            ValueError: no dates, or more than ``SPAN_DAYS_MAX`` days.
        """
        days = days_between(first, last)
        if not self._has_calendars:
            return len(days)
        return sum(is_selling_day(self._calendar(unit_id, day), day) for day in days)

    def _calendar(self, unit_id: str, day: str) -> Mapping[str, Any] | None:
        for unit, _ in self.chain(unit_id, day):
            fact = self._units.on(CALENDAR, unit, day)
            if fact is not None:
                return fact.data
        return None

    # ---- listings
    def unit_ids(self) -> list[str]:
        """Every unit that a fact is known of, by id."""
        return sorted(self._units.subjects())

    def unit_facts(self, unit_id: str) -> list[FactDocument]:
        """The facts of a unit that count, by type and date; what its document holds."""
        return self._units.documents(unit_id)

    def closed_years(self) -> frozenset[int]:
        """Years whose books are closed."""
        return frozenset(fact.data["year"] for fact in self._other_facts(PERIOD_CLOSED))

    def skipped_records(self) -> list[Mapping[str, Any]]:
        """What the records say that were skipped by hand: topic, partition, offset, reason."""
        return [fact.data for fact in self._other_facts(SKIPPED)]

    def _other_facts(self, type_name: str) -> Iterator[DatedFact]:
        for subject in sorted(self._others.subjects()):
            yield from self._others.all(type_name, subject)


def _first_zone(placements: Iterable[DatedFact]) -> str | None:
    """The zone that the earliest placement names which names any."""
    zones: Iterator[str | None] = (fact.data["time_zone"] for fact in placements)
    return next((zone for zone in zones if zone is not None and zone_exists(zone)), None)


def _other_subject(fact: DatedFact) -> str:
    """What a fact is about that is about no unit: a year, or a record of the log."""
    if fact.type == PERIOD_CLOSED:
        return str(fact.data["year"])
    return "{topic}/{partition}/{offset}".format_map(fact.data)
