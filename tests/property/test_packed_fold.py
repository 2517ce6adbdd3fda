"""The packed sales fold says what its plain twin says: outcomes, lines, and every cell after every flush."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.boards import AttainmentGroup, BoardGroup
from domain.cells import EMPTY, Cell
from domain.entries import CellEntry, Entry, WholeEntry
from domain.ledger import digest_of
from domain.org import OrgTree
from domain.row_index import NONE, RowIndex, mixed
from domain.rows import LEDGER, LISTING, entries
from domain.sales_fold import SalesFold
from events.facts import Fact
from tests.reference.plain_sales_fold import PlainSalesFold
from tests.unit.domain.build import placed

ZONE = "Asia/Shanghai"
SEEDS = range(40)
STEPS = 60
UNITS = ("store-1", "store-2", "store-3", "area-1", "area-2", "nation-1")
ZONES = (None, None, None, "Pacific/Auckland", "America/Los_Angeles")
JUNE_MS, DAYS_MS = 1_780_243_200_000, 86_400_000

Shown = dict[tuple[str, BoardGroup | AttainmentGroup, str], Cell]


class Pair:
    """The packed fold and its twin, told the same; the packed one is also restarted from its rows."""

    def __init__(self, rnd: random.Random) -> None:
        self.random = rnd
        self.facts: list[Fact] = []  # of the organisation
        self.marked = 0
        self.plain, self.packed = PlainSalesFold(OrgTree(ZONE)), SalesFold(OrgTree(ZONE))
        self.log: list[tuple[bytes, bytes]] = []
        self.shown: tuple[Shown, Shown] = ({}, {})

    def sale(self) -> None:
        """Few lines, so that they meet; the greatest numbers that the contract takes, and small ones."""
        draw = self.random.choice
        data: Any = type("Sale", (), {})()
        data.sale_id, data.line, data.rep_id = draw("ab") + draw("12"), draw((1, 2)), draw("xyz")
        data.revision, data.unit_id = draw((0, 0, 1, 2, 2**31 - 1)), draw(UNITS)
        data.amount_minor, data.quantity = draw((0, 1, -5, 10**11, -(10**11))), draw((0, 1, -1, 10**6, -(10**6)))
        data.product_id, data.category, data.channel = draw((None, "p", "q")), draw((None, "c")), draw((None, "web"))
        data.returns = draw((None, None, "ab"))
        at = JUNE_MS + draw(range(40)) * DAYS_MS // 2 + draw((0, 0, 1, 3_600_000))
        for fold in (self.plain, self.packed):
            fold.record("/pos", data, at)

    def void(self) -> None:
        draw = self.random.choice
        line = ("/pos", draw("ab") + draw("12"), draw((1, 2)), draw("xyz"))
        for fold in (self.plain, self.packed):
            fold.void(*line)

    def move(self) -> None:
        """A unit is placed under another one from some day on, and perhaps in another zone."""
        draw = self.random.choice
        day = f"2026-{draw(('01', '06'))}-{draw(('01', '10', '20'))}"
        fact = placed(draw(UNITS), draw((None, *UNITS)), day, revision=len(self.facts), time_zone=draw(ZONES))
        self.facts.append(fact)
        for fold in (self.plain, self.packed):
            units = [unit for unit in UNITS if fact.data.unit_id in fold.tree.reaches(unit)]
            fold.moved(units, partial(fold.tree.apply, fact))

    def flush(self) -> None:
        blob, rows = self.packed.flush()
        self.log += [(LEDGER, blob)] if blob is not None else []
        self.log += rows
        self.marked = len(self.facts)
        show(self.shown[0], [entry for key, value in rows for entry in entries(key, value)])
        show(self.shown[1], self.plain.entries())

    def restart(self) -> None:
        """Only from what was flushed, in any order, some of it twice."""
        self.flush()
        self.packed = SalesFold(OrgTree(ZONE))
        for key, value in self.random.sample(self.log * 2, 2 * len(self.log)):
            if key == LEDGER:
                self.packed.load_ledger(value)
            elif key == LISTING:
                self.packed.load_listing(value)
            else:
                self.packed.load_cells(key, value)
        tree = OrgTree(ZONE)
        for fact in self.facts:
            tree.apply(fact)
        self.packed.planted(tree)

    def check(self) -> None:
        assert self.packed.outcomes() == self.plain.outcomes()
        lines = {digest_of(*key): line for key, line in self.plain.ledger.items()}
        assert dict(self.packed.lines()) == lines
        assert self.packed.line_count == len(lines)
        self.flush()
        packed, plain = ({name: c for name, c in shown.items() if c != EMPTY} for shown in self.shown)
        assert packed == plain


def show(shown: Shown, said: list[Entry]) -> None:
    for entry in said:
        assert isinstance(entry, CellEntry | WholeEntry)
        shown[type(entry).__name__, entry.group, entry.member_id] = entry.cell


def test_random_histories_are_folded_alike() -> None:
    for seed in SEEDS:
        rnd = random.Random(seed)
        pair = Pair(rnd)
        for _ in range(STEPS):
            rnd.choices((pair.sale, pair.void, pair.move, pair.flush, pair.check), (60, 12, 6, 6, 3))[0]()
            if rnd.random() < 0.03:
                pair.check()
                pair.restart()
        pair.check()
        pair.restart()
        pair.check()


def test_what_a_state_says_of_itself_rebuilds_it() -> None:
    for seed in SEEDS:
        rnd = random.Random(seed)
        pair = Pair(rnd)
        for _ in range(STEPS):
            rnd.choices((pair.sale, pair.void, pair.move), (8, 1, 1))[0]()
        pair.check()
        blobs, rows = list(pair.packed.blobs(7)), [row for some in pair.packed.cell_rows(5) for row in some]
        pair.log = [*((LEDGER, blob) for blob in blobs), *rows]
        lines = dict(pair.packed.lines())
        pair.restart()
        assert dict(pair.packed.lines()) == lines
        assert dict(row for some in pair.packed.cell_rows(100) for row in some) == dict(rows)
        pair.log = [*((LEDGER, blob) for blob in blobs), *((LISTING, blob) for blob in pair.packed.listings(30))]
        pair.restart()
        assert dict(row for some in pair.packed.cell_rows(100) for row in some) == dict(rows)
        pair.check()


def test_a_line_that_comes_a_thousand_times_in_one_piece_counts_once() -> None:
    pair = Pair(random.Random(1))
    for _ in range(1_000):
        state = pair.random.getstate()
        pair.sale()
        pair.random.setstate(state)
    assert sum(pair.packed.outcomes().values()) == 1_000
    pair.plain.outcomes()
    pair.check()


@given(st.lists(st.integers(0, 2**64 - 1), unique=True, max_size=300), st.lists(st.integers(0, 2**64 - 1), max_size=20))
@settings(max_examples=60, deadline=None)
def test_the_index_finds_what_was_added_and_nothing_else(known: list[int], others: list[int]) -> None:
    keys = np.array(known, np.uint64)
    index = RowIndex(lambda count: mixed(keys[:count]))
    for first in range(0, len(known), 7):
        index.add(mixed(keys[first : first + 7]))
    asked = np.array(known + others, np.uint64)
    found = index.find(mixed(asked), lambda rows, places: keys[rows] == asked[places])
    assert found.tolist() == [known.index(key) if key in known else NONE for key in known + others]
