"""The changelog protocol: what a state batch is, and the one fold that decides which batches count.

A changelog partition holds three kinds of record:

- CLAIM: a worker makes itself the only writer; the claim's offset is the writer's *epoch*;
- state rows: key -> the offset at which the writer expects this very row (8 bytes), then the value; none = deleted;
- MARK: the last record of every state batch, with the source offsets that the state holds there.

A batch is rows and their mark, appended atomically as one Kafka record batch. It counts if and only if its epoch is not
below any epoch before it, and the mark stands exactly at the offset its writer expected: a compare-and-append on the
log itself. Recovery, the projector and the tests all read through `ChangelogFold`, so all take the same decision.
Nothing here knows Faust or a client library.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Protocol

import msgspec

CLAIM = b"\0claim"
MARK = b"\0mark"
LEDGER = b"L"
"""First byte of a ledger blob's key. Blobs merge by maximum and are never overwritten: their keys are never reused."""

_STAMP = struct.Struct(">q")

Row = tuple[bytes, bytes | None]
"""Key and value of a state row; None deletes."""


class ChangelogRecord(Protocol):
    """What the fold needs of a record as read from the log."""

    @property
    def offset(self) -> int:
        """Its offset."""

    @property
    def key(self) -> bytes | None:
        """CLAIM, MARK or a state row's key."""

    @property
    def value(self) -> bytes | None:
        """A claim's writer, a mark, or a stamped row."""


class Mark(msgspec.Struct, array_like=True, frozen=True):
    """The record that closes a state batch.

    Attributes:
        epoch: offset of the writer's claim.
        at: offset at which the writer expects this very record.
        count: records in the batch, this one included.
        positions: source name (sales, targets, reps, control) to the last offset that the state holds; absent if none.
    """

    epoch: int
    at: int
    count: int
    positions: dict[str, int]


_read_mark = msgspec.msgpack.Decoder(Mark).decode
_write = msgspec.msgpack.Encoder().encode


class ChangelogFold:
    """A left fold over the records of one changelog partition. Subclass it and take the rows in `put`.

    Attributes:
        positions: source offsets at the last mark that counted.
        epoch: highest epoch seen, of claims and of marks that counted; -1 if none.
        end: offset of the last claim or mark folded; reading goes on after it. -1 if none.
        mark: offset of the last mark that counted; -1 if none.
        marked_ms: when the broker appended that mark, in UTC ms; 0 if unknown.
        stage: rows read since `end`, not yet decided.
        fenced: keys of rows that did not count and have not been said again since, to their append time in UTC ms
            (0 if the records have no ``timestamp``).
        counted: batches that counted.
        rejected: batches that did not.
    """

    def __init__(self) -> None:
        self.positions: dict[str, int] = {}
        self.epoch = -1
        self.end = -1
        self.mark = -1
        self.marked_ms = 0
        self.stage: list[ChangelogRecord] = []
        self.fenced: dict[bytes, int] = {}
        self.counted = 0
        self.rejected = 0

    def put(self, key: bytes, value: bytes | None) -> None:
        """Take a row that counts, in log order; the value is without stamp, None = deleted. A hook: does nothing."""

    def fence(self, record: ChangelogRecord) -> None:
        """Note a record that did not count. A hook: call it through super."""
        assert record.key is not None
        self.fenced.setdefault(record.key, getattr(record, "timestamp", None) or 0)

    def feed(self, records: Iterable[ChangelogRecord]) -> None:
        """Fold records in log order; what was fed before is ignored."""
        stage = self.stage
        last = stage[-1].offset if stage else self.end
        for record in records:
            if record.offset <= last:
                continue
            if record.key == MARK:
                self._mark(record)
            elif record.key == CLAIM:
                self._claim(record)
            else:
                stage.append(record)

    def rewind(self) -> int:
        """Forget undecided rows and say from which offset to read on."""
        self.stage.clear()
        return self.end + 1

    def _claim(self, record: ChangelogRecord) -> None:
        self._merge(self.stage)  # their own mark was lost to compaction: a batch and a claim never interleave
        self.epoch = max(self.epoch, record.offset)
        self._close(record)

    def _mark(self, record: ChangelogRecord) -> None:
        assert record.value is not None, "a mark is never deleted"
        mark = _read_mark(record.value)
        if self._counts(mark, record.offset):
            self.epoch, self.mark, self.positions = mark.epoch, mark.at, mark.positions
            self.marked_ms = getattr(record, "timestamp", None) or 0
            self._merge(self.stage)
            self.fenced.pop(MARK, None)
            self.counted += 1
        else:
            # Rows before this batch lost their own mark to compaction; only the last ones belong to it.
            first = self._first(mark, record.offset)
            self._merge([row for row in self.stage if row.offset < first])
            for row in self.stage:
                if row.offset >= first:
                    self.fence(row)
            self.fence(record)
            self.rejected += 1
        self._close(record)

    def _counts(self, mark: Mark, offset: int) -> bool:
        """Whether a batch counts whose mark stands at an offset: the one rule that all readers share."""
        return mark.epoch >= self.epoch and mark.at == offset

    def _first(self, mark: Mark, offset: int) -> int:
        """The offset from which rows before a mark that does not count are of its own batch."""
        return offset - mark.count + 1

    def _close(self, record: ChangelogRecord) -> None:
        self.stage.clear()
        self.end = record.offset

    def _merge(self, rows: Sequence[ChangelogRecord]) -> None:
        """Take the rows that stand where their writer expected them; the others never counted, mark or no mark."""
        for row in rows:
            assert row.key is not None, "every changelog record has a key"
            if row.value is None:
                self.put(row.key, None)
            elif _STAMP.unpack_from(row.value)[0] == row.offset:
                self.put(row.key, row.value[_STAMP.size :])
            else:
                self.fence(row)
                continue
            self.fenced.pop(row.key, None)


def state_batch(epoch: int, base: int, rows: Sequence[Row], positions: dict[str, int]) -> list[Row]:
    """The records of a state batch whose first record is expected at offset `base`: stamped rows, then the mark."""
    records: list[Row] = [
        (key, None if value is None else _STAMP.pack(base + i) + value) for i, (key, value) in enumerate(rows)
    ]
    mark = Mark(epoch=epoch, at=base + len(rows), count=len(rows) + 1, positions=positions)
    records.append((MARK, _write(mark)))
    return records


def positions_of(mark: ChangelogRecord) -> dict[str, int]:
    """The source offsets that a mark's record says."""
    assert mark.value is not None, "a mark is never deleted"
    return _read_mark(mark.value).positions


def ledger_key(epoch: int, at: int) -> bytes:
    """The key of the ledger blob in the batch of writer `epoch` whose mark is expected at `at`; never used twice.

    >>> ledger_key(3, 17)
    b'L3-17'
    """
    return LEDGER + b"%d-%d" % (epoch, at)
