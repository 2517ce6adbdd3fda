"""The roster: who belongs to which unit on a day, with or without a sale."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from domain.facts_by_date import FactDocument, FactsByDate, dated_fact, read_fact, read_facts
from events.facts import Fact

JOINED = "rep.joined.v1"
LEFT = "rep.left.v1"
REP_TYPES = (JOINED, LEFT)


class Roster:
    """What is known of the reps. Facts may come in any order, late and twice; the roster depends on their set alone."""

    def __init__(self) -> None:
        self._reps = FactsByDate()

    @classmethod
    def from_documents(cls, documents: Mapping[str, str]) -> Roster:
        """The roster from its documents: rep id to JSON text."""
        roster = cls()
        for rep_id, text in documents.items():
            roster.load(rep_id, read_facts(text))
        return roster

    def load(self, rep_id: str, facts: Iterable[FactDocument]) -> None:
        """Merge facts of a rep as ``rep_facts`` gave them."""
        for document in facts:
            self._reps.put(rep_id, read_fact(document))

    def apply(self, fact: Fact) -> str:
        """Merge a fact about a rep; returns ``applied``, ``duplicate`` or ``superseded``.

        Raises:
            ValueError: not a type of the roster.
        """
        if fact.type not in REP_TYPES:
            raise ValueError(f"{fact.type} is no fact about a rep")
        return self._reps.put(fact.data.rep_id, dated_fact(fact.type, fact.data, fact.recorded_ms))

    def home(self, rep_id: str, day: str) -> str | None:
        """The rep's home unit on a day; leaving does not change it."""
        fact = self._reps.on(JOINED, rep_id, day)
        return fact.data["unit_id"] if fact is not None else None

    def present(self, rep_id: str, day: str) -> bool:
        """Whether the rep belongs to its home on a day: joined, and not left since; gone on the day of leaving."""
        joined = self._reps.on(JOINED, rep_id, day)
        left = self._reps.on(LEFT, rep_id, day)
        return joined is not None and (left is None or left.effective_on < joined.effective_on)

    def left_on(self, rep_id: str) -> str | None:
        """The last day named by a leaving of the rep; sales from it on count, and are listed."""
        leavings = self._reps.all(LEFT, rep_id)
        return leavings[-1].effective_on if leavings else None

    def display_name(self, rep_id: str) -> str:
        """The rep's newest name; its id if it never joined."""
        joined = self._reps.all(JOINED, rep_id)
        name: str = joined[-1].data["display_name"] if joined else rep_id
        return name

    def hired_on(self, rep_id: str) -> str | None:
        """The day the rep was hired, by the newest fact that names one."""
        days = (fact.data["hired_on"] for fact in reversed(self._reps.all(JOINED, rep_id)))
        return next((day for day in days if day is not None), None)

    def rep_ids(self) -> list[str]:
        """Every rep that a fact is known of, by id."""
        return sorted(self._reps.subjects())

    def rep_facts(self, rep_id: str) -> list[FactDocument]:
        """The facts of a rep that count, by type and date; what its document holds."""
        return self._reps.documents(rep_id)
