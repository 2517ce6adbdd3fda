"""State rows: the changelog's records as values, and the board entries they set.

A row's key is one kind byte and the MessagePack of its identity; every value but the ledger's is absolute.

====  ==============================  ==========================================================================
kind  identity                        value
====  ==============================  ==========================================================================
L     chosen by the engine            ledger rows of one flush: ``[[source, sale_id, line, rep_id, voided, sale]]``
C     member kind, member_id, day     ``[scopes, reaches, buckets]``: cells of the day's buckets by reach
T     member kind, member_id, bucket  ``[stands, targets, facts]`` of a subject in a bucket
N     rep_id                          facts of a rep: ``[{type, data, recorded_ms}]``
O     unit_id                         winning facts of a unit (written by partition 0)
A     partition                       records by outcome, and the newest recorded time among them
====  ==============================  ==========================================================================

In a C row a *reach* is ``[MEMBERS, indices of scopes]``: where the sales of one chain of units count. A bucket is a
flat list of (index of the reach, revenue, quantity, count, lines), and holds every reach that the member ever had in
it. So a scope's cell is the sum over the row's reaches that hold it, the whole cell the sum over all, and after a move
no compaction can drop the last word on an old scope.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import msgspec

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup
from domain.calendar import buckets_of
from domain.cells import EMPTY, Cell
from domain.entries import CellEntry, DocumentEntry, Entry, TargetEntry, WholeEntry

LEDGER = b"L"
CELLS = b"C"
TARGETS = b"T"
REP = b"N"
UNIT = b"O"
ACCOUNTING = b"A"

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


def entries(key: bytes, value: bytes | None, buckets: Collection[str] | None = None) -> Iterator[Entry]:
    """The board entries that a state row sets; none for ledger rows and tombstones.

    Args:
        key: the row's key.
        value: its value, without the engine's stamp.
        buckets: leave out the cells and targets of all other buckets; None = none left out.
    """
    kind = key[:1]
    if value is None or kind == LEDGER:
        return
    if kind == CELLS:
        yield from _cell_entries(key, value, buckets)
    elif kind == TARGETS:
        yield from _target_entries(key, value, buckets)
    elif kind == REP:
        yield DocumentEntry(DocumentGroup("reps"), row_identity(key)[0], document_text({"facts": unpack(value)}))
    elif kind == UNIT:
        yield DocumentEntry(DocumentGroup("units"), row_identity(key)[0], document_text({"facts": unpack(value)}))
    elif kind == ACCOUNTING:
        yield DocumentEntry(DocumentGroup("accounting"), str(row_identity(key)[0]), document_text(unpack(value)))
    else:
        raise ValueError(f"a state row of unknown kind {kind!r}")


def flush_entries(rows: Iterable[tuple[bytes, bytes]], buckets: Collection[str] | None = None) -> Iterator[Entry]:
    """The board entries of the rows of one flush, each said once.

    All of a flush's rows are as of one instant, so a month's cell in the rows of thirty days is the same thirty times.
    """
    said: set[tuple[str, str, str]] = set()
    for key, value in rows:
        if key[:1] != CELLS:
            yield from entries(key, value, buckets)
            continue
        kind, member_id, day = row_identity(key)
        fresh = [
            bucket
            for bucket in buckets_of(day)
            if (buckets is None or bucket in buckets) and (kind, member_id, bucket) not in said
        ]
        said.update((kind, member_id, bucket) for bucket in fresh)
        if fresh:
            yield from entries(key, value, fresh)


def _cell_entries(key: bytes, value: bytes, wanted: Collection[str] | None) -> Iterator[Entry]:
    kind, member_id, day = row_identity(key)
    names = buckets_of(day)
    if wanted is not None and not any(bucket in wanted for bucket in names):
        return
    scope_ids, reaches, buckets = unpack(value)
    for bucket, numbers in zip(names, buckets, strict=True):
        if wanted is not None and bucket not in wanted:
            continue
        whole = AttainmentGroup(kind, bucket)
        if len(numbers) == 5:  # one reach, as nearly always: one cell for all its scopes
            cell = Cell(*numbers[1:])
            members, scopes = reaches[numbers[0]]
            yield WholeEntry(whole, member_id, cell)
            for scope in scopes:
                yield CellEntry(BoardGroup(scope_ids[scope], members, bucket), member_id, cell)
        else:
            named = [(members, [scope_ids[scope] for scope in scopes]) for members, scopes in reaches]
            yield from _summed_entries(whole, member_id, named, numbers)


def _summed_entries(whole: AttainmentGroup, member_id: str, reaches: Any, numbers: list[int]) -> Iterator[Entry]:
    """The entries of a bucket with several reaches: a scope counts what each reach that holds it counts."""
    total, by_scope = EMPTY, dict[tuple[str, str], Cell]()
    for at in range(0, len(numbers), 5):
        cell = Cell(*numbers[at + 1 : at + 5])
        members, scopes = reaches[numbers[at]]
        total = total.plus(cell)
        for scope in scopes:
            by_scope[scope, members] = by_scope.get((scope, members), EMPTY).plus(cell)
    yield WholeEntry(whole, member_id, total)
    for (scope, members), cell in by_scope.items():
        yield CellEntry(BoardGroup(scope, members, whole.bucket), member_id, cell)


def _target_entries(key: bytes, value: bytes, wanted: Collection[str] | None) -> Iterator[Entry]:
    kind, member_id, bucket = row_identity(key)
    if wanted is not None and bucket not in wanted:
        return
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
