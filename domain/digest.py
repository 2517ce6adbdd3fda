"""The digest of a board: one hash that anyone with the log can reproduce."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from domain.boards import BoardName
from domain.ranking import order, ranks
from domain.standings import Entry
from events.canonical import canonical_json


def digest(name: BoardName, entries: Iterable[Entry]) -> str:
    """``sha256:`` and the hex SHA-256 of a board's canonical text.

    The text is the RFC 8785 form of ``[board name, [[rank, member_id, score, [revenue, quantity, count, lines],
    target or null], …]]`` with all integers as strings. Ranks are by competition and targets stand only on attainment
    boards, so that neither a tie policy nor what a reader is shown besides changes it.

    Args:
        name: the board.
        entries: every member on it, in any order: stored entries or standings.
    """
    ordered = order(entries)
    rows = [
        [
            str(rank),
            entry.member_id,
            str(entry.score),
            [str(part) for part in entry.cell],
            str(entry.target) if name.is_attainment and entry.target is not None else None,
        ]
        for entry, rank in zip(ordered, ranks([entry.score for entry in ordered]), strict=True)
    ]
    return "sha256:" + hashlib.sha256(canonical_json([str(name), rows])).hexdigest()
