"""State rows: the changelog's records as values, and the board entries they set.

A row's key is one kind byte and the MessagePack of its identity; every value but the ledger's is absolute.

====  ==============================  ==========================================================================
kind  identity                        value
====  ==============================  ==========================================================================
L     chosen by the engine            ledger rows of one flush: ``[[source, sale_id, line, rep_id, voided, sale]]``
C     member kind, member_id, day     cells: ``[[scope, members, 20 integers]]``, five cells from day to year
T     member kind, member_id, bucket  ``[stands, targets, facts]`` of a subject in a bucket
N     rep_id                          facts of a rep: ``[{type, data, recorded_ms}]``
O     unit_id                         winning facts of a unit (written by partition 0)
A     partition                       records by outcome, and the newest recorded time among them
====  ==============================  ==========================================================================

In a C row the scope ``""`` is the member's whole cell. A row keeps every scope that it ever listed: after a move,
compaction would otherwise drop the only row that says the old scope's present value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import msgspec

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup
from domain.calendar import buckets_of
from domain.cells import Cell
from domain.entries import CellEntry, DocumentEntry, Entry, TargetEntry, WholeEntry

LEDGER = b"L"
CELLS = b"C"
TARGETS = b"T"
REP = b"N"
UNIT = b"O"
ACCOUNTING = b"A"

WHOLE = ("", "")
"""Scope and members of a whole cell."""

pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder().decode


def row_key(kind: bytes, *identity: str | int) -> bytes:
    """The key of a row: its kind and who it is about."""
    return kind + pack(identity)


def row_identity(key: bytes) -> Any:
    """The identity in a row key, as a list of its parts."""
    return unpack(key[1:])


def document_text(document: dict[str, Any]) -> str:
    """A document as compact JSON with sorted keys: equal documents are equal texts."""
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def entries(key: bytes, value: bytes | None) -> Iterator[Entry]:
    """The board entries that a state row sets; none for ledger rows and tombstones."""
    kind = key[:1]
    if value is None or kind == LEDGER:
        return
    match kind:
        case b"C":
            yield from _cell_entries(key, value)
        case b"T":
            yield from _target_entries(key, value)
        case b"N":
            yield DocumentEntry(DocumentGroup("reps"), row_identity(key)[0], document_text({"facts": unpack(value)}))
        case b"O":
            yield DocumentEntry(DocumentGroup("units"), row_identity(key)[0], document_text({"facts": unpack(value)}))
        case b"A":
            yield DocumentEntry(DocumentGroup("accounting"), str(row_identity(key)[0]), document_text(unpack(value)))
        case _:
            raise ValueError(f"a state row of unknown kind {kind!r}")


def _cell_entries(key: bytes, value: bytes) -> Iterator[Entry]:
    kind, member_id, day = row_identity(key)
    buckets = buckets_of(day)
    for scope, members, numbers in unpack(value):
        for at, bucket in zip(range(0, 20, 4), buckets, strict=True):
            cell = Cell(*numbers[at : at + 4])
            if scope:
                yield CellEntry(BoardGroup(scope, members, bucket), member_id, cell)
            else:
                yield WholeEntry(AttainmentGroup(kind, bucket), member_id, cell)


def _target_entries(key: bytes, value: bytes) -> Iterator[Entry]:
    kind, member_id, bucket = row_identity(key)
    stands, targets, facts = unpack(value)
    yield TargetEntry(
        AttainmentGroup(kind, bucket),
        member_id,
        tuple((unit_id, members) for unit_id, members in stands),
        tuple(sorted(targets.items())),
    )
    yield DocumentEntry(
        DocumentGroup("targets"), f"{kind}|{member_id}|{bucket}", document_text({"facts": facts, "stands": stands})
    )
