"""The sales fold of one partition: ledger and totals, packed.

The ledger keeps what is true of every sale line; totals follow by the difference between what a line said before and
says now, so neither order nor repetition can change them. Totals are settled from the distinct (rep, unit, day) that
changed, once a flush or every few thousand records, which is what makes a hot rep cheap.

Its twin in plain Python, ``tests/reference``, must agree with it on everything.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Final, NamedTuple

import numpy as np

from domain.boards import MemberKind
from domain.business_days import BusinessDays
from domain.closing import FrozenZones, Retired, day_ends, is_closed, last_day, last_whole_day, touches
from domain.credit import Credits
from domain.ledger import Ledger
from domain.ledger_rows import NO_SALE, Effects, Line, Packed, amounts_of
from domain.numbering import Numbering
from domain.org import OrgTree
from domain.row_index import Mask, Rows, distinct, joined, runs, summed
from domain.rows import row_identity
from domain.totals import Numbers, ReachCells, Totals
from events.contract import SaleRecorded

SETTLED_EFFECTS_MIN: Final = 8_192
"""Effects that wait for a flush; when there are more they are settled, so that its weight is known."""

CHAINS_CACHED_MAX: Final = 200_000
LEDGER_ROW_BYTES: Final = 90
EFFECT_BYTES: Final = 300


class Leaves(NamedTuple):
    """What lines in effect add up to: a (rep, unit) pair and a day each, and its numbers."""

    pairs: Rows
    days: Rows
    numbers: Numbers


class _Frozen(NamedTuple):
    """The zones of units until the end of a closed year: their numbers by the number of the unit."""

    end_ms: int
    zones: FrozenZones
    by_unit: Rows


class SalesFold:
    """Ledger and totals of one partition, and what changed since the last flush.

    Args:
        tree: the organisation; the fold reads it, and ``moved`` goes around every change of it.
    """

    def __init__(self, tree: OrgTree) -> None:
        self.tree = tree
        self._ledger = Ledger()
        self._totals = Totals()
        self._days = BusinessDays(self._totals.days)
        self._units: Numbering[str] = Numbering()
        self._pair_members = np.zeros(0, np.int64)
        self._pair_units = np.zeros(0, np.int64)
        self._unit_zones = np.zeros(0, np.int64)
        self._frozen_zones: list[_Frozen] = []  # zones until the end of a closed year, last year first
        self._credits = Credits(self._totals)
        self._chain_in: dict[int, int] = {}  # of a unit in a season, until the tree changes
        self.record: Callable[[str, SaleRecorded, int], None] = self._ledger.record
        self.void: Callable[[str, str, int, str], None] = self._ledger.void

    @property
    def units(self) -> Collection[str]:
        """Every unit that a line names or named."""
        self._learn_pairs()
        return [unit_id for unit_id in self._units if unit_id]

    @property
    def line_count(self) -> int:
        """Lines in the ledger; those that wait to be merged are not counted."""
        return len(self._ledger)

    def lines(self) -> Iterator[tuple[bytes, Line]]:
        """Every line of the ledger: the digest of its identity, and what is true of it."""
        return self._ledger.lines()

    def outcomes(self) -> Counter[tuple[str, str]]:
        """Records folded since the last question, by (event type, outcome)."""
        outcomes = self._ledger.outcomes()
        if self._ledger.effect_count >= SETTLED_EFFECTS_MIN:
            self.settle()
        return outcomes

    # ---- the organisation moves
    def moved(self, units: Collection[str], apply: Callable[[], object]) -> None:
        """Change the tree by ``apply`` and re-attribute by difference what the lines of ``units`` sold.

        Args:
            units: the units whose chain or zone may change, as the tree stood before.
            apply: changes the tree, or puts another one in its place.
        """
        self.settle()
        rows = self._rows_of(units)
        before = self._leaves(rows)
        old_chains, old_zones = self._chains_of(before), self._unit_zones
        apply()
        self._tree_changed()
        if np.array_equal(self._unit_zones, old_zones):
            chains = self._chains_of(before)
            differ = chains != old_chains
            changed = Leaves(before.pairs[differ], before.days[differ], before.numbers.compress(differ, axis=0))
            self._credit(changed._replace(numbers=-changed.numbers), old_chains[differ])
            self._credit(changed, chains[differ])
        else:  # days may have changed too
            after = self._leaves(rows)
            self._credit(before._replace(numbers=-before.numbers), old_chains)
            self._credit(after, self._chains_of(after))

    def _rows_of(self, units: Collection[str]) -> Effects:
        """The rows in effect that these units sold and a move may touch: what closed years hold stays as it is."""
        rows = self._ledger.in_effect()
        numbers = [number for unit in units if (number := self._units.get(unit)) is not None]
        asked = np.isin(self._pair_units, np.array(numbers, np.int64))
        rows = rows.compress(asked[rows["pair"]])
        if self.closed_year:
            rows = rows.compress(~self._sold_by(last_day(self.closed_year))(rows))
        return Effects.entered(rows)

    # ---- closed years
    @property
    def closed_year(self) -> int:
        """The last year closed to the records that come next."""
        return self._ledger.closed.year

    @property
    def left_year(self) -> int:
        """The last year whose lines have left memory."""
        return self._ledger.closed.left_year

    def close(self, year: int) -> None:
        """From here on records that touch this year, or one before it, are refused."""
        self._ledger.close(year, self._sold_by(last_day(year)))

    def refused(self) -> list[tuple[int, int]]:
        """(how many records were taken before it, closed year) of those refused since the last question."""
        return self._ledger.refused()

    def retire(self) -> None:
        """Let leave memory what can't change any more since years are closed. Right after a flush.

        Every line leaves whose day's buckets all lie in closed years (128 bits of it remain, to refuse what comes for
        it), and the totals of all such buckets. Void lines stay. Rows in the log stay as they are.
        """
        year = self.closed_year
        self._ledger.retire(self._sold_by(last_whole_day(year)), year)
        self._totals.retire(lambda bucket: is_closed(bucket, year))

    def _sold_by(self, day: str) -> Callable[[Packed], Mask]:
        """Judges which rows hold a sale whose business day is this one or before it."""
        somewhere_ms, everywhere_ms = day_ends(day)

        def judge(rows: Packed) -> Mask:
            occurred_ms = rows["occurred_ms"]
            judged: Mask = occurred_ms < somewhere_ms
            near = np.flatnonzero(~judged & (occurred_ms < everywhere_ms))
            if len(near):
                self._learn_pairs()
                days = self._days.of(self._zones_of(rows.take(near)), occurred_ms[near])
                judged[near] = [self._totals.days.things[number] <= day for number in days.tolist()]
            judged &= rows["revision"] != NO_SALE
            return judged

        return judge

    def _zones_of(self, rows: Packed) -> Rows:
        """The zone by which each row's day is told."""
        units = self._pair_units[rows["pair"].astype(np.int64)]
        zones: Rows = self._unit_zones[units]
        for frozen in self._frozen_zones:
            if (old := rows["occurred_ms"] < frozen.end_ms).any():
                zones[old] = frozen.by_unit[units[old]]
        return zones

    # ---- totals
    def settle(self) -> None:
        """Bring the totals up to the ledger: credit every leaf that changed to its rep and the units of its chain."""
        effects = self._ledger.effects()
        self._learn_pairs()
        if len(effects.rows):
            leaves = self._leaves(effects)
            self._credit(leaves, self._chains_of(leaves))

    def _leaves(self, effects: Effects) -> Leaves:
        """The sums of rows by pair and business day."""
        rows, signs = effects
        pairs = rows["pair"].astype(np.int64)
        days = self._days.of(self._zones_of(rows), rows["occurred_ms"])
        amounts, quantities = amounts_of(rows)
        counts = np.where(rows["returns"] == 0, signs, -signs)
        numbers = np.stack((amounts * signs, quantities * signs, counts, signs), axis=1)
        order, starts = runs(joined(pairs, days))
        first = order[starts]
        return Leaves(pairs[first], days[first], summed(numbers, order, starts))

    def _credit(self, leaves: Leaves, chains: Rows) -> None:
        """Add leaves to the totals of their reps and, by their chains, of the units."""
        # A city's sales are summed before they are spread over its buckets: many stores, one city.
        order, starts = runs(joined(chains, leaves.days))
        first, sums = order[starts], summed(leaves.numbers, order, starts)
        places, credits = self._credits.of(chains[first])
        days = leaves.days[first][places]
        order, starts = runs(joined(credits, days))
        once = order[starts]
        units, reaches = self._credits.members_and_reaches(credits[once])
        self._totals.add(
            np.concatenate((self._pair_members[leaves.pairs], units)),
            np.concatenate((leaves.days, days[once])),
            np.concatenate((self._credits.rep_reaches(chains), reaches)),
            np.concatenate((leaves.numbers, summed(sums, places[order], starts))),
        )

    def _chains_of(self, leaves: Leaves) -> Rows:
        """The number of the chain that each leaf's unit has on its day."""
        units, days = self._pair_units[leaves.pairs], leaves.days
        texts = self._totals.days.things
        some, which = distinct(days)
        seasons = np.array([self.tree.season(texts[day]) for day in some.tolist()], np.int64)[which]
        known, back = distinct(joined(units, seasons))
        first = np.empty(len(known), np.int64)
        first[back] = np.arange(len(units))  # any leaf of each
        chains = [
            chain if (chain := self._chain_in.get(at)) is not None else self._chain(at, unit, day)
            for at, unit, day in zip(known.tolist(), units[first].tolist(), days[first].tolist(), strict=True)
        ]
        return np.array(chains, np.int64)[back]

    def _chain(self, at: int, unit: int, day: int) -> int:
        if len(self._chain_in) >= CHAINS_CACHED_MAX:
            self._chain_in.clear()
        chain = self.tree.chain(self._units.things[unit], self._totals.days.things[day])
        number = self._chain_in[at] = self._credits.chain(chain)
        return number

    def _learn_pairs(self) -> None:
        """Take in the pairs of rep and unit that the ledger has met."""
        new = self._ledger.pairs.things[len(self._pair_units) :]
        if new:
            members, units = self._totals.members, self._units
            self._pair_members = np.append(self._pair_members, [members["rep", rep_id] for rep_id, _ in new])
            self._pair_units = np.append(self._pair_units, [units[unit_id] for _, unit_id in new])
            self._learn_zones()

    def _tree_changed(self) -> None:
        self._chain_in.clear()
        none = np.zeros(0, np.int64)
        self._unit_zones = none
        self._frozen_zones = [_Frozen(end_ms, zones, none) for end_ms, zones in reversed(self.tree.frozen_zones)]
        self._learn_zones()

    def _learn_zones(self) -> None:
        """Take in the zones of units that are new: of all, when the tree has changed."""
        new = self._units.things[len(self._unit_zones) :]
        if new:
            self._unit_zones = self._more_zones(self._unit_zones, new, self.tree.zone)
            self._frozen_zones = [
                known._replace(by_unit=self._more_zones(known.by_unit, new, known.zones.zone))
                for known in self._frozen_zones
            ]

    def _more_zones(self, known: Rows, units: list[str], zone: Callable[[str], str]) -> Rows:
        return np.append(known, [self._days.zone(zone(unit_id)) for unit_id in units])

    # ---- state rows
    @property
    def weight(self) -> int:
        """Bytes that the next flush will write, roughly."""
        ledger = self._ledger
        return LEDGER_ROW_BYTES * ledger.changed_count + EFFECT_BYTES * ledger.effect_count + self._totals.weight

    @property
    def dirty(self) -> bool:
        """Whether the next flush has anything to write."""
        return bool(self._ledger.changed_count or self._ledger.effect_count or self._totals.touched_count)

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        """(ledger blob or None, cell rows) of everything since the last flush."""
        self.settle()
        return self._ledger.flush(), self._totals.flush()

    def blobs(self, rows_max: int) -> Iterator[bytes]:
        """The whole ledger as blobs of so many lines."""
        return self._ledger.blobs(rows_max)

    def cell_rows(self, rows_max: int) -> Iterator[list[tuple[bytes, bytes]]]:
        """Every cell row as of now, so many at a time."""
        self.settle()
        return self._totals.rows(rows_max)

    def listings(self, cells_max: int) -> Iterator[bytes]:
        """See `Totals.listings`."""
        self.settle()
        return self._totals.listings(cells_max)

    def load_listing(self, blob: bytes) -> None:
        """See `Totals.load_listing`."""
        self._totals.load_listing(blob)

    def in_buckets(self, wanted: Callable[[str], bool]) -> Iterator[tuple[MemberKind, str, str, ReachCells]]:
        """See `Totals.in_buckets`."""
        self.settle()
        return self._totals.in_buckets(wanted)

    def again(self, key: bytes) -> bytes | None:
        """A cell row as of now, or None if its member and day hold nothing: never bytes written earlier.

        Raises:
            Retired: it can't be said any more.
        """
        if touches(row_identity(key)[2], self.left_year):
            raise Retired(f"the row of {row_identity(key)} left memory when {self.left_year} was closed")
        self.settle()
        return self._totals.again(key)

    def load_ledger(self, blob: bytes) -> None:
        """Merge a flush's ledger rows; any order and repetition gives the same ledger."""
        self._ledger.load(blob)

    def load_cells(self, key: bytes, value: bytes) -> None:
        """Take a cell row, in any order: which cells it lists matters, their numbers are those of the ledger."""
        self._totals.load(key, value)

    def planted(self, tree: OrgTree) -> None:
        """Recovery: the tree as of the mark, once all rows are loaded. Totals are the sums of the ledger."""
        self.tree = tree
        self._ledger.effects()
        self._learn_pairs()
        self._tree_changed()
        self._totals.begin_again()
        leaves = self._leaves(Effects.entered(self._ledger.in_effect()))
        self._credit(leaves, self._chains_of(leaves))
        self._totals.list_loaded()
