"""The fold takes what its writer put where it expected it, and nothing else."""

from __future__ import annotations

from typing import NamedTuple

from processors.engine.changelog import CLAIM, MARK, ChangelogFold, Row, ledger_key, state_batch


class Record(NamedTuple):
    offset: int
    key: bytes
    value: bytes | None
    timestamp: int = 0


class Rows(ChangelogFold):
    """Keeps the rows that counted."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[bytes, bytes | None] = {}

    def put(self, key: bytes, value: bytes | None) -> None:
        self.rows[key] = value


class Log:
    """A changelog partition: appends like a broker."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.end = 0

    def append(self, rows: list[Row]) -> None:
        for key, value in rows:
            self.records.append(Record(self.end, key, value, 1000 + self.end))
            self.end += 1

    def claim(self) -> int:
        self.append([(CLAIM, b"me")])
        return self.end - 1

    def flush(self, epoch: int, rows: list[Row], positions: dict[str, int], late_by: int = 0) -> None:
        self.append(state_batch(epoch, self.end - late_by, rows, positions))

    def compact(self, *dropped: int) -> None:
        self.records = [record for record in self.records if record.offset not in dropped]

    def folded(self) -> Rows:
        fold = Rows()
        fold.feed(self.records)
        return fold


def test_a_batch_where_its_writer_expected_it_counts() -> None:
    log = Log()
    log.flush(log.claim(), [(b"a", b"1"), (b"b", None)], {"sales": 9})
    fold = log.folded()
    assert fold.rows == {b"a": b"1", b"b": None}
    assert (fold.positions, fold.counted, fold.rejected) == ({"sales": 9}, 1, 0)
    assert (fold.epoch, fold.mark, fold.end, fold.rewind()) == (0, 3, 3, 4)


def test_a_batch_after_somebody_elses_claim_does_not_count() -> None:
    log = Log()
    old = log.claim()
    log.flush(old, [(b"a", b"1")], {"sales": 1})
    log.claim()
    log.flush(old, [(b"a", b"2")], {"sales": 2}, late_by=1)
    fold = log.folded()
    assert (fold.rows, fold.positions, fold.rejected) == ({b"a": b"1"}, {"sales": 1}, 1)
    assert fold.fenced == {b"a": 1004, MARK: 1005}


def test_a_batch_after_a_lost_one_does_not_count() -> None:
    log = Log()
    epoch = log.claim()
    log.append(state_batch(epoch, log.end + 3, [(b"a", b"2")], {"sales": 2}))
    fold = log.folded()
    assert (fold.rows, fold.rejected) == ({}, 1)


def test_a_fenced_key_that_is_said_again_is_no_longer_owed() -> None:
    log = Log()
    old = log.claim()
    log.claim()
    log.flush(old, [(b"a", b"2")], {}, late_by=1)
    log.flush(log.claim(), [(b"a", b"1")], {})
    assert log.folded().fenced == {}


def test_rows_whose_mark_was_compacted_count_by_their_stamps() -> None:
    log = Log()
    epoch = log.claim()
    log.flush(epoch, [(b"a", b"1")], {"sales": 1})  # 1, mark 2
    log.flush(epoch, [(b"b", b"1")], {"sales": 2})  # 3, mark 4
    log.compact(2)
    fold = log.folded()
    assert (fold.rows, fold.positions) == ({b"a": b"1", b"b": b"1"}, {"sales": 2})


def test_a_fenced_row_whose_mark_was_compacted_still_does_not_count() -> None:
    log = Log()
    old = log.claim()
    new = log.claim()
    log.flush(old, [(b"a", b"bad")], {}, late_by=1)  # 2, mark 3
    log.flush(new, [(b"b", b"1")], {"sales": 1})
    log.compact(3)
    assert log.folded().rows == {b"b": b"1"}


def test_a_fold_may_be_fed_the_same_records_again_and_in_any_pieces() -> None:
    log = Log()
    epoch = log.claim()
    for number in range(5):
        log.flush(epoch, [(b"a%d" % number, b"1")], {"sales": number})
    fold = Rows()
    for record in log.records:
        fold.feed([record])
        fold.feed(log.records[: record.offset])
    assert fold.rows == log.folded().rows
    assert fold.counted == 5


def test_reading_on_after_a_rewind_gives_the_same() -> None:
    log = Log()
    log.flush(log.claim(), [(b"a", b"1"), (b"b", b"1")], {"sales": 1})
    fold = Rows()
    fold.feed(log.records[:2])
    assert fold.stage
    start = fold.rewind()
    assert not fold.stage
    fold.feed([record for record in log.records if record.offset >= start])
    assert fold.rows == {b"a": b"1", b"b": b"1"}


def test_ledger_keys_differ_by_epoch_and_place() -> None:
    assert len({ledger_key(1, 23), ledger_key(12, 3), ledger_key(1, 24)}) == 3
