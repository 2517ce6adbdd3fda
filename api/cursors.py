"""Cursors: where a page of a listing ended, as opaque text bound to that listing.

A cursor holds the key of a row, not a position: rows that move between two requests are neither lost nor shown twice
unless they themselves passed the key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Literal

import msgspec

from api.limits import CURSOR_CHARS_MAX
from api.problems import Problem

Direction = Literal["after", "before"]


class Cursor(msgspec.Struct, array_like=True, frozen=True, forbid_unknown_fields=True):
    """The rows after or before a key.

    Attributes:
        listing: what it belongs to, from ``listing_of``.
        direction: which side of the key.
        major: first part of the key: a score as text, or a home unit.
        member_id: second part of the key.
    """

    listing: str
    direction: Direction
    major: str
    member_id: str

    def encode(self) -> str:
        """The text a client sends back."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode().rstrip("=")


def listing_of(board: str, order: str) -> str:
    """What binds a cursor to a board and an order of its rows."""
    return hashlib.sha256(f"{order}\n{board}".encode()).hexdigest()[:16]


def read_cursor(text: str, listing: str) -> Cursor:
    """The cursor behind a text.

    Raises:
        Problem: ``bad-cursor``, or ``cursor-of-another-board``.
    """
    try:
        if len(text) > CURSOR_CHARS_MAX:
            raise ValueError("too long")
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor = msgspec.json.decode(raw, type=Cursor)
    except (ValueError, binascii.Error, msgspec.DecodeError) as error:
        raise Problem("bad-cursor", "The cursor was cut or changed.") from error
    if cursor.listing != listing:
        raise Problem("cursor-of-another-board", "The cursor was given by another board or listing.")
    return cursor
