"""The sales fold of one partition: ledger and totals, in plain Python.

The ledger keeps what is true of every sale line; totals are moved by the difference between what a line said before and
says now, so neither order nor repetition can change them. Totals are settled once per flush, from the distinct
(rep, unit, day) that changed, which is what makes a hot rep cheap.

This is the reference: a packed fold may replace it behind the same methods, and must agree with it on everything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import TypeVar

from domain.accounting import APPLIED, DUPLICATE, SUPERSEDED
from domain.boards import REP, MemberKind
from domain.calendar import DayOf, buckets_of
from domain.org import OrgTree
from domain.rows import CELLS, pack, row_identity, row_key, unpack
from events.contract import SaleRecorded

LineKey = tuple[str, str, int, str]
"""(source, sale_id, line, rep_id): the identity of a sale line."""

Sale = tuple[int, int, str, int, int, str, str, str, str]
"""(revision, occurred_ms, unit_id, amount_minor, quantity, product_id, category, channel, returns): greatest counts."""

Line = tuple[bool, Sale | None]
"""(voided, the greatest sale known): a void may come before its sale."""

Leaf = tuple[str, str, str]
"""(rep_id, unit_id, business day): what a line in effect adds to."""

Chain = tuple[tuple[str, str | None], ...]
Numbers = list[int]

Reach = tuple[str, tuple[str, ...]]
"""(MEMBERS, scopes): on whose boards, and as what, a member's sales of one chain count; they count for its whole too.

A member mostly has one reach in a bucket, so cells are kept by reach and not by scope: a scope's cell is the sum over
the reaches that hold it.
"""

UnitReach = tuple[str, int]
"""(unit_id, number of its reach): a unit of a chain, and where its sales count by that chain."""

Key = TypeVar("Key")

REACHES_CACHED_MAX = 200_000
LEDGER_ROW_BYTES = 150
CELL_ROW_BYTES = 250
LEAF_BYTES = 600  # the rep's row, the store's, and a part of those above it
REACH_BYTES = 90


class SalesFold:
    """Ledger and totals of one partition, and what changed since the last flush.

    Args:
        tree: the organisation; the fold reads it and is told by ``moved`` when it changes.
    """

    def __init__(self, tree: OrgTree) -> None:
        self.tree = tree
        self.ledger: dict[LineKey, Line] = {}
        self.units: set[str] = set()  # every unit named by a line: which of them a move touches
        self._reaches: list[Reach] = []
        self._reach_numbers: dict[Reach, int] = {}
        self._reached: dict[
            tuple[str, str], tuple[int, list[UnitReach]]
        ] = {}  # by unit and day, until the tree changes
        self._cells: dict[tuple[MemberKind, str, str], dict[int, Numbers]] = {}  # by member and bucket, then reach
        self._days: dict[str, Callable[[int], str]] = {}
        self._zones: dict[str, DayOf] = {}
        self._leaves: dict[Leaf, Numbers] = {}  # not yet settled into cells
        self._leaves_weight = 0
        self._touched_weight = 0
        self._changed: dict[LineKey, Line] = {}
        self._touched: dict[tuple[MemberKind, str, str], None] = {}

    # ---- facts
    def record(self, source: str, data: SaleRecorded, occurred_ms: int) -> str:
        """Take a recorded sale line; returns its outcome."""
        key = (source, data.sale_id, data.line, data.rep_id)
        sale = (
            data.revision,
            occurred_ms,
            data.unit_id,
            data.amount_minor,
            data.quantity,
            data.product_id or "",
            data.category or "",
            data.channel or "",
            data.returns or "",
        )
        old = self.ledger.get(key)
        if old is None:
            self.units.add(data.unit_id)
        else:
            voided, best = old
            if best is not None and sale <= best:
                return DUPLICATE if sale == best else SUPERSEDED
            if voided:
                self.ledger[key] = self._changed[key] = (True, sale)
                return SUPERSEDED
            assert best is not None, "a line that is not void has a sale"
            self.units.add(data.unit_id)
            self._add(data.rep_id, best, -1)
        self.ledger[key] = self._changed[key] = (False, sale)
        self._add(data.rep_id, sale, 1)
        return APPLIED

    def void(self, key: LineKey) -> str:
        """Take a void, for ever, whether or not its sale is known; returns its outcome."""
        voided, best = self.ledger.get(key, (False, None))
        if voided:
            return DUPLICATE
        if best is not None:
            self._add(key[3], best, -1)
        self.ledger[key] = self._changed[key] = (True, best)
        return APPLIED

    def _add(self, rep_id: str, sale: Sale, sign: int) -> None:
        """Add a line's effect to its leaf, or take it away."""
        unit_id = sale[2]
        day_of = self._days.get(unit_id) or self._learn_zone(unit_id)
        leaf = (rep_id, unit_id, day_of(sale[1]))
        numbers = self._leaves.get(leaf)
        if numbers is None:
            numbers = self._leaves[leaf] = [0, 0, 0, 0]
            # A web shop's account that sold in a thousand stores has a row a thousand times as long.
            reaches = self._cells.get(("rep", rep_id, buckets_of(leaf[2])[-1]))
            self._leaves_weight += LEAF_BYTES + REACH_BYTES * len(reaches or ())
        numbers[0] += sign * sale[3]
        numbers[1] += sign * sale[4]
        numbers[2] += -sign if sale[8] else sign
        numbers[3] += sign

    def _learn_zone(self, unit_id: str) -> Callable[[int], str]:
        zone = self.tree.zone(unit_id)
        if zone not in self._zones:
            self._zones[zone] = DayOf(zone)
        day_of = self._days[unit_id] = self._zones[zone].of
        return day_of

    # ---- the organisation moves
    def moved(self, units: Collection[str], apply: Callable[[], None]) -> None:
        """Change the tree by ``apply`` and re-attribute by difference what the lines of ``units`` sold.

        Args:
            units: the units whose chain or zone may change, as the tree stood before.
            apply: changes the tree.
        """
        self.settle()
        touched = set(units) & self.units
        before = self._leaves_of(touched)
        old_chains = {leaf[1:]: self.tree.chain(leaf[1], leaf[2]) for leaf in before}
        old_zones = {unit: self.tree.zone(unit) for unit in touched}
        apply()
        self._days.clear()
        self._reached.clear()
        after = before
        if any(self.tree.zone(unit) != zone for unit, zone in old_zones.items()):
            after = self._leaves_of(touched)
        for leaf, numbers in before.items():
            if after.get(leaf) != numbers or old_chains[leaf[1:]] != self.tree.chain(leaf[1], leaf[2]):
                self._settle_leaf(leaf, [-n for n in numbers], old_chains[leaf[1:]])
        for leaf, numbers in after.items():
            chain = self.tree.chain(leaf[1], leaf[2])
            if before.get(leaf) != numbers or old_chains[leaf[1:]] != chain:
                self._settle_leaf(leaf, numbers, chain)

    def _leaves_of(self, units: Collection[str]) -> dict[Leaf, Numbers]:
        """What the lines of these units add to, by the zones of now, from the ledger."""
        pending, self._leaves = self._leaves, {}
        if units:
            for (_, _, _, rep_id), (voided, sale) in self.ledger.items():
                if not voided and sale is not None and sale[2] in units:
                    self._add(rep_id, sale, 1)
        leaves, self._leaves, self._leaves_weight = self._leaves, pending, 0
        return leaves

    # ---- totals
    def settle(self) -> None:
        """Bring the cells up to the ledger: add every changed leaf to its rep and to the units of its chain."""
        leaves, self._leaves, self._leaves_weight = self._leaves, {}, 0
        by_unit: dict[tuple[str, str], Numbers] = {}
        for (rep_id, unit_id, day), numbers in leaves.items():
            at = (unit_id, day)
            reach, _ = self._reached.get(at) or self._reach(at)
            self._add_cells("rep", rep_id, day, reach, numbers)
            _accumulate(by_unit, at, numbers)
        # A city's sales are summed before they are spread over its buckets: many stores, one city.
        by_reach: dict[tuple[str, int, str], Numbers] = {}
        for at, numbers in by_unit.items():
            for unit_id, reach in (self._reached.get(at) or self._reach(at))[1]:
                _accumulate(by_reach, (unit_id, reach, at[1]), numbers)
        for (unit_id, reach, day), numbers in by_reach.items():
            self._add_cells("unit", unit_id, day, reach, numbers)

    def _settle_leaf(self, leaf: Leaf, numbers: Numbers, chain: Chain) -> None:
        rep_id, _, day = leaf
        reach, units = self._reach_of(chain)
        self._add_cells("rep", rep_id, day, reach, numbers)
        for unit_id, unit_reach in units:
            self._add_cells("unit", unit_id, day, unit_reach, numbers)

    def _reach(self, at: tuple[str, str]) -> tuple[int, list[UnitReach]]:
        """Where the sales of a unit on a day count, remembered until the tree changes."""
        if len(self._reached) >= REACHES_CACHED_MAX:
            self._reached.clear()
        found = self._reached[at] = self._reach_of(self.tree.chain(*at))
        return found

    def _reach_of(self, chain: Chain) -> tuple[int, list[UnitReach]]:
        """(the rep's reach, every unit's): a rep counts in all scopes of the chain, a unit in those above it."""
        ids = tuple(unit_id for unit_id, _ in chain)
        units = [
            (unit_id, self._number((level or "", ids[at + 1 :] if level is not None else ())))
            for at, (unit_id, level) in enumerate(chain)
        ]
        return self._number((REP, ids)), units

    def _number(self, reach: Reach) -> int:
        number = self._reach_numbers.get(reach)
        if number is None:
            number = self._reach_numbers[reach] = len(self._reaches)
            self._reaches.append(reach)
        return number

    def _add_cells(self, kind: MemberKind, member_id: str, day: str, reach: int, numbers: Numbers) -> None:
        revenue, quantity, count, lines = numbers
        cells: dict[int, Numbers] | None = None
        for bucket in buckets_of(day):
            cells = self._cells.get((kind, member_id, bucket))
            if cells is None:
                cells = self._cells[kind, member_id, bucket] = {}
            cell = cells.get(reach)
            if cell is None:
                cells[reach] = [revenue, quantity, count, lines]
            else:
                cell[0] += revenue
                cell[1] += quantity
                cell[2] += count
                cell[3] += lines
        if (key := (kind, member_id, day)) not in self._touched:
            self._touched[key] = None
            self._touched_weight += CELL_ROW_BYTES + REACH_BYTES * len(cells or ())

    # ---- state rows
    @property
    def weight(self) -> int:
        """Bytes that the next flush will write, roughly."""
        return LEDGER_ROW_BYTES * len(self._changed) + self._touched_weight + self._leaves_weight

    @property
    def dirty(self) -> bool:
        """Whether the next flush has anything to write."""
        return bool(self._changed or self._leaves or self._touched)

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        """(ledger blob or None, cell rows) of everything since the last flush."""
        self.settle()
        blob = pack([(*key, *line) for key, line in self._changed.items()]) if self._changed else None
        rows = [(row_key(CELLS, *key), self._render(key)) for key in self._touched]
        self._changed, self._touched, self._touched_weight = {}, {}, 0
        return blob, rows

    def _render(self, key: tuple[MemberKind, str, str]) -> bytes:
        """A cell row: every reach that the member ever had in the day's buckets, so that its sums are complete."""
        kind, member_id, day = key
        listed: dict[int, int] = {}
        buckets = []
        for bucket in buckets_of(day):
            numbers: list[int] = []
            for reach, cell in self._cells[kind, member_id, bucket].items():
                numbers.append(listed.setdefault(reach, len(listed)))
                numbers += cell
            buckets.append(numbers)
        scopes: dict[str, int] = {}
        reaches = [
            (members, [scopes.setdefault(scope, len(scopes)) for scope in ids])
            for members, ids in map(self._reaches.__getitem__, listed)
        ]
        return pack((list(scopes), reaches, buckets))

    def again(self, key: bytes) -> bytes | None:
        """A cell row as of now, or None if its member and day hold nothing: never bytes written earlier."""
        self.settle()
        kind, member_id, day = row_identity(key)
        return self._render((kind, member_id, day)) if (kind, member_id, day) in self._cells else None

    def load_ledger(self, blob: bytes) -> None:
        """Merge a flush's ledger rows; any order and repetition gives the same ledger."""
        for source, sale_id, line, rep_id, voided, sale in unpack(blob):
            key = (source, sale_id, line, rep_id)
            known_voided, best = self.ledger.get(key, (False, None))
            read = tuple(sale) if sale is not None else None
            if best is None or (read is not None and read > best):
                best = read
            self.ledger[key] = (voided or known_voided, best)
            if best is not None:
                self.units.add(best[2])

    def load_cells(self, key: bytes, value: bytes) -> None:
        """Take a cell row, in log order: a month's cells stand in the rows of many days and the newest are right."""
        kind, member_id, day = row_identity(key)
        scopes, reaches, buckets = unpack(value)
        known = [self._number((members, tuple(scopes[i] for i in ids))) for members, ids in reaches]
        for bucket, numbers in zip(buckets_of(day), buckets, strict=True):
            self._cells[kind, member_id, bucket] = {
                known[numbers[i]]: numbers[i + 1 : i + 5] for i in range(0, len(numbers), 5)
            }

    def planted(self, tree: OrgTree) -> None:
        """Recovery: the tree as of the mark, once all rows are loaded."""
        self.tree = tree
        self._days.clear()
        self._reached.clear()


def _accumulate(sums: dict[Key, Numbers], key: Key, numbers: Numbers) -> None:
    known = sums.get(key)
    if known is None:
        sums[key] = list(numbers)
    else:
        for i in range(4):
            known[i] += numbers[i]
