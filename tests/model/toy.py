"""A partition's state in small, with the properties that make recovery and compaction dangerous.

Its ledger blobs merge by the greater entry; each totals record carries the present total of the whole month; and a
control fact changes what a member's sales are worth, so that totals depend on the control prefix too.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from processors.engine.changelog import LEDGER
from processors.engine.workshop import Folded
from processors.redirects import Redirect

pack, unpack = msgspec.msgpack.encode, msgspec.msgpack.decode
Rows = list[tuple[bytes, bytes]]


class Sale(NamedTuple):
    """A fact: of one sale the greatest counts."""

    sale_id: str
    revision: int
    member: str
    day: str
    amount: int


class Worth(NamedTuple):
    """A control fact: from now on a member's sales count this many times."""

    member: str
    factor: int


class SourceRecord(NamedTuple):
    """A record of a source topic; without a fact it is poison."""

    offset: int
    fact: Sale | None


class Toy:
    """What one partition knows."""

    def __init__(self) -> None:
        self.ledger: dict[str, Sale] = {}
        self.factors: dict[str, int] = {}
        self.totals: dict[str, int] = {}  # "a1": member a on day 1; "a": member a in the month
        self._changed: dict[str, Sale] = {}
        self._touched: dict[str, None] = {}

    def apply(self, sale: Sale) -> None:
        known = self.ledger.get(sale.sale_id)
        if known is None or known < sale:
            if known is not None:
                self._add(known, -self.factors.get(known.member, 1))
            self._add(sale, self.factors.get(sale.member, 1))
            self.ledger[sale.sale_id] = self._changed[sale.sale_id] = sale

    def _add(self, sale: Sale, factor: int) -> None:
        for cell in (sale.member + sale.day, sale.member):
            self.totals[cell] = self.totals.get(cell, 0) + factor * sale.amount
        self._touched[sale.member + sale.day] = None

    def control(self, facts: Sequence[Any]) -> None:
        for fact in facts:
            difference = fact.factor - self.factors.get(fact.member, 1)
            for sale in self.ledger.values():
                if sale.member == fact.member:
                    self._add(sale, difference)
            self.factors[fact.member] = fact.factor

    @property
    def weight(self) -> int:
        return len(self._touched)

    def flush(self) -> tuple[bytes | None, Rows]:
        blob = pack(list(self._changed.values())) if self._changed else None
        rows = [(cell.encode(), self._row(cell)) for cell in self._touched]
        self._changed, self._touched = {}, {}
        return blob, rows

    def _row(self, cell: str) -> bytes:
        return pack([self.totals[cell], self.totals[cell[0]]])

    def again(self, key: bytes) -> bytes | None:
        cell = key.decode()
        return self._row(cell) if cell in self.totals else None

    def load(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            return
        if key.startswith(LEDGER):
            for entry in unpack(value):
                sale = Sale(*entry)
                self.ledger[sale.sale_id] = max(sale, self.ledger.get(sale.sale_id, sale))
        else:
            cell = key.decode()
            self.totals[cell], self.totals[cell[0]] = unpack(value)

    def plant(self, facts: Iterable[Any]) -> None:
        self.factors = {fact.member: fact.factor for fact in facts}


def reduce(state: Toy, source: str, records: Iterable[SourceRecord]) -> Folded:
    """Fold what can be read; the rest goes to the dead letters."""
    letters, count, last = [], 0, -1
    for record in records:
        count, last = count + 1, record.offset
        if record.fact is None:
            letters.append(Redirect("dead_lettered", "not_json", "letters", 0, str(record.offset).encode(), None, []))
        else:
            state.apply(record.fact)
    return Folded(count, last, letters)
