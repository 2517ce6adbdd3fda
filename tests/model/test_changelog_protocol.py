"""The changelog protocol: zombies, late and lost batches, restarts and compaction never change what counts."""

from __future__ import annotations

from typing import NamedTuple

from processors.engine.changelog import CLAIM, MARK, ChangelogFold, Row, state_batch


class Record(NamedTuple):
    """A record of the changelog as read."""

    offset: int
    key: bytes
    value: bytes | None


class Kept(ChangelogFold):
    """A fold that keeps the last value of every key."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[bytes, bytes | None] = {}

    def put(self, key: bytes, value: bytes | None) -> None:
        self.rows[key] = value


def read(*batches: list[Row]) -> Kept:
    """What a reader makes of batches that stand one after the other."""
    log, fold = [row for batch in batches for row in batch], Kept()
    fold.feed([Record(offset, key, value) for offset, (key, value) in enumerate(log)])
    return fold


CLAIMED: list[Row] = [(CLAIM, b"worker")]


def test_a_batch_counts_at_the_offset_its_writer_expected() -> None:
    fold = read(CLAIMED, state_batch(0, 1, [(b"k", b"1")], {"sales": 7}))
    assert (fold.rows, fold.positions, fold.counted) == ({b"k": b"1"}, {"sales": 7}, 1)


def test_a_batch_that_stands_elsewhere_than_expected_does_not_count() -> None:
    twice = state_batch(0, 1, [(b"k", b"1")], {"sales": 7})
    later = state_batch(0, 3, [(b"k", b"2")], {"sales": 8})
    fold = read(CLAIMED, twice, twice, later)
    assert (fold.rows, fold.positions, fold.rejected) == ({b"k": b"1"}, {"sales": 7}, 2)
    assert set(fold.fenced) == {b"k", MARK}


def test_a_batch_of_a_fenced_writer_does_not_count_even_where_it_expected_to_stand() -> None:
    zombie = state_batch(0, 2, [(b"k", b"old")], {"sales": 9})
    fold = read(CLAIMED, CLAIMED, zombie)
    assert (fold.rows, fold.positions, fold.rejected) == ({}, {}, 1)


def test_rows_of_a_batch_without_its_mark_do_not_count() -> None:
    fold = read(CLAIMED, state_batch(0, 1, [(b"k", b"1")], {"sales": 7})[:-1])
    assert (fold.rows, fold.positions) == ({}, {})


def test_a_fenced_row_is_refused_when_compaction_removed_its_mark() -> None:
    fenced = state_batch(0, 1, [(b"k", b"zombie")], {"sales": 9})[:1]
    fold = Kept()
    fold.feed([Record(0, CLAIM, b""), Record(5, *fenced[0]), Record(8, CLAIM, b"")])
    assert (fold.rows, set(fold.fenced)) == ({}, {b"k"})
