"""The totals of one partition, packed: what every member sold in every bucket, by reach.

A *reach* says on whose boards, and as what, a member's sales of one chain of units count. A *place* is a member in a
bucket; a *cell* is a place's sums by one reach. A member mostly has one reach in a bucket, so cells are kept by reach
and not by scope: a scope's cell is the sum over the reaches that hold it.

Leaves come in many at a time, each a member on a day; they are spread over the day's five buckets, summed by cell and
added by a few passes over arrays.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from domain.boards import MemberKind
from domain.calendar import bucket_kind, buckets_of
from domain.cell_listing import Numberings, listed_by_rows, pack_listing, read_listing
from domain.cells import Cell
from domain.numbering import Numbering
from domain.row_index import (
    NONE,
    RowIndex,
    Rows,
    distinct,
    grown,
    joined,
    mixed,
    parted,
    put_rows,
    runs,
    starts_of,
    summed,
)
from domain.rows import (
    BUCKETS_PER_DAY,
    CELLS,
    Reach,
    one_reach_of,
    one_reach_row,
    pack,
    reach_of,
    row_identity,
    row_key,
    several_reaches_row,
)
from domain.touched_rows import TouchedRows

Numbers = NDArray[np.int64]
"""One row a thing: revenue, quantity, count, lines."""

NUMBER_COUNT: Final = 4

ReachCells = tuple[tuple[Reach, Cell], ...]
"""A member's cells in a bucket, by reach."""

PLACES_AT_ONCE: Final = 4_096
LISTED_AT_ONCE: Final = 20_000
LISTED_SHARE_MIN: Final = 0.1
"""Share of all rows, above which it pays to look which of those that were loaded the ledger knows."""

_PACKED_CELL: Final = np.dtype([("revenue", "<i8"), ("quantity", "<i8"), ("count", "<i4"), ("lines", "<i4")])


class Totals:
    """Cells by member, bucket and reach.

    Attributes:
        members: (member kind, member_id) to its number.
        reaches: a reach to its number.
        days: a day to its number.
    """

    def __init__(self) -> None:
        self.members: Numbering[tuple[MemberKind, str]] = Numbering()
        self.reaches: Numbering[Reach] = Numbering()
        self.days: Numbering[str] = Numbering()
        self._buckets: Numbering[str] = Numbering()
        self._day_buckets = np.zeros((0, BUCKETS_PER_DAY), np.int64)
        self._make_room()
        self._touched = TouchedRows()
        self._listed: dict[bytes, bytes] = {}  # of loaded rows: key to the text of its one reach
        self._listed_reaches: dict[bytes, bytes] = {}
        self._several_listed: list[tuple[bytes, bytes]] = []  # rows with several, not yet listed
        self._key_heads: list[bytes] = []
        self._key_tails: list[bytes] = []
        self._reach_texts: list[bytes] = []

    def _make_room(self) -> None:
        """No places and no cells."""
        # A place's key is member and bucket; its first cell, and how many it has.
        self._place_keys = np.zeros(0, np.uint64)
        self._place_cell = np.zeros(0, np.int32)
        self._place_cells = np.zeros(0, np.int32)
        self._places = RowIndex(lambda count: mixed(self._place_keys[:count]))
        # A cell's key is place and reach; the next cell of its place.
        self._cell_keys = np.zeros(0, np.uint64)
        self._cell_next = np.zeros(0, np.int32)
        self._cell_numbers = np.zeros((0, NUMBER_COUNT), np.int64)
        self._cells = RowIndex(lambda count: mixed(self._cell_keys[:count]))

    # ---- adding
    def add(self, members: Rows, days: Rows, reaches: Rows, numbers: Numbers) -> None:
        """Add leaves: numbers of members, days and reaches, and what to add; a leaf may come twice."""
        if not len(members):
            return
        places = self._places_of(members, days)
        order, starts = runs(keys := joined(places.ravel(), np.repeat(reaches, BUCKETS_PER_DAY)))
        cells = self._cells_of(keys[order[starts]])
        sums = summed(numbers, order // BUCKETS_PER_DAY, starts)
        put_rows(self._cell_numbers, cells, self._cell_numbers.take(cells, axis=0) + sums)
        self._touched.note(joined(members, days), places, self._place_cells)

    def _places_of(self, members: Rows, days: Rows) -> Rows:
        """The five places of each member and day; those that were not there are made."""
        keys = joined(members[:, None], self._buckets_of(days))
        return self._places_at(keys.ravel()).reshape(-1, BUCKETS_PER_DAY)

    def _places_at(self, wanted: NDArray[np.uint64]) -> Rows:
        """The place of each key; those that were not there are made."""
        keys, back = distinct(wanted)
        known = self._place_keys
        hashes = mixed(keys)
        places = self._places.find(hashes, lambda rows, asked: known[rows] == keys[asked])
        if (new := places == NONE).any():
            rows = places[new] = self._places.add(hashes[new])
            count = len(self._places)
            before = count - len(rows)
            self._place_keys = grown(self._place_keys, before, count)
            self._place_cell = grown(self._place_cell, before, count)
            self._place_cells = grown(self._place_cells, before, count)
            self._place_keys[rows], self._place_cell[rows] = keys[new], NONE
        return places[back]

    def _buckets_of(self, days: Rows) -> Rows:
        """The numbers of the five buckets of each day."""
        known = len(self._day_buckets)
        if known < len(self.days.things):
            more = [[self._buckets[bucket] for bucket in buckets_of(day)] for day in self.days.things[known:]]
            self._day_buckets = np.concatenate([self._day_buckets, np.array(more, np.int64)])
        return self._day_buckets.take(days, axis=0)

    def _cells_of(self, keys: NDArray[np.uint64]) -> Rows:
        """The cell of each key of place and reach, sorted and different; those that were not there are made: zeros."""
        known = self._cell_keys
        hashes = mixed(keys)
        cells = self._cells.find(hashes, lambda rows, asked: known[rows] == keys[asked])
        if (new := cells == NONE).any():
            rows = cells[new] = self._cells.add(hashes[new])
            count = len(self._cells)
            before = count - len(rows)
            self._cell_keys = grown(self._cell_keys, before, count)
            self._cell_next = grown(self._cell_next, before, count)
            self._cell_numbers = grown(self._cell_numbers, before, count)
            self._cell_keys[rows] = keys[new]
            self._link(rows, parted(keys[new])[0])
        return cells

    def _link(self, cells: Rows, places: Rows) -> None:
        """Put new cells, sorted by their places, in front of the other cells of their places."""
        starts = starts_of(places)
        self._cell_next[cells[1:]] = cells[:-1]
        self._cell_next[cells[starts]] = self._place_cell[places[starts]]
        ends = np.append(starts[1:], len(cells))
        self._place_cell[places[starts]] = cells[ends - 1]
        self._place_cells[places[starts]] += (ends - starts).astype(np.int32)

    def retire(self, leaves: Callable[[str], bool]) -> None:
        """Forget the buckets that no record can change any more, with all their cells. Right after a flush."""
        assert not len(self._touched), "everything is flushed"
        gone = np.array([leaves(bucket) for bucket in self._buckets.things], np.bool_)
        count = len(self._places)
        kept = ~gone[parted(self._place_keys[:count])[1]] if count else np.zeros(0, np.bool_)
        if kept.all():
            return
        places, reaches = parted(self._cell_keys[: len(self._cells)])
        cells = kept[places]
        keys, numbers = self._place_keys[places[cells]], self._cell_numbers[: len(cells)].compress(cells, axis=0)
        self._make_room()
        keys = joined(self._places_at(keys), reaches[cells])
        order = np.argsort(keys)
        made = self._cells_of(keys[order])  # before the column is named: it grows
        put_rows(self._cell_numbers, made, numbers.take(order, axis=0))

    # ---- state rows
    @property
    def weight(self) -> int:
        """Bytes of the rows that the next flush renders, roughly."""
        return self._touched.weight

    @property
    def touched_count(self) -> int:
        """Rows that the next flush renders."""
        return len(self._touched)

    def flush(self) -> list[tuple[bytes, bytes]]:
        """A row for every member and day that was touched since the last flush, as of now."""
        return self._render(*self._touched.take())

    def rows(self, piece: int) -> Iterator[list[tuple[bytes, bytes]]]:
        """A row for every member and day that there is, so many at a time."""
        members, days, _ = self._days_held()
        keys = joined(members, days)
        for first in range(0, len(keys), piece):
            some = keys[first : first + piece]
            yield self._render(some, self._places_of(*parted(some)))

    def _days_held(self) -> tuple[Rows, Rows, Rows]:
        """(member, day, place) of every member and day that there is."""
        day_of_bucket = np.full(len(self._buckets.things), NONE, np.int64)
        for number, bucket in enumerate(self._buckets.things):
            if bucket_kind(bucket) == "day":
                day_of_bucket[number] = self.days[bucket]
        members, buckets = parted(self._place_keys[: len(self._places)])
        days = day_of_bucket[buckets]
        places = np.flatnonzero(days != NONE)
        return members[places], days[places], places

    def again(self, key: bytes) -> bytes | None:
        """The row of a key as of now, or None if its member and day hold nothing."""
        kind, member_id, day = row_identity(key)
        members, days = np.array([self.members[kind, member_id]]), np.array([self.days[day]])
        keys = joined(members, self._buckets_of(days)[:, 0])
        known = self._place_keys
        if self._places.find(mixed(keys), lambda rows, asked: known[rows] == keys[asked])[0] == NONE:
            return None
        [(_, value)] = self._render(joined(members, days), self._places_of(members, days))
        return value

    def _render(self, touched: NDArray[np.uint64], places: Rows) -> list[tuple[bytes, bytes]]:
        """The rows of members and days, from their places."""
        if not len(touched):
            return []
        members, days = parted(touched)
        cells = self._place_cell[places].astype(np.int64)
        reaches = parted(self._cell_keys[cells])[1]
        plain = (self._place_cells[places] == 1).all(axis=1) & (reaches == reaches[:, :1]).all(axis=1)
        numbers = _packed_numbers(self._cell_numbers.take(cells, axis=0))
        keys, plainly = self._row_keys(members, days), plain.tolist()
        texts, size = self._texts_of_reaches(), len(numbers) // len(touched)
        return [
            (key, one_reach_row(numbers[at * size : (at + 1) * size], texts[reach]))
            if plainly[at]
            else (key, self._several(places[at]))
            for at, (key, reach) in enumerate(zip(keys, reaches[:, 0].tolist(), strict=True))
        ]

    def _row_keys(self, members: Rows, days: Rows) -> list[bytes]:
        """Keys are put together from two ends that are kept: ``row_key(CELLS, kind, member_id, day)``."""
        heads, tails = self._key_heads, self._key_tails
        for kind, member_id in self.members.things[len(heads) :]:
            heads.append(row_key(CELLS, kind, member_id, "")[:-1])
        tails.extend(pack(day) for day in self.days.things[len(tails) :])
        return [heads[member] + tails[day] for member, day in zip(members.tolist(), days.tolist(), strict=True)]

    def _texts_of_reaches(self) -> list[bytes]:
        texts = self._reach_texts
        texts.extend(pack(reach) for reach in self.reaches.things[len(texts) :])
        return texts

    def _several(self, places: Rows) -> bytes:
        """The value of a row with several reaches: every one that the member ever had in the day's buckets."""
        found: list[dict[Reach, list[int]]] = []
        for place in places.tolist():
            by_reach: dict[Reach, list[int]] = {}
            cell = int(self._place_cell[place])
            while cell != NONE:
                by_reach[self.reaches.things[int(self._cell_keys[cell]) & 0xFFFFFFFF]] = self._cell_numbers[
                    cell
                ].tolist()
                cell = int(self._cell_next[cell])
            found.append(by_reach)
        return several_reaches_row(found)

    # ---- boards
    def in_buckets(self, wanted: Callable[[str], bool]) -> Iterator[tuple[MemberKind, str, str, ReachCells]]:
        """Member kind, member, bucket and its cells by reach, of every member in some buckets, bucket by bucket.

        What sums up to nothing is left out.
        """
        members, buckets = parted(self._place_keys[: len(self._places)])
        asked = np.array([wanted(bucket) for bucket in self._buckets.things], np.bool_)
        places = np.flatnonzero(asked[buckets]) if len(buckets) else np.zeros(0, np.int64)
        places = places[np.argsort(buckets[places], kind="stable")]
        for first in range(0, len(places), PLACES_AT_ONCE):
            some = places[first : first + PLACES_AT_ONCE]
            cells = self._place_cell[some].astype(np.int64)
            columns = (
                members[some].tolist(),
                buckets[some].tolist(),
                (self._place_cells[some] == 1).tolist(),
                parted(self._cell_keys[cells])[1].tolist(),
                self._cell_numbers.take(cells, axis=0).tolist(),
                some.tolist(),
            )
            for member, bucket, plain, reach, numbers, place in zip(*columns, strict=True):
                if not plain:
                    found = self._cells_at(place)
                elif any(numbers):
                    found = ((self.reaches.things[reach], Cell(*numbers)),)
                else:
                    continue
                if found:
                    yield *self.members.things[member], self._buckets.things[bucket], found

    def _cells_at(self, place: int) -> ReachCells:
        found = []
        cell = int(self._place_cell[place])
        while cell != NONE:
            numbers = self._cell_numbers[cell].tolist()
            if any(numbers):
                found.append((self.reaches.things[int(self._cell_keys[cell]) & 0xFFFFFFFF], Cell(*numbers)))
            cell = int(self._cell_next[cell])
        return tuple(found)

    # ---- recovery
    def load(self, key: bytes, value: bytes) -> None:
        """Note which cells a row lists; their numbers come from the ledger (see `list_loaded`)."""
        reach = one_reach_of(value)
        if reach is None:
            self._several_listed.append((key, value))
            if len(self._several_listed) >= LISTED_AT_ONCE:
                self._list_several()
            return
        reach = self._listed_reaches.setdefault(reach, reach)  # there are few, and rows by the hundred thousand
        if self._listed.setdefault(key, reach) is not reach:
            self._list([(key, reach)])

    def list_loaded(self) -> None:
        """Make the cells that loaded rows list, with zeros where the ledger knows nothing.

        A row lists every reach that a member ever had in its buckets, and the ledger forgets those of lines that moved.
        """
        self._leave_out_known()
        self._list(list(self._listed.items()))
        self._list_several()
        self._listed, self._listed_reaches = {}, {}
        self._touched.clear()

    def listings(self, cells_max: int) -> Iterator[bytes]:
        """Which cells there are, so many at a time, for a snapshot."""
        for first in range(0, len(self._cells), cells_max):
            places, reaches = parted(self._cell_keys[first : min(first + cells_max, len(self._cells))])
            yield pack_listing((*parted(self._place_keys[places]), reaches), self._numberings)

    def load_listing(self, blob: bytes) -> None:
        """Make the cells of a blob of `listings` that are not there; any order and repetition gives the same."""
        members, buckets, reaches = read_listing(blob, self._numberings)
        self._make_cells(self._places_at(joined(members, buckets)), reaches)

    def _make_cells(self, places: Rows, reaches: Rows) -> None:
        """Make the cells of these places and reaches that are not there."""
        self._cells_of(np.unique(joined(places, reaches)))

    @property
    def _numberings(self) -> Numberings:
        return self.members, self._buckets, self.reaches

    def _list(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        if rows:
            at = [
                (self.members[kind, member], self.days[day]) for kind, member, day in (row_identity(k) for k, _ in rows)
            ]
            members, days = np.array(at, np.int64).T
            reaches = np.array([self.reaches[reach_of(text)] for _, text in rows], np.int64)
            self._make_cells(self._places_of(members, days).ravel(), np.repeat(reaches, BUCKETS_PER_DAY))

    def _list_several(self) -> None:
        if self._several_listed:
            keys, reaches = listed_by_rows(self._several_listed, self._numberings)
            self._make_cells(self._places_at(keys), reaches)
            self._several_listed = []

    def _leave_out_known(self) -> None:
        """Of most rows the ledger knows the one reach: then it made the cells of all their buckets."""
        members, days, places = self._days_held()
        if len(self._listed) < len(places) * LISTED_SHARE_MIN:  # behind a snapshot: cheaper to list them all
            return
        reaches = parted(self._cell_keys[self._place_cell[places]])[1]
        listed, texts = self._listed, self._texts_of_reaches()
        for key, reach in zip(self._row_keys(members, days), reaches.tolist(), strict=True):
            if listed.get(key) == texts[reach]:
                del listed[key]

    def begin_again(self) -> None:
        """Set every cell to zero; what is added before ``list_loaded`` stands in the log already: no row is touched."""
        self._cell_numbers[:] = 0


def _packed_numbers(numbers: Numbers) -> bytes:
    """Cells as state rows hold them: see ``CELL_NUMBERS``."""
    packed = np.empty(numbers.shape[:-1], _PACKED_CELL)
    for at, column in enumerate(_PACKED_CELL.names or ()):
        packed[column] = numbers[..., at]
    return packed.tobytes()
