"""The state of one partition: a fold over prefixes of its sales, targets, reps and the control stream.

State = f(facts), never of the order between them. What the shells see of it: facts go in, state rows come out at a
flush, and the rows alone rebuild it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from domain import rows
from domain.accounting import APPLIED, SUPERSEDED, Accounting
from domain.boards import MemberKind
from domain.calendar import bucket_span
from domain.closing import (
    NEVER,
    TooLate,
    board_of,
    last_day,
    refuse_known_too_late,
    refuse_late_dated,
    refuse_late_target,
)
from domain.org import PERIOD_CLOSED, OrgTree
from domain.roster import Roster
from domain.rows import pack, row_identity, row_key, unpack
from domain.sales_fold import SalesFold
from domain.shared_trees import empty_tree, step
from domain.targets import Targets
from domain.totals import ReachCells
from events import limits, reasons
from events.facts import Fact, Rejected

Subject = tuple[MemberKind, str, str]
"""(member kind, subject id, bucket): what a target row is about."""

Stands = tuple[tuple[str, str], ...]
"""(unit_id, members) of the attainment boards that list a subject."""

CONTROL_ACCOUNTANT = 0
"""The partition whose owner accounts control records and writes the units' documents: each must be said once."""

TARGET_ROW_BYTES = 600
FACTS_ROW_BYTES = 400


class Rules(NamedTuple):
    """What a deployment decides once.

    Attributes:
        base_currency: ISO 4217; sales in another currency are refused.
        default_zone: IANA zone of units that name none and stand under nobody who does.
    """

    base_currency: str
    default_zone: str


class PartitionState:
    """Everything one partition knows, and what changed since the last flush.

    Args:
        partition: its number; partition 0 also accounts the control stream and writes the units' documents.
        rules: the deployment's.
        retires: let leave memory what closed years hold; whoever folds a log to compare keeps it.
    """

    def __init__(self, partition: int, rules: Rules, retires: bool = False) -> None:
        self.partition = partition
        self.rules = rules
        self.sales = SalesFold(empty_tree(rules.default_zone))
        self.targets = Targets()
        self.roster = Roster()
        self._accounting = Accounting()
        self.recorded_ms = 0  # the newest recorded time of what was folded
        self.sold_ms = 0  # the same of sales and voids alone
        self._retires = retires
        self._next_close_ms = NEVER  # sales recorded after this instant meet another closed year
        self._stands: dict[Subject, Stands] = {}
        self._rep_subjects: dict[str, list[Subject]] = {}
        self._dirty_targets: dict[Subject, None] = {}
        self._dirty_reps: dict[str, None] = {}
        self._dirty_units: dict[str, None] = {}
        self._accounted = False
        self._outcomes: Counter[tuple[str, str]] = Counter()

    @property
    def tree(self) -> OrgTree:
        """The organisation as of the last control record that was folded. Never to be changed: partitions share it."""
        return self.sales.tree

    # ---- facts of this partition
    def apply(self, fact: Fact) -> None:
        """Fold one fact of the sales, targets or reps topic, and account it; ``outcomes`` tells what became of it.

        Raises:
            Rejected: the fact is well formed but can't count here; nothing was changed or accounted.
        """
        match fact.type:
            case "sale.recorded.v1":
                self._sale(fact)
            case "sale.voided.v1":
                data = fact.data
                if fact.recorded_ms > self.sold_ms:
                    self._sold(fact.recorded_ms)
                self.sales.void(data.sale_source or fact.source, data.sale_id, data.line, data.rep_id)
            case "target.set.v1" | "target.withdrawn.v1":
                self._tell(fact.type, self._target(fact))
            case "rep.joined.v1" | "rep.left.v1":
                self._tell(fact.type, self._rep(fact))
            case _:
                raise Rejected(reasons.WRONG_TOPIC, f"{fact.type} belongs on the control stream")
        self._accounted = True
        if fact.recorded_ms > self.recorded_ms:
            self.recorded_ms = fact.recorded_ms

    def _tell(self, event_type: str, outcome: str, count: int = 1) -> None:
        self._outcomes[event_type, outcome] += count
        self._accounting.add(outcome, count)

    def _fold(self) -> None:
        """Bring the books up to the sales that were taken: they are merged many at a time."""
        for (event_type, outcome), count in self.sales.outcomes().items():
            self._tell(event_type, outcome, count)

    @property
    def accounting(self) -> Accounting:
        """The records of this partition by outcome."""
        self._fold()
        return self._accounting

    def outcomes(self) -> Counter[tuple[str, str]]:
        """How many facts of each (event type, outcome) were folded since the last question."""
        self._fold()
        told, self._outcomes = self._outcomes, Counter()
        return told

    def _sale(self, fact: Fact) -> None:
        if fact.data.currency != self.rules.base_currency:
            raise Rejected(
                reasons.CURRENCY_UNKNOWN, f"{fact.data.currency}: only {self.rules.base_currency} counts here"
            )
        if fact.occurred_ms - fact.recorded_ms > limits.FUTURE_MS_MAX:
            raise Rejected(reasons.IN_THE_FUTURE, "occurred_at is more than 24 h after the recorded time")
        if fact.recorded_ms > self.sold_ms:
            self._sold(fact.recorded_ms)
        self.sales.record(fact.source, fact.data, fact.occurred_ms)

    def _sold(self, recorded_ms: int) -> None:
        """Sales go on at an instant: in a partition recorded time never runs back, so what was closed stays closed."""
        self.sold_ms = recorded_ms
        if recorded_ms > self._next_close_ms:
            self._close_sales()

    def _close_sales(self) -> None:
        closing = self.tree.closing
        self._next_close_ms = closing.next_effect_ms(self.sold_ms)
        if (year := closing.year_for(self.sold_ms)) > self.sales.closed_year:
            self.sales.close(year)

    def refused(self) -> list[tuple[int, int]]:
        """(number, closed year) of the sales and voids that came too late, since the last question.

        Sales are judged many at a time, so it shows only after ``apply`` has taken them. They are accounted.
        The number counts those that ``apply`` has taken since the last question, from 0.
        """
        return self.sales.refused()

    def too_late(self, fact: Fact, year: int) -> TooLate:
        """Why a sale or void came too late for a closed year."""
        unit_id = getattr(fact.data, "unit_id", None) or self.roster.home(fact.data.rep_id, last_day(year))
        return TooLate(year, board_of(unit_id, "revenue", str(year)))

    def _target(self, fact: Fact) -> str:
        if year := self.tree.closing.year_for(fact.recorded_ms):
            refuse_late_target(fact, year, self.roster.home(fact.data.subject.id, last_day(year)))
        outcome = self.targets.apply(fact)
        subject: Subject = (fact.data.subject.type, fact.data.subject.id, fact.data.bucket)
        # A superseded revision changes no number, but it belongs to the history.
        self._dirty_targets[subject] = None
        if outcome == APPLIED:
            self._stand(subject, self._stands_of(subject))
        return outcome

    def _rep(self, fact: Fact) -> str:
        if year := self.tree.closing.year_for(fact.recorded_ms):
            refuse_late_dated(fact, year)
        outcome = self.roster.apply(fact)
        rep_id = fact.data.rep_id
        if outcome != SUPERSEDED:  # a duplicate may have been recorded earlier than what is known
            self._dirty_reps[rep_id] = None
        if outcome == APPLIED:
            self._stand_again(self._rep_subjects.get(rep_id, ()))
        return outcome

    def account(self, outcome: str, count: int = 1) -> None:
        """Count records that the shell decided on: ``forwarded``, ``dead_lettered``."""
        self._accounting.add(outcome, count)
        self._accounted = True

    # ---- the control stream
    def control(self, facts: Sequence[Fact | None]) -> None:
        """Fold control records in log order; None stands for an unreadable one, which is only accounted.

        What a changed tree re-attributes is written by difference, once for the whole sequence. Who calls it has judged
        the facts (see ``domain.closing.refuse_late_control``): those that come too late are None.

        Raises:
            ClosedTooLate: a year is closed from before the newest record that was folded; nothing was changed.
        """
        for place, fact in enumerate(facts):
            if fact is not None and fact.type == PERIOD_CLOSED:
                refuse_known_too_late(fact, place, self.tree.closing, self.recorded_ms)
        self._control(facts)
        if self.tree.closing.effect_ms < NEVER:
            self._close_sales()

    def _control(self, facts: Sequence[Fact | None]) -> None:
        placed = {fact.data.unit_id for fact in facts if fact is not None and fact.type == "unit.placed.v1"}
        if not placed:
            self._take_step(facts)
            return
        # A unit is touched only if some changed unit was above it before: a new way up starts at a changed unit.
        units = [unit for unit in self.sales.units if not placed.isdisjoint(self.tree.reaches(unit))]
        self.sales.moved(units, lambda: self._take_step(facts))
        self._stand_again(list(self._stands))

    def _take_step(self, facts: Sequence[Fact | None]) -> None:
        taken = step(self.tree, facts)
        self.sales.tree = taken.after
        if self.partition == CONTROL_ACCOUNTANT:
            for fact, outcome in zip(facts, taken.outcomes, strict=True):
                self.account(outcome)
                if fact is not None and outcome != SUPERSEDED and (unit_id := getattr(fact.data, "unit_id", None)):
                    self._dirty_units[unit_id] = None

    # ---- attainment boards
    def _stands_of(self, subject: Subject) -> Stands:
        """The attainment boards that list a subject: under its chain on the bucket's last day."""
        kind, subject_id, bucket = subject
        last = bucket_span(bucket)[1]
        if kind == "rep":
            home = self.roster.home(subject_id, last)
            return () if home is None else tuple((unit, "rep") for unit, _ in self.tree.chain(home, last))
        chain = self.tree.chain(subject_id, last)
        level = chain[0][1]
        return () if level is None else tuple((unit, level) for unit, _ in chain[1:])

    def _stand(self, subject: Subject, stands: Stands) -> None:
        if subject not in self._stands and subject[0] == "rep":
            self._rep_subjects.setdefault(subject[1], []).append(subject)
        self._stands[subject] = stands

    def _stand_again(self, subjects: Iterable[Subject]) -> None:
        for subject in subjects:
            stands = self._stands_of(subject)
            if stands != self._stands[subject]:
                self._stands[subject] = stands
                self._dirty_targets[subject] = None

    # ---- state rows
    @property
    def weight(self) -> int:
        """Bytes that the next flush will write, roughly."""
        facts = len(self._dirty_reps) + len(self._dirty_units)
        return self.sales.weight + TARGET_ROW_BYTES * len(self._dirty_targets) + FACTS_ROW_BYTES * facts

    @property
    def dirty(self) -> bool:
        """Whether the next flush has anything to write."""
        return self._accounted or self.sales.dirty or bool(self._dirty_targets or self._dirty_reps or self._dirty_units)

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        """(ledger blob or None, other state rows) of everything since the last flush."""
        self._fold()
        blob, flushed = self.sales.flush()
        flushed += [(row_key(rows.TARGETS, *subject), self._target_row(subject)) for subject in self._dirty_targets]
        flushed += [(row_key(rows.REP, rep_id), pack(self.roster.rep_facts(rep_id))) for rep_id in self._dirty_reps]
        flushed += [(row_key(rows.UNIT, unit_id), pack(self.tree.unit_facts(unit_id))) for unit_id in self._dirty_units]
        if self._accounted:
            flushed.append((row_key(rows.ACCOUNTING, self.partition), self._accounting_row()))
        self._dirty_targets, self._dirty_reps, self._dirty_units, self._accounted = {}, {}, {}, False
        if self._retires and self.sales.closed_year > self.sales.left_year:
            self.sales.retire()
        return blob, flushed

    def _accounting_row(self) -> bytes:
        return pack({**self.accounting.as_dict(), "recorded_ms": self.recorded_ms, "sold_ms": self.sold_ms})

    def _target_row(self, subject: Subject) -> bytes:
        values = {metric: value for metric, value in self.targets.of(*subject).items() if value > 0}
        return pack((self._stands.get(subject, ()), values, self.targets.facts(*subject)))

    def again(self, key: bytes) -> bytes | None:
        """What to say about a key whose row did not count: its row as of now, or None if there is nothing.

        Raises:
            Retired: the row is of a closed year and has left memory.
        """
        kind = key[:1]
        if kind == rows.LEDGER:
            return None
        if kind == rows.CELLS:
            return self.sales.again(key)
        identity = row_identity(key)
        match kind:
            case rows.TARGETS:
                subject: Subject = (identity[0], identity[1], identity[2])
                return self._target_row(subject) if subject in self._stands else None
            case rows.REP:
                return pack(facts) if (facts := self.roster.rep_facts(identity[0])) else None
            case rows.UNIT:
                return pack(facts) if (facts := self.tree.unit_facts(identity[0])) else None
            case rows.ACCOUNTING:
                return self._accounting_row()
            case _:
                raise ValueError(f"a state row of unknown kind {kind!r}")

    def rows(self, piece_lines: int = 5_000, piece_cells: int = 50_000) -> Iterator[tuple[bytes, bytes]]:
        """What rebuilds this state through ``load`` and ``plant``, for a snapshot: cells are listed, not rendered.

        Args:
            piece_lines: lines of a blob of the ledger.
            piece_cells: cells of a listing.
        """
        yield from self.ledger_rows(piece_lines)
        for number, blob in enumerate(self.sales.listings(piece_cells)):
            yield row_key(rows.LISTING, number), blob
        yield from self.fact_rows()

    def ledger_rows(self, piece_lines: int) -> Iterator[tuple[bytes, bytes]]:
        """The whole ledger in blobs of so many lines."""
        self._fold()
        for number, blob in enumerate(self.sales.blobs(piece_lines)):
            yield rows.LEDGER + b"%d" % number, blob

    def fact_rows(self) -> Iterator[tuple[bytes, bytes]]:
        """The state rows of targets, reps and accounting as of now."""
        yield from ((row_key(rows.TARGETS, *subject), self._target_row(subject)) for subject in self._stands)
        yield from ((row_key(rows.REP, rep), pack(self.roster.rep_facts(rep))) for rep in self.roster.rep_ids())
        yield row_key(rows.ACCOUNTING, self.partition), self._accounting_row()

    def unit_rows(self) -> Iterator[tuple[bytes, bytes]]:
        """The state rows of units as of now; only partition 0 says them."""
        if self.partition == CONTROL_ACCOUNTANT:
            yield from ((row_key(rows.UNIT, unit), pack(self.tree.unit_facts(unit))) for unit in self.tree.unit_ids())

    def cells_in(self, wanted: Callable[[str], bool]) -> Iterator[tuple[MemberKind, str, str, ReachCells]]:
        """Member kind, member, bucket and its cells by reach, of every member in some buckets, bucket by bucket.

        Args:
            wanted: judges buckets.
        """
        self._fold()
        return self.sales.in_buckets(wanted)

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take a state row of the changelog, in log order; None is the end of a row that never counted."""
        if value is None:
            return
        match key[:1]:
            case rows.LEDGER:
                self.sales.load_ledger(value)
            case rows.CELLS:
                self.sales.load_cells(key, value)
            case rows.LISTING:
                self.sales.load_listing(value)
            case rows.TARGETS:
                kind, subject_id, bucket = row_identity(key)
                stands, _, facts = unpack(value)
                self._stand((kind, subject_id, bucket), tuple((unit, members) for unit, members in stands))
                self.targets.load(kind, subject_id, bucket, facts)
            case rows.REP:
                self.roster.load(row_identity(key)[0], unpack(value))
            case rows.ACCOUNTING:
                said = unpack(value)
                self._accounting = Accounting(said)
                self.recorded_ms, self.sold_ms = said["recorded_ms"], said["sold_ms"]
            case rows.UNIT:
                pass  # the tree itself comes from the control stream
            case kind:
                raise ValueError(f"a state row of unknown kind {kind!r}")

    def plant(self, facts: Sequence[Fact | None]) -> None:
        """Recovery: the tree as of the mark's control offset, once every row is loaded. Accounts nothing."""
        self.sales.planted(step(empty_tree(self.rules.default_zone), facts).after)
        self._close_sales()
