"""Folds admitted records into a partition's state: what the worker's agents do with a chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from domain.accounting import DEAD_LETTERED
from domain.partition import PartitionState
from events.facts import Fact, Rejected
from processors.admission import Admission, SourceRecord
from processors.engine.control import ControlRecord
from processors.engine.workshop import FoldFailed
from processors.redirects import Redirect

UNREADABLE = "unreadable"
"""Event type in metrics of a record whose type could not be read."""


class Reducer:
    """Judges records one by one and folds those that count.

    Args:
        admission: the judge.
        folded: told how many records of each (event type, outcome) a call folded.
    """

    def __init__(self, admission: Admission, folded: Callable[[Mapping[tuple[str, str], int]], None]) -> None:
        self._admission = admission
        self._folded = folded

    def reduce(self, state: PartitionState, source: str, records: Sequence[SourceRecord]) -> list[Redirect]:
        """Fold records of one source and partition; every one is accounted.

        Returns:
            The records to send elsewhere.

        Raises:
            FoldFailed: a fault of ours; names the record.
        """
        redirects: list[Redirect] = []
        outcomes: Counter[tuple[str, str]] = Counter()
        admit, apply = self._admission.admit, state.apply
        for record in records:
            try:
                verdict = admit(source, record)
                if isinstance(verdict, Fact):
                    type_ = verdict.type
                    try:
                        apply(verdict)
                        continue
                    except Rejected as rejected:
                        verdict = self._admission.refuse(record, rejected)
                else:
                    type_ = UNREADABLE if verdict.outcome == DEAD_LETTERED else source
                state.account(verdict.outcome)
            except Exception as error:
                raise FoldFailed(f"{record.topic}-{record.partition}@{record.offset}: {error!r}") from error
            outcomes[type_, verdict.outcome] += 1
            redirects.append(verdict)
        self._folded(outcomes + state.outcomes())
        return redirects

    def control(self, record: SourceRecord) -> ControlRecord:
        """Judge a control record; what it says to skip is skipped from here on."""
        verdict = self._admission.control(record)
        if not isinstance(verdict, Fact):
            return ControlRecord(record.offset, None, verdict)
        skips = verdict.type == "record.skipped.v1"
        if skips:
            self._admission.skipped.add(verdict)
        return ControlRecord(record.offset, verdict, None, skips)
