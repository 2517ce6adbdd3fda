"""Folds admitted records into a partition's state: what the worker's agents do with a chunk."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from domain.accounting import DEAD_LETTERED
from domain.partition import PartitionState
from events.facts import Fact, Rejected
from processors.admission import Admission, SourceRecord
from processors.engine.control import ControlRecord
from processors.engine.workshop import Folded, FoldFailed
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

    def reduce(self, state: PartitionState, source: str, records: Iterable[SourceRecord]) -> Folded:
        """Fold records of one source and of the state's partition, one by one; every one is accounted.

        While no year is closed, sales are taken here and merged with the next flush, or when there are thousands: a
        merge costs a millisecond, however few they are. `tell` says then what became of them.

        Raises:
            FoldFailed: a fault of ours; names the record.
        """
        redirects: list[Redirect] = []
        outcomes: Counter[tuple[str, str]] = Counter()
        partition = state.partition
        admit, apply = self._admission.admit, state.apply
        taken: list[SourceRecord] | None = [] if state.tree.closing.year else None
        if taken is not None:
            state.refused()  # what comes is numbered from here on
        count, record = 0, None
        for count, record in enumerate(records, 1):  # noqa: B007 - the last of both is told
            try:
                verdict = admit(source, partition, record)
                if isinstance(verdict, Fact):
                    type_ = verdict.type
                    try:
                        apply(verdict)
                        if taken is not None:
                            taken.append(record)
                        continue
                    except Rejected as rejected:
                        verdict = self._admission.refuse(source, partition, record, rejected)
                else:
                    type_ = UNREADABLE if verdict.outcome == DEAD_LETTERED else source
                state.account(verdict.outcome)
            except Exception as error:
                where = f"{self._admission.names.of(source)}-{partition}@{record.offset}"
                raise FoldFailed(where, error) from error
            outcomes[type_, verdict.outcome] += 1
            redirects.append(verdict)
        if taken is not None:
            redirects += [self._late(state, source, taken[number], year) for number, year in state.refused()]
            outcomes += state.outcomes()
        self._folded(outcomes)
        return Folded(count, -1 if record is None else record.offset, redirects)

    def tell(self, state: PartitionState) -> None:
        """Tell how many facts came to which end since the last question; merges what waits."""
        self._folded(state.outcomes())

    def _late(self, state: PartitionState, source: str, record: SourceRecord, year: int) -> Redirect:
        """The dead letter of a sale or void that came too late; it is accounted already."""
        fact = self._admission.admit(source, state.partition, record)
        assert isinstance(fact, Fact), "it was admitted before"
        return self._admission.refuse(source, state.partition, record, state.too_late(fact, year))

    def control(self, record: SourceRecord) -> ControlRecord:
        """Judge a control record; what it says to skip is skipped from here on."""
        verdict = self._admission.control(record)
        if not isinstance(verdict, Fact):
            return ControlRecord(record.offset, None, verdict)
        skips = verdict.type == "record.skipped.v1"
        if skips:
            self._admission.skipped.add(verdict)
        return ControlRecord(record.offset, verdict, None, skips)
