"""The ledger of one partition: what is true of every sale line, packed into rows of 48 bytes.

A line's row is found by a 128-bit digest of its identity. Records are packed one by one as they come and merged many
at a time; a merge keeps the greater sale and every void, so that it commutes and may be repeated. What a merge changed
is told as *effects*: rows to take away and rows to add, which the totals follow.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from domain import closed_lines
from domain.accounting import APPLIED, DEAD_LETTERED, DUPLICATE, SUPERSEDED
from domain.closed_lines import ClosedLines
from domain.ledger_rows import (
    NO_SALE,
    PACK,
    ROW,
    VOID,
    Effects,
    Line,
    Packed,
    Sale,
    amount_and_quantity,
    counting,
    equal_sales,
    numbers_of,
    rounds,
)
from domain.numbering import Numbering
from domain.row_index import NONE, Mask, RowIndex, Rows, distinct, grown
from domain.rows import pack, unpack, unpacker
from events.contract import SaleRecorded

BUFFERED_ROWS_MAX: Final = 4_096
LOADED_ROWS_MAX: Final = 1 << 20
"""Rows of blobs that wait to be merged together: mostly all of a partition's, and then none has to be looked up."""

SPARE_MIN: Final = 64
SPARE_SHARE: Final = 32
"""So small a share of the rows is room to spare: to make more moves pages and copies nothing."""

BLOB_VERSION: Final = 1

Pair = tuple[str, str]
Detail = tuple[str | None, str | None, str | None]
_read_blob: Final = unpacker(tuple[int, list[Pair], list[Detail], list[str], bytes])

_OUTCOMES: Final = (APPLIED, DUPLICATE, SUPERSEDED, DEAD_LETTERED)
_APPLIED, _DUPLICATE, _SUPERSEDED, _LATE = range(4)


class Ledger:
    """Lines by identity.

    Attributes:
        pairs: (rep_id, unit_id) to its number.
        details: (product_id, category, channel) to its number.
        returns: sale_id that a line returns to its number; "" is 0.
        closed: judges records by the closed years, and knows the lines that have left with them.
    """

    def __init__(self) -> None:
        self.pairs: Numbering[Pair] = Numbering()
        self.details: Numbering[Detail] = Numbering()
        self.returns: Numbering[str] = Numbering()
        # The number 0 stands for nothing: a row of which only the void is known has it.
        assert self.pairs["", ""] == self.details[None, None, None] == self.returns[""] == 0
        self._rows: Packed = np.zeros(0, ROW)
        self._index = RowIndex(lambda count: self._rows["digest"][:count, 0])
        self.closed = ClosedLines()
        self._buffer = bytearray()
        self._buffered = 0
        self._number = 0  # of the first buffered record, since the last question for refused ones
        self._loaded_count = 0  # rows of blobs, behind those that the index knows
        self._changed: list[Rows] = []
        self._changed_count = 0
        self._effects: list[Effects] = []
        self._effect_count = 0
        self._outcomes: Counter[tuple[str, str]] = Counter()

    def __len__(self) -> int:
        """Lines; what waits to be merged is not looked at, so that counting makes no work."""
        return len(self._index)

    # ---- records
    def record(self, source: str, data: SaleRecorded, occurred_ms: int) -> None:
        """Take a sale as recorded."""
        returns = data.returns
        self._buffer += PACK(
            digest_of(source, data.sale_id, data.line, data.rep_id),
            occurred_ms,
            numbers_of(data.amount_minor, data.quantity),
            data.revision,
            self.pairs[data.rep_id, data.unit_id],
            self.details[data.product_id, data.category, data.channel],
            0 if returns is None else self.returns[returns],
        )
        self._buffered += 1
        if self._buffered >= BUFFERED_ROWS_MAX:
            self.fold()

    def void(self, source: str, sale_id: str, line: int, rep_id: str) -> None:
        """Take a void, for ever, whether or not its sale is known."""
        self._buffer += PACK(digest_of(source, sale_id, line, rep_id), 0, VOID, NO_SALE, 0, 0, 0)
        self._buffered += 1
        if self._buffered >= BUFFERED_ROWS_MAX:
            self.fold()

    def fold(self) -> None:
        """Merge the records that were taken and the blobs that were loaded."""
        if self._loaded_count:
            self._merge_loaded()
        if self._buffered:
            buffered = np.frombuffer(bytes(self._buffer), ROW)
            self._buffer.clear()
            first, self._number, self._buffered = self._number, self._number + self._buffered, 0
            for at in rounds(buffered):
                self._take(buffered.take(at), first + at)

    def _merge_loaded(self) -> None:
        """Merge the rows of blobs: mostly each is of a line of its own, and stands where it belongs."""
        count = len(self._index)
        loaded, self._loaded_count = self._rows[count : count + self._loaded_count], 0
        turns = list(rounds(loaded))
        if len(turns) == 1 and (self._find(loaded) == NONE).all():
            self._index.add(np.ascontiguousarray(loaded["digest"][:, 0]))
            return
        loaded = loaded.copy()
        for at in turns:
            some = loaded.take(at)
            self._merge(some, self._find(some))

    def _take(self, new: Packed, numbers: Rows) -> None:
        """Merge records of different lines, and note outcomes, effects and what changed."""
        rows = self._find(new)
        if self.closed.year:
            known = rows != NONE
            years = self.closed.late(new, known, old := self._rows.take(rows[known]), counting(old))
            if (late := years > 0).any():
                self.closed.refuse(numbers[late], years[late])
                self._count(new.compress(late), np.full(int(late.sum()), _LATE, np.int8))
                new, rows = new.compress(~late), rows[~late]
        merged = self._merge(new, rows)
        outcomes = np.full(len(new), _APPLIED, np.int8)
        effects = [Effects.entered(new.take(merged.added))]
        changed = [merged.added_rows]
        if len(merged.met):
            met, old = new.take(merged.met), merged.old
            was_void, is_void = (old["numbers"] & 1).astype(np.bool_), met["revision"] == NO_SALE
            outcome = np.where(merged.greater, np.where(was_void, _SUPERSEDED, _APPLIED), _SUPERSEDED)
            outcome[~merged.greater & ~is_void & equal_sales(met, old)] = _DUPLICATE
            outcomes[merged.met] = np.where(is_void, np.where(was_void, _DUPLICATE, _APPLIED), outcome)
            turned = (merged.greater | is_void) & ~was_void
            left = old.compress(turned)
            effects.append(Effects(left, np.full(len(left), -1, np.int64)))
            effects.append(Effects.entered(met.compress(turned & merged.greater)))
            changed.append(merged.met_rows[turned | merged.greater])
        self._count(new, outcomes)
        self._note(effects, np.concatenate(changed))

    def _count(self, new: Packed, outcomes: NDArray[np.int8]) -> None:
        voids = new["revision"] == NO_SALE
        kinds = len(_OUTCOMES)
        counts = np.bincount(outcomes + kinds * voids, minlength=2 * kinds).tolist()
        for at, count in enumerate(counts):
            if count:
                event_type = "sale.voided.v1" if at >= kinds else "sale.recorded.v1"
                self._outcomes[event_type, _OUTCOMES[at % kinds]] += count

    def _note(self, effects: list[Effects], changed: Rows) -> None:
        for rows, signs in effects:
            counts = rows["revision"] != NO_SALE
            if counts.any():
                self._effects.append(Effects(rows.compress(counts), signs[counts]))
                self._effect_count += int(counts.sum())
        if len(changed):
            self._changed.append(changed)
            self._changed_count += len(changed)

    # ---- merging
    def _find(self, new: Packed) -> Rows:
        """The row of each line, or NONE."""
        return self._index.find_digests(new["digest"], self._rows["digest"])

    def _merge(self, new: Packed, rows: Rows) -> _Merged:
        """Merge rows of different lines, which stand in these rows; says what was there before."""
        met, added = np.flatnonzero(rows != NONE), np.flatnonzero(rows == NONE)
        met_rows = rows[met]
        old, told = self._rows.take(met_rows), new.take(met)
        greater = self._greater(told, old)
        result = np.where(greater, told, old)
        result["numbers"] |= (told["numbers"] | old["numbers"]) & 1
        self._rows.put(met_rows, result)
        count, entered = len(self._index), new.take(added)
        self._append(count, entered)
        added_rows = self._index.add(np.ascontiguousarray(entered["digest"][:, 0]))
        return _Merged(added, added_rows, met, met_rows, old, greater)

    def _append(self, count: int, rows: Packed) -> None:
        """Put rows behind the first so many; room is made in place, or in a copy while somebody looks at the rows."""
        end = count + len(rows)
        if end > len(self._rows):
            try:
                self._rows.resize(end + max(SPARE_MIN, end // SPARE_SHARE))
            except ValueError:
                self._rows = grown(self._rows, count, end)
        self._rows[count:end] = rows

    def _greater(self, new: Packed, old: Packed) -> Mask:
        """Where the new sale is the greater one: by revision, instant, and the texts behind the numbers."""
        revision, old_revision = new["revision"], old["revision"]
        occurred, old_occurred = new["occurred_ms"], old["occurred_ms"]
        level = revision == old_revision
        greater: Mask = (revision > old_revision) | (level & (occurred > old_occurred))
        tied = level & (occurred == old_occurred) & (revision != NO_SALE) & ~equal_sales(new, old)
        for at in np.flatnonzero(tied):
            greater[at] = self._texts(new[at]) > self._texts(old[at])
        return greater

    # ---- what came of it
    def outcomes(self) -> Counter[tuple[str, str]]:
        """Records folded since the last question, by (event type, outcome)."""
        self.fold()
        told, self._outcomes = self._outcomes, Counter()
        return told

    def refused(self) -> list[tuple[int, int]]:
        """(number of the record, closed year) of the records taken since the last question that came too late."""
        self.fold()
        self._number = 0
        return self.closed.refused()

    def close(self, year: int, judge: closed_lines.Judge) -> None:
        """From here on records that touch this year, or one before it, come too late."""
        self.fold()
        self.closed.close(year, judge)

    def retire(self, leaves: Callable[[Packed], Mask], year: int) -> None:
        """Let rows leave that no record can change any more; 128 bits of each remain. Right after a flush.

        Args:
            leaves: which rows hold a sale of a day that leaves; lines that are void stay.
            year: the last closed year.
        """
        assert not self.changed_count + self._effect_count, "everything is flushed"
        rows = self._rows[: len(self._index)]
        gone = counting(rows) & leaves(rows)
        self.closed.leave(rows["digest"][gone], year)
        self._rows = rows.compress(~gone)
        self._index = RowIndex(lambda count: self._rows["digest"][:count, 0])
        self._index.add(np.ascontiguousarray(self._rows["digest"][:, 0]))

    @property
    def effect_count(self) -> int:
        """Effects that wait to be taken."""
        return self._effect_count

    def effects(self) -> Effects:
        """What entered and left since the last question."""
        self.fold()
        waiting, self._effects, self._effect_count = self._effects, [], 0
        if not waiting:
            return Effects(np.zeros(0, ROW), np.zeros(0, np.int64))
        return Effects(np.concatenate([e.rows for e in waiting]), np.concatenate([e.signs for e in waiting]))

    def in_effect(self) -> Packed:
        """The rows that count: with a sale, and not void."""
        self.fold()
        rows = self._rows[: len(self._index)]
        counted: Packed = rows.compress(counting(rows))
        return counted

    def _texts(self, row: np.void) -> Sale:
        """The sale that a row holds, as its texts say it."""
        amount_minor, quantity = amount_and_quantity(int(row["numbers"]))
        product, category, channel = self.details.things[row["detail"]]
        return (
            int(row["revision"]),
            int(row["occurred_ms"]),
            self.pairs.things[row["pair"]][1],
            amount_minor,
            quantity,
            product or "",
            category or "",
            channel or "",
            self.returns.things[row["returns"]],
        )

    def lines(self) -> Iterator[tuple[bytes, Line]]:
        """Every line: the digest of its identity, and what is true of it."""
        self.fold()
        for row in self._rows[: len(self._index)]:
            yield (
                row["digest"].tobytes(),
                (
                    bool(row["numbers"] & 1),
                    None if row["revision"] == NO_SALE else self._texts(row),
                ),
            )

    # ---- blobs
    @property
    def changed_count(self) -> int:
        """Rows of the next blob, roughly: a line may have changed twice."""
        return self._changed_count + self._buffered

    def flush(self) -> bytes | None:
        """A blob of the rows that changed since the last one; None if none did."""
        self.fold()
        if not self._changed_count:
            return None
        changed = np.unique(np.concatenate(self._changed))
        self._changed, self._changed_count = [], 0
        return self._blob(self._rows.take(changed))

    def blobs(self, rows_max: int) -> Iterator[bytes]:
        """The whole ledger as blobs of so many rows."""
        self.fold()
        for first in range(0, len(self._index), rows_max):
            yield self._blob(self._rows[first : min(first + rows_max, len(self._index))].copy())
        yield from self.closed.blobs(rows_max)

    def _blob(self, rows: Packed) -> bytes:
        """Rows with the texts that they need: a blob is read without any other."""
        pairs = _renumbered(rows, "pair", self.pairs.things)
        details = _renumbered(rows, "detail", self.details.things)
        returns = _renumbered(rows, "returns", self.returns.things)
        return pack((BLOB_VERSION, pairs, details, returns, rows.tobytes()))

    def load(self, blob: bytes) -> None:
        """Merge a blob; any order and repetition gives the same ledger.

        Raises:
            ValueError: written by another version.
        """
        version = blob[1]  # the first item of a short array
        if version == closed_lines.BLOB_VERSION:
            _, left_year, digests, years = unpack(blob)
            self.closed.load(left_year, digests, years)
        elif version == BLOB_VERSION:
            self._load(*_read_blob(blob))
        else:
            raise ValueError(f"a ledger blob of version {version}; this is {BLOB_VERSION}")

    def _load(self, _: int, pairs: list[Pair], details: list[Detail], returns: list[str], packed: bytes) -> None:
        told, count = np.frombuffer(packed, ROW), len(self._index) + self._loaded_count
        self._append(count, told)
        rows = self._rows[count : count + len(told)]
        rows["pair"] = self.pairs.numbers_of(pairs).take(told["pair"])
        rows["detail"] = self.details.numbers_of(details).take(told["detail"])
        rows["returns"] = self.returns.numbers_of(returns).take(told["returns"])
        self._loaded_count += len(told)
        if self._loaded_count >= LOADED_ROWS_MAX:
            self.fold()


class _Merged(NamedTuple):
    """What a merge found: places in the new rows that were added and that met an old row, and the old rows."""

    added: Rows
    added_rows: Rows
    met: Rows
    met_rows: Rows
    old: Packed
    greater: Mask


def digest_of(source: str, sale_id: str, line: int, rep_id: str) -> bytes:
    """128 bits that stand for a line's identity; the lengths tell where each text ends.

    Two lines that share one are as likely as two files that share a checksum of that length: not in this world.
    """
    return blake2b(f"{len(source)},{len(sale_id)},{line},{source}{sale_id}{rep_id}".encode(), digest_size=16).digest()


def _renumbered(rows: Packed, column: str, things: list[Any]) -> list[Any]:
    """Number a column anew from 0, in place; the things in their new order."""
    used, rows[column] = distinct(rows[column])
    return [things[number] for number in used]
