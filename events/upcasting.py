"""Older versions of events, and how each becomes the next.

A worked example, and the pattern for every later change: when ``sale.recorded.v2`` comes, today's class moves here
under its versioned name, gets a function to the new class, and a row in ``events.registry``. Records of the old version
stay in the log for ever and are read for ever; the rest of the product only ever sees the newest.

``sale.recorded.v0`` is what point-of-sale systems sent before the contract was fixed: other names for the rep, the unit
and the instant, and money as one object.
"""

from __future__ import annotations

from events.contract import AmountMinor, Contract, Currency, Instant, Line, Quantity, Revision, SaleRecorded, Text


class Money(Contract):
    """An amount with its currency.

    Attributes:
        minor: minor units.
        currency: ISO 4217 code.
    """

    minor: AmountMinor
    currency: Currency


class SaleRecordedV0(Contract):
    """``sale.recorded.v0``; see ``SaleRecorded`` for the meaning of the fields.

    Attributes:
        sale_id: as in v1.
        line: as in v1.
        revision: as in v1.
        seller_id: v1's ``rep_id``.
        store_id: v1's ``unit_id``.
        sold_at: v1's ``occurred_at``.
        price: v1's ``amount_minor`` and ``currency``.
        quantity: as in v1.
    """

    sale_id: Text
    line: Line = 1
    revision: Revision = 0
    seller_id: Text
    store_id: Text
    sold_at: Instant
    price: Money
    quantity: Quantity = 1


def sale_recorded_v1(old: SaleRecordedV0) -> SaleRecorded:
    """``sale.recorded.v0`` as v1."""
    return SaleRecorded(
        sale_id=old.sale_id,
        line=old.line,
        revision=old.revision,
        rep_id=old.seller_id,
        unit_id=old.store_id,
        occurred_at=old.sold_at,
        amount_minor=old.price.minor,
        currency=old.price.currency,
        quantity=old.quantity,
    )
