"""Targets: a subject's number for a bucket and metric, revised by events, with its history.

The subject is a rep or a unit. Of the facts with one (subject, bucket, metric) the greatest ``(revision, 1 if withdrawn
else 0, canonical text of data)`` counts; the others stay as history, up to a limit. Order and repetition never matter.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from domain.accounting import APPLIED, DUPLICATE, SUPERSEDED
from domain.facts_by_date import FactDocument, read_facts
from domain.limits import TARGET_FACTS_MAX
from events.canonical import canonical_data, canonical_json
from events.facts import Fact

SET = "target.set.v1"
WITHDRAWN = "target.withdrawn.v1"
TARGET_TYPES = (SET, WITHDRAWN)

Subject = tuple[str, str, str]
"""(``rep`` or ``unit``, id, bucket)."""


class TargetFact(NamedTuple):
    """One word on a target. The first three say which of two counts."""

    revision: int
    withdrawn: bool
    text: str
    data: Mapping[str, Any]
    recorded_ms: int

    @property
    def rank(self) -> tuple[int, bool, str]:
        """The greatest counts."""
        return self[:3]

    @property
    def value(self) -> int:
        """The number asked for; 0 = no target."""
        return 0 if self.withdrawn else self.data["value"]

    def document(self) -> FactDocument:
        """The fact as kept in state rows and documents."""
        return {"type": WITHDRAWN if self.withdrawn else SET, "data": dict(self.data), "recorded_ms": self.recorded_ms}


class Targets:
    """Every target known, by subject, bucket and metric.

    Args:
        facts_max: facts kept of one subject, bucket and metric: the greatest.
    """

    def __init__(self, facts_max: int = TARGET_FACTS_MAX) -> None:
        self._facts_max = facts_max
        self._known: dict[Subject, dict[str, list[TargetFact]]] = {}  # by metric, smallest rank first

    @classmethod
    def from_documents(cls, documents: Mapping[str, str]) -> Targets:
        """The targets from their documents: ``kind|subject|bucket`` to JSON text."""
        targets = cls()
        for document_id, text in documents.items():
            targets.load(*subject_of(document_id), read_facts(text))
        return targets

    def load(self, kind: str, subject_id: str, bucket: str, facts: Iterable[FactDocument]) -> None:
        """Merge facts as ``facts`` gave them."""
        for document in facts:
            data = document["data"]
            text = canonical_json(data).decode()
            self._put((kind, subject_id, bucket), document["type"], text, data, document["recorded_ms"])

    def apply(self, fact: Fact) -> str:
        """Merge a fact; its outcome is by comparison with the fact that counts, as for every other kind of fact.

        A superseded fact still changes the history, and a duplicate may show an earlier recorded time: write the facts
        again after any outcome.

        Returns:
            ``applied``: it counts now. ``duplicate``: it counted already. ``superseded``: a greater one counts.

        Raises:
            ValueError: not a type of the targets.
        """
        if fact.type not in TARGET_TYPES:
            raise ValueError(f"{fact.type} is no fact about a target")
        text = canonical_data(fact.data)
        data = json.loads(text)
        subject = (data["subject"]["type"], data["subject"]["id"], data["bucket"])
        return self._put(subject, fact.type, text, data, fact.recorded_ms)

    def _put(self, subject: Subject, type_name: str, text: str, data: Mapping[str, Any], recorded_ms: int) -> str:
        fact = TargetFact(data["revision"], type_name == WITHDRAWN, text, data, recorded_ms)
        facts = self._known.setdefault(subject, {}).setdefault(data["metric"], [])
        at = bisect_left(facts, fact.rank, key=lambda known: known.rank)
        if at < len(facts) and facts[at].rank == fact.rank:
            facts[at] = facts[at]._replace(recorded_ms=min(facts[at].recorded_ms, recorded_ms))
            return DUPLICATE if at == len(facts) - 1 else SUPERSEDED
        counts = at == len(facts)
        facts.insert(at, fact)
        if len(facts) > self._facts_max:
            del facts[0]  # the smallest, so that what is kept does not depend on the order
        return APPLIED if counts else SUPERSEDED

    def value(self, kind: str, subject_id: str, bucket: str, metric: str) -> int:
        """The target in force; 0 = none."""
        facts = self._known.get((kind, subject_id, bucket), {}).get(metric)
        return facts[-1].value if facts else 0

    def of(self, kind: str, subject_id: str, bucket: str) -> dict[str, int]:
        """The targets in force of a subject in a bucket: metric to value, only values above 0."""
        by_metric = self._known.get((kind, subject_id, bucket), {})
        return {metric: facts[-1].value for metric, facts in sorted(by_metric.items()) if facts[-1].value > 0}

    def original(self, kind: str, subject_id: str, bucket: str, metric: str) -> int:
        """The first number asked for, by revision, as far as the history goes; 0 = none."""
        facts = self._known.get((kind, subject_id, bucket), {}).get(metric, [])
        return next((fact.value for fact in facts if not fact.withdrawn), 0)

    def facts(self, kind: str, subject_id: str, bucket: str) -> list[FactDocument]:
        """The history of a subject in a bucket, by metric; of each metric the one that counts comes last."""
        by_metric = self._known.get((kind, subject_id, bucket), {})
        return [fact.document() for metric in sorted(by_metric) for fact in by_metric[metric]]

    def subjects(self) -> Iterator[Subject]:
        """Every (kind, subject, bucket) that a fact is known of."""
        return iter(self._known)


def document_id(kind: str, subject_id: str, bucket: str) -> str:
    """The id of a subject's target document in a bucket.

    >>> document_id("rep", "r|1", "2026-05"), subject_of("rep|r|1|2026-05")
    ('rep|r|1|2026-05', ('rep', 'r|1', '2026-05'))
    """
    return f"{kind}|{subject_id}|{bucket}"


def subject_of(document: str) -> Subject:
    """The subject and bucket of a target document, from its id; a subject's id may hold a bar, the rest does not."""
    kind, rest = document.split("|", 1)
    subject_id, bucket = rest.rsplit("|", 1)
    return kind, subject_id, bucket
