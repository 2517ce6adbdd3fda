"""What is true of a partition after a prefix of each of its sources: worked out from the facts, all at once.

Nothing of this is shared with the product or with the state that the engine keeps.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tests.model.facts import HOME, MONTH, ROOT, Named, Placed, Sale, Target

Board = tuple[str, str]
"""(scope, bucket); documents: ("targets", "") and ("names", "")."""

TARGETS: Board = ("targets", "")
NAMES: Board = ("names", "")


class Truth(NamedTuple):
    """A partition's share: sales by id; each board's units with (sum, number of sales); texts by rep."""

    ledger: dict[str, Sale]
    boards: dict[Board, dict[str, tuple[int, int]]]
    documents: dict[Board, dict[str, str]]


def truth(sales: Iterable[Sale], targets: Iterable[Target], names: Iterable[Named], placed: Iterable[Placed]) -> Truth:
    """Fold facts in any order: of those about the same thing the greatest is the last."""
    ledger = {sale.sale_id: sale for sale in sorted(sales)}
    regions = {fact.unit: fact.region for fact in sorted(placed)}
    boards: dict[Board, dict[str, tuple[int, int]]] = {}
    for sale in ledger.values():
        if sale.voided:
            continue
        for scope in (regions.get(sale.unit, HOME), ROOT):
            for bucket in (sale.day, MONTH):
                board = boards.setdefault((scope, bucket), {})
                total, count = board.get(sale.unit, (0, 0))
                board[sale.unit] = total + sale.amount, count + 1
    documents = {
        TARGETS: {fact.rep: str(fact.value) for fact in sorted(targets)},
        NAMES: {fact.rep: fact.name for fact in sorted(names)},
    }
    return Truth(ledger, boards, documents)
