"""Dated facts of which the greatest counts: the store under the organisation and the roster.

A fact's key is ``(type, subject, effective_on)``. Of several facts with one key the greatest ``(revision, canonical
text of data)`` counts, whatever the order they come in. Only that one is kept: a smaller one could never count again.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from domain.accounting import APPLIED, DUPLICATE, SUPERSEDED
from domain.limits import DATED_FACTS_CACHED_MAX
from events.canonical import canonical_data, canonical_json

FactDocument = dict[str, Any]
"""``{"type", "data", "recorded_ms"}``: a fact as kept in state rows and documents; ``data`` has its defaults filled."""


class DatedFact(NamedTuple):
    """A fact that is true from a day on.

    Attributes:
        type: short event type.
        effective_on: the day, ``YYYY-MM-DD``; other text for facts that have none.
        revision: the greater one corrects the smaller.
        text: canonical text of the data; decides between equal revisions.
        data: the same, decoded. Never changed.
        recorded_ms: when it was first recorded, in UTC milliseconds.
    """

    type: str
    effective_on: str
    revision: int
    text: str
    data: Mapping[str, Any]
    recorded_ms: int

    def document(self) -> FactDocument:
        """The fact as kept in state rows and documents."""
        return {"type": self.type, "data": dict(self.data), "recorded_ms": self.recorded_ms}


@dataclass(slots=True)
class Timeline:
    """The facts that count of one type and subject, by date."""

    dates: list[str] = field(default_factory=list)
    facts: list[DatedFact] = field(default_factory=list)

    def put(self, fact: DatedFact) -> str:
        """Merge a fact; returns its outcome."""
        at = bisect_left(self.dates, fact.effective_on)
        if at == len(self.dates) or self.dates[at] != fact.effective_on:
            self.dates.insert(at, fact.effective_on)
            self.facts.insert(at, fact)
            return APPLIED
        known = self.facts[at]
        rank, known_rank = (fact.revision, fact.text), (known.revision, known.text)
        if rank < known_rank:
            return SUPERSEDED
        if rank == known_rank:
            # The earliest of equal records is kept, so that their order does not show.
            self.facts[at] = known._replace(recorded_ms=min(known.recorded_ms, fact.recorded_ms))
            return DUPLICATE
        self.facts[at] = fact
        return APPLIED

    def on(self, day: str) -> DatedFact | None:
        """The fact in force on a day: the one with the greatest ``effective_on`` that is not after it."""
        at = bisect_right(self.dates, day)
        return self.facts[at - 1] if at else None

    def copy(self) -> Timeline:
        """Another one that holds the same."""
        return Timeline(list(self.dates), list(self.facts))


class FactsByDate:
    """Timelines by subject and type: what counts depends on the set of facts alone, not on order or repetition."""

    __slots__ = ("_shared", "_timelines")

    def __init__(self) -> None:
        self._timelines: dict[str, dict[str, Timeline]] = {}
        self._shared: set[str] = set()  # subjects whose timelines a copy holds, too: they are copied before a change

    def copy(self) -> FactsByDate:
        """Another one that holds the same; each may change without the other."""
        other = FactsByDate()
        other._timelines = dict(self._timelines)
        self._shared, other._shared = set(self._timelines), set(self._timelines)
        return other

    def put(self, subject: str, fact: DatedFact) -> str:
        """Merge a fact about a subject; returns ``applied``, ``duplicate`` or ``superseded``."""
        if subject in self._shared:
            self._shared.remove(subject)
            held = self._timelines[subject]
            self._timelines[subject] = {type_name: timeline.copy() for type_name, timeline in held.items()}
        timeline = self._timelines.setdefault(subject, {}).get(fact.type)
        if timeline is None:
            timeline = self._timelines[subject][fact.type] = Timeline()
        return timeline.put(fact)

    def on(self, type_name: str, subject: str, day: str) -> DatedFact | None:
        """The fact of a type in force on a day."""
        timelines = self._timelines.get(subject)
        timeline = timelines.get(type_name) if timelines is not None else None
        return timeline.on(day) if timeline is not None else None

    def all(self, type_name: str, subject: str) -> list[DatedFact]:
        """The facts of a type that count, earliest date first. Not to be changed."""
        timeline = self._timelines.get(subject, {}).get(type_name)
        return timeline.facts if timeline is not None else []

    def subjects(self) -> Iterator[str]:
        """Everyone that a fact is known of."""
        return iter(self._timelines)

    def __contains__(self, subject: object) -> bool:
        return subject in self._timelines

    def documents(self, subject: str) -> list[FactDocument]:
        """The facts of a subject that count, by type and date."""
        timelines = self._timelines.get(subject, {})
        return [fact.document() for type_name in sorted(timelines) for fact in timelines[type_name].facts]


@lru_cache(DATED_FACTS_CACHED_MAX)
def dated_fact(type_name: str, data: Any, recorded_ms: int) -> DatedFact:
    """A fact from a contract object (frozen, so hashable), with its canonical text.

    Remembered, since every partition of a process folds the same control facts.
    """
    text = canonical_data(data)
    return _dated(type_name, text, json.loads(text), recorded_ms)


def read_fact(document: Mapping[str, Any]) -> DatedFact:
    """A fact from its document. Reading what ``document()`` gave returns an equal fact."""
    data = document["data"]
    return _dated(document["type"], canonical_json(data).decode(), data, document["recorded_ms"])


def read_facts(text: str) -> Iterable[FactDocument]:
    """The fact documents in a stored ``{"facts": […]}``."""
    facts: list[FactDocument] = json.loads(text)["facts"]
    return facts


def _dated(type_name: str, text: str, data: Mapping[str, Any], recorded_ms: int) -> DatedFact:
    return DatedFact(type_name, data.get("effective_on", ""), data.get("revision", 0), text, data, recorded_ms)
