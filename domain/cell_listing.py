"""Which cells there are, without their numbers, for these are the sums of the ledger: as snapshots and rows say it.

A snapshot's blob is ``[members, buckets, reaches, cells]``: things, and of each cell three numbers of 32 bits, the
places of its member, bucket and reach among them; first those of all members.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from domain.calendar import buckets_of
from domain.numbering import Numbering
from domain.row_index import Rows
from domain.rows import pack, reaches_listed, reaches_of, row_identity, unpack

Columns = tuple[Rows, Rows, Rows]
"""Of each cell the numbers of its member, bucket and reach."""

Numberings = tuple[Numbering[Any], Numbering[Any], Numbering[Any]]
"""Of members, buckets and reaches."""


def pack_listing(columns: Columns, numberings: Numberings) -> bytes:
    """A blob of cells."""
    told, places = zip(*[np.unique(column, return_inverse=True) for column in columns], strict=True)
    things = [
        [numbering.things[number] for number in numbers.tolist()]
        for numbering, numbers in zip(numberings, told, strict=True)
    ]
    return pack((*things, np.stack(places).astype("<u4").tobytes()))


def read_listing(blob: bytes, numberings: Numberings) -> Columns:
    """The cells of a blob; things that are new get numbers."""
    *things, packed = unpack(blob)
    member, bucket, reach = (
        np.array([numbering[_hashable(thing)] for thing in some], np.int64)[places]
        for numbering, some, places in zip(
            numberings, things, np.frombuffer(packed, "<u4").reshape(len(things), -1), strict=True
        )
    )
    return member, bucket, reach


def _hashable(thing: Any) -> Hashable:
    return tuple(map(_hashable, thing)) if isinstance(thing, list) else thing


def listed_by_rows(rows: Iterable[tuple[bytes, bytes]], numberings: Numberings) -> tuple[NDArray[np.uint64], Rows]:
    """What C rows with several reaches list: keys of places (member and bucket) and reaches, some more than once."""
    members, all_buckets, all_reaches = numberings
    keys, reaches = array("Q"), array("q")
    buckets_on: dict[str, list[int]] = {}
    numbers_of: dict[bytes, list[int]] = {}
    for key, value in rows:
        kind, member_id, day = row_identity(key)
        member = members[kind, member_id] << 32
        if (buckets := buckets_on.get(day)) is None:
            buckets = buckets_on[day] = [all_buckets[bucket] for bucket in buckets_of(day)]
        text, places = reaches_listed(value)
        if (numbers := numbers_of.get(text)) is None:
            numbers = numbers_of[text] = [all_reaches[reach] for reach in reaches_of(text)]
        for bucket, cells in zip(buckets, places, strict=True):
            for at in cells:
                keys.append(member | bucket)
                reaches.append(numbers[at])
    return np.frombuffer(keys, np.uint64), np.frombuffer(reaches, np.int64)
