"""The sales fold in plain Python: dicts, and a loop a record. The packed fold must agree with it on everything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection

from domain.accounting import APPLIED, DUPLICATE, SUPERSEDED
from domain.boards import AttainmentGroup, BoardGroup
from domain.calendar import DayOf, buckets_of
from domain.cells import EMPTY, Cell
from domain.entries import CellEntry, Entry, WholeEntry
from domain.org import OrgTree
from events.contract import SaleRecorded

LineKey = tuple[str, str, int, str]
Sale = tuple[int, int, str, int, int, str, str, str, str]
Reach = tuple[str, tuple[str, ...]]


class PlainSalesFold:
    """Ledger and totals of one partition.

    Args:
        tree: the organisation.
    """

    def __init__(self, tree: OrgTree) -> None:
        self.tree = tree
        self.ledger: dict[LineKey, tuple[bool, Sale | None]] = {}
        self.counted: Counter[tuple[str, str]] = Counter()
        self.cells: dict[tuple[str, str, str], dict[Reach, Cell]] = {}  # by member kind, member and bucket
        self.touched: set[tuple[str, str, str]] = set()

    def outcomes(self) -> Counter[tuple[str, str]]:
        told, self.counted = self.counted, Counter()
        return told

    def record(self, source: str, data: SaleRecorded, occurred_ms: int) -> None:
        key = (source, data.sale_id, data.line, data.rep_id)
        texts = (data.product_id or "", data.category or "", data.channel or "", data.returns or "")
        sale = (data.revision, occurred_ms, data.unit_id, data.amount_minor, data.quantity, *texts)
        self.counted["sale.recorded.v1", self._record(key, sale)] += 1

    def _record(self, key: LineKey, sale: Sale) -> str:
        voided, best = self.ledger.get(key, (False, None))
        if best is not None and sale <= best:
            return DUPLICATE if sale == best else SUPERSEDED
        self.ledger[key] = (voided, sale)
        if voided:
            return SUPERSEDED
        if best is not None:
            self._add(key[3], best, -1)
        self._add(key[3], sale, 1)
        return APPLIED

    def void(self, source: str, sale_id: str, line: int, rep_id: str) -> None:
        voided, best = self.ledger.get((source, sale_id, line, rep_id), (False, None))
        self.counted["sale.voided.v1", DUPLICATE if voided else APPLIED] += 1
        self.ledger[source, sale_id, line, rep_id] = (True, best)
        if not voided and best is not None:
            self._add(rep_id, best, -1)

    def moved(self, units: Collection[str], apply: Callable[[], object]) -> None:
        """Take away what the units sold, change the tree, and add it again."""
        lines = [(key[3], sale) for key, (voided, sale) in self.ledger.items() if sale and not voided]
        for rep_id, sale in lines:
            if sale[2] in units:
                self._add(rep_id, sale, -1)
        apply()
        for rep_id, sale in lines:
            if sale[2] in units:
                self._add(rep_id, sale, 1)

    def _add(self, rep_id: str, sale: Sale, sign: int) -> None:
        day = DayOf(self.tree.zone(sale[2])).of(sale[1])
        chain = self.tree.chain(sale[2], day)
        ids = tuple(unit for unit, _ in chain)
        cell = Cell(sign * sale[3], sign * sale[4], -sign if sale[8] else sign, sign)
        self._add_cell("rep", rep_id, day, ("rep", ids), cell)
        for at, (unit, level) in enumerate(chain):
            self._add_cell("unit", unit, day, (level or "", ids[at + 1 :] if level is not None else ()), cell)

    def _add_cell(self, kind: str, member_id: str, day: str, reach: Reach, cell: Cell) -> None:
        for bucket in buckets_of(day):
            by_reach = self.cells.setdefault((kind, member_id, bucket), {})
            by_reach[reach] = by_reach.get(reach, EMPTY).plus(cell)
        self.touched.add((kind, member_id, day))

    def entries(self) -> list[Entry]:
        """The board entries of what was touched since the last question."""
        touched, self.touched = self.touched, set()
        found: list[Entry] = []
        for kind, member_id, bucket in {(kind, member, b) for kind, member, day in touched for b in buckets_of(day)}:
            whole, by_group = EMPTY, dict[BoardGroup, Cell]()
            for (members, scopes), cell in self.cells[kind, member_id, bucket].items():
                whole = whole.plus(cell)
                for scope in scopes:
                    group = BoardGroup(scope, members, bucket)
                    by_group[group] = by_group.get(group, EMPTY).plus(cell)
            found.append(WholeEntry(AttainmentGroup("rep" if kind == "rep" else "unit", bucket), member_id, whole))
            found += [CellEntry(group, member_id, cell) for group, cell in by_group.items()]
        return found
