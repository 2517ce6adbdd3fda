"""State rows: the changelog's records as values, and the board entries they set.

A row's key is one kind byte and the MessagePack of its identity; every value but the ledger's is absolute.

====  ==============================  ==========================================================================
kind  identity                        value
====  ==============================  ==========================================================================
L     chosen by the engine            ledger rows of one flush (see ``domain.ledger``)
C     member kind, member_id, day     cells of the day's buckets by reach
T     member kind, member_id, bucket  ``[stands, targets, facts]`` of a subject in a bucket
N     rep_id                          facts of a rep: ``[{type, data, recorded_ms}]``
O     unit_id                         winning facts of a unit (written by partition 0)
A     partition                       records by outcome, and the newest recorded time among them
S     number                          only in snapshots: which cells there are (see ``domain.cell_listing``)
====  ==============================  ==========================================================================

A *reach* is ``[MEMBERS, scopes]``: where the sales of one chain of units count. A C row holds every reach that the
member ever had in each of the day's buckets, so a scope's cell is the sum over the reaches that hold it, the whole cell
the sum over all, and after a move no compaction can drop the last word on an old scope. Its first byte tells its form:

- ``ONE_REACH``, as nearly always: the five cells as ``CELL_NUMBERS``, then the reach;
- ``SEVERAL_REACHES``: ``[scopes, [[MEMBERS, indices of scopes]], buckets]``, where a bucket is a flat list of (index of
  the reach, revenue, quantity, count, lines).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeVar

import msgspec

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup
from domain.calendar import buckets_of
from domain.cells import EMPTY, Cell, new_cell
from domain.entries import CellEntry, DocumentEntry, Entry, TargetEntry, WholeEntry

LEDGER = b"L"
CELLS = b"C"
TARGETS = b"T"
REP = b"N"
UNIT = b"O"
ACCOUNTING = b"A"
LISTING = b"S"

ONE_REACH = b"\x01"
SEVERAL_REACHES = b"\x02"
BUCKETS_PER_DAY: Final = 5
CELL_OF_BUCKET = struct.Struct("<qqii")
"""Revenue, quantity, count and lines."""

CELL_NUMBERS = struct.Struct("<" + BUCKETS_PER_DAY * "qqii")
"""The cells of the day's five buckets."""

Told = TypeVar("Told")

Reach = tuple[str, tuple[str, ...]]
"""(MEMBERS, scopes): on whose boards a member's sales of one chain count; they count for its whole too."""

REACHES_CACHED_MAX = 65_536

pack = msgspec.msgpack.Encoder().encode
unpack = msgspec.msgpack.Decoder().decode


def unpacker(kind: type[Told]) -> Callable[[bytes], Told]:
    """Reads what was packed as one kind of thing, in half the time of ``unpack``."""
    return msgspec.msgpack.Decoder(kind).decode


_several: Final = unpacker(tuple[msgspec.Raw, msgspec.Raw, list[list[int]]])


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


def one_reach_row(numbers: bytes, reach: bytes) -> bytes:
    """The value of a C row with one reach, from packed ``CELL_NUMBERS`` and the packed reach."""
    return ONE_REACH + numbers + reach


def several_reaches_row(buckets: Sequence[Mapping[Reach, Sequence[int]]]) -> bytes:
    """The value of a C row with several reaches: per bucket, reach to (revenue, quantity, count, lines)."""
    reaches = {reach: at for at, reach in enumerate(sorted({reach for cells in buckets for reach in cells}))}
    scopes: dict[str, int] = {}
    listed = [(members, [scopes.setdefault(scope, len(scopes)) for scope in ids]) for members, ids in reaches]
    flat = [[n for reach in sorted(cells) for n in (reaches[reach], *cells[reach])] for cells in buckets]
    return SEVERAL_REACHES + pack((list(scopes), listed, flat))


def one_reach_of(value: bytes) -> bytes | None:
    """The packed reach of a C row that has one; None if it has several.

    Raises:
        ValueError: written by another version.
    """
    if value[:1] == ONE_REACH:
        return value[1 + CELL_NUMBERS.size :]
    if value[:1] == SEVERAL_REACHES:
        return None
    raise ValueError(f"a row of cells of form {value[:1]!r}: written by another version")


def one_reach_cells(value: bytes) -> list[Cell]:
    """The cells of the day's five buckets in a C row that has one reach."""
    return list(map(new_cell, CELL_OF_BUCKET.iter_unpack(value[1 : 1 + CELL_NUMBERS.size])))


@lru_cache(maxsize=REACHES_CACHED_MAX)
def reach_of(text: bytes) -> Reach:
    """A packed reach."""
    members, scopes = unpack(text)
    return members, tuple(scopes)


def cells_by_reach(value: bytes) -> list[list[tuple[Reach, Cell]]]:
    """What a C row with several reaches says of each of its five buckets."""
    scopes, listed, buckets = unpack(value[1:])
    reaches = _reaches(scopes, listed)
    return [
        [(reaches[numbers[at]], Cell(*numbers[at + 1 : at + 5])) for at in range(0, len(numbers), 5)]
        for numbers in buckets
    ]


def reaches_listed(value: bytes) -> tuple[bytes, list[list[int]]]:
    """The packed reaches of a C row with several, and for each bucket the places of those that it lists among them."""
    scopes, listed, buckets = _several(value[1:])
    size = len(scopes) + len(listed)
    return value[2 : 2 + size], [numbers[::5] for numbers in buckets]


def reaches_of(text: bytes) -> list[Reach]:
    """The reaches that `reaches_listed` gave, in order."""
    return _reaches(*unpack(b"\x92" + text))  # an array of two


def _reaches(scopes: Sequence[str], listed: Sequence[tuple[str, Sequence[int]]]) -> list[Reach]:
    return [(members, tuple(scopes[at] for at in ids)) for members, ids in listed]


def _cell_entries(key: bytes, value: bytes, wanted: Collection[str] | None) -> Iterator[Entry]:
    kind, member_id, day = row_identity(key)
    names = buckets_of(day)
    if wanted is not None and not any(bucket in wanted for bucket in names):
        return
    if (one := one_reach_of(value)) is None:
        for bucket, cells in zip(names, cells_by_reach(value), strict=True):
            if wanted is None or bucket in wanted:
                yield from _summed_entries(AttainmentGroup(kind, bucket), member_id, cells)
        return
    members, scopes = reach_of(one)
    for bucket, cell in zip(names, one_reach_cells(value), strict=True):
        if wanted is None or bucket in wanted:
            yield WholeEntry(AttainmentGroup(kind, bucket), member_id, cell)
            for scope in scopes:
                yield CellEntry(BoardGroup(scope, members, bucket), member_id, cell)


def _summed_entries(whole: AttainmentGroup, member_id: str, cells: Iterable[tuple[Reach, Cell]]) -> Iterator[Entry]:
    """The entries of a bucket with several reaches: a scope counts what each reach that holds it counts."""
    total, by_scope = EMPTY, dict[tuple[str, str], Cell]()
    for (members, scopes), cell in cells:
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
