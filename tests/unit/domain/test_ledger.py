"""The ledger of a partition: its rows stay what they are while it grows, and blobs rebuild it in whatever order."""

from __future__ import annotations

import itertools

import pytest

from domain.ledger import Ledger
from events.contract import SaleRecorded


def sale(number: int, amount_minor: int = 100, revision: int = 1) -> SaleRecorded:
    return SaleRecorded(
        sale_id=f"S{number}",
        rep_id=f"r{number % 7}",
        unit_id="s1",
        occurred_at="2026-01-05T10:00:00+08:00",
        amount_minor=amount_minor,
        currency="CNY",
        quantity=1,
        revision=revision,
    )


def recorded(ledger: Ledger, *sales: SaleRecorded) -> None:
    for one in sales:
        ledger.record("/pos", one, 1_000 + one.revision)


def test_who_looks_at_the_lines_sees_them_as_they_were_while_the_ledger_grows() -> None:
    ledger = Ledger()
    recorded(ledger, *map(sale, range(10)))
    looked = ledger.lines()
    first = next(looked)
    recorded(ledger, *map(sale, range(10, 9_000)))
    ledger.fold()
    assert [first, *looked] == list(itertools.islice(ledger.lines(), 10))
    assert len(ledger) == 9_000


@pytest.mark.parametrize("at_once", [1, 2, 5])
def test_blobs_with_a_line_several_times_rebuild_the_ledger_in_any_order(at_once: int) -> None:
    ledger, blobs = Ledger(), []
    for changes in ([sale(1), sale(2)], [sale(1, 250, revision=3), sale(3)], [sale(1, 200, revision=2), sale(4)]):
        recorded(ledger, *changes)
        blobs.append(ledger.flush())
    ledger.void("/pos", "S2", 1, "r2")
    blobs.append(ledger.flush())
    truth = dict(ledger.lines())
    assert len(truth) == 4
    for order in itertools.permutations(blobs):
        again = Ledger()
        for number, blob in enumerate((*order, order[0]), start=1):
            assert blob is not None
            again.load(blob)
            if number % at_once == 0:
                again.fold()
        assert dict(again.lines()) == truth
