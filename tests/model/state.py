"""A partition's state in small, with the properties that make recovery and compaction dangerous.

Ledger blobs merge by the greater sale. A row of cells carries the present month beside its day, so that a month stands
in several rows of which only the newest is right; it keeps every scope that it ever listed; and a control fact moves
what was sold before, by difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from processors.engine.changelog import LEDGER
from processors.engine.workshop import Folded
from processors.redirects import Redirect
from tests.model.facts import HOME, MONTH, ROOT, Named, Placed, Sale, SourceRecord, Target
from tests.model.oracle import NAMES, TARGETS, Board

pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder().decode
_sales = msgspec.msgpack.Decoder(list[Sale]).decode

Entry = tuple[Board, str, Any]
"""Board, member, (sum, number of sales) or a text."""

_NOTHING = (0, 0)


class State:
    """What one partition knows."""

    def __init__(self) -> None:
        self.ledger: dict[str, Sale] = {}
        self.cells: dict[tuple[Board, str], tuple[int, int]] = {}
        self.latest: dict[bytes, Target | Named] = {}
        self.placed: dict[str, Placed] = {}
        self.scopes: dict[bytes, dict[str, None]] = {}  # of a row of cells: every scope that it ever listed
        self._changed: dict[str, Sale] = {}
        self._touched: dict[bytes, None] = {}

    # ---- facts
    def apply(self, fact: Sale | Target | Named) -> None:
        if isinstance(fact, Sale):
            known = self.ledger.get(fact.sale_id)
            if known is None or known < fact:
                if known is not None:
                    self._add(known, -1)
                self._add(fact, 1)
                self.ledger[fact.sale_id] = self._changed[fact.sale_id] = fact
        else:
            key = (b"T" if isinstance(fact, Target) else b"N") + fact.rep.encode()
            known_fact = self.latest.get(key)
            if known_fact is None or known_fact < fact:
                self.latest[key] = fact
                self._touched[key] = None

    def _add(self, sale: Sale, sign: int) -> None:
        if sale.voided:
            return
        placed = self.placed.get(sale.unit)
        scopes = (placed.region if placed else HOME, ROOT)
        key = f"C{sale.unit}{sale.day}".encode()
        listed = self.scopes.setdefault(key, {})
        for scope in scopes:
            listed[scope] = None
            for bucket in (sale.day, MONTH):
                where = (scope, bucket), sale.unit
                total, count = self.cells.get(where, _NOTHING)
                self.cells[where] = total + sign * sale.amount, count + sign
        self._touched[key] = None

    def control(self, facts: Sequence[Any]) -> None:
        for fact in facts:
            known = self.placed.get(fact.unit)
            if known is None or known < fact:
                moved = [sale for sale in self.ledger.values() if sale.unit == fact.unit]
                for sale in moved:
                    self._add(sale, -1)
                self.placed[fact.unit] = fact
                for sale in moved:
                    self._add(sale, 1)

    # ---- as the engine's PartitionCore
    @property
    def weight(self) -> int:
        return len(self._touched)

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        blob = pack(list(self._changed.values())) if self._changed else None
        rows = [(key, self.row(key)) for key in self._touched]
        self._changed, self._touched = {}, {}
        return blob, rows

    def row(self, key: bytes) -> bytes:
        """A row as of now."""
        if key[:1] != b"C":
            return pack(self.latest[key])
        unit, day = tuple(key[1:].decode())
        return pack(
            [
                (scope, *(self.cells.get(((scope, bucket), unit), _NOTHING) for bucket in (day, MONTH)))
                for scope in self.scopes[key]
            ]
        )

    def again(self, key: bytes) -> bytes | None:
        return self.row(key) if key in self.scopes or key in self.latest else None

    def load(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            return
        if key[:1] == LEDGER:
            for sale in _sales(value):
                known = self.ledger.get(sale.sale_id)
                self.ledger[sale.sale_id] = sale if known is None else max(sale, known)
        elif key[:1] == b"C":
            self.scopes.setdefault(key, {}).update(dict.fromkeys(scope for scope, *_ in unpack(value)))
            for board, member, cell in entries(key, value):
                self.cells[board, member] = cell
        else:
            self.latest[key] = (Target if key[:1] == b"T" else Named)(*unpack(value))

    def plant(self, facts: Sequence[Any]) -> None:
        self.placed = {fact.unit: fact for fact in sorted(facts)}


def entries(key: bytes, value: bytes) -> list[Entry]:
    """What a row sets on the boards."""
    if key[:1] != b"C":
        rep, _, text = unpack(value)
        return [(TARGETS if key[:1] == b"T" else NAMES, rep, str(text))]
    unit, day = tuple(key[1:].decode())
    return [
        ((scope, bucket), unit, (total, count))
        for scope, *cells in unpack(value)
        for bucket, (total, count) in zip((day, MONTH), cells, strict=True)
    ]


def reduce(state: State, source: str, records: Iterable[SourceRecord]) -> Folded:
    """Fold what can be read; the rest goes to the dead letters."""
    letters, count, last = [], 0, -1
    for record in records:
        count, last = count + 1, record.offset
        if record.fact is None:
            letters.append(Redirect("dead_lettered", "not_json", "letters", 0, str(record.offset).encode(), None, []))
        else:
            state.apply(record.fact)
    return Folded(count, last, letters)
