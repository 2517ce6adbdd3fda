"""An index of rows finds every key that was entered and no other, however the keys lie."""

from __future__ import annotations

import numpy as np
import pytest

from domain.row_index import NONE, Hashes, RowIndex, grown

LAST = 2**64 - 1


def indexed(pieces: list[Hashes]) -> tuple[RowIndex, Hashes]:
    """An index that was given the keys piece by piece; keys are their own hashes."""
    known = np.concatenate(pieces)
    index = RowIndex(lambda count: known[:count])
    for piece in pieces:
        index.add(piece)
    return index, known


def crowded(count: int, *, first: int = LAST - 10_000) -> Hashes:
    """Keys that all want the same few slots: by default the last ones, so that many stand at the first."""
    return np.arange(first, first + count, dtype=np.uint64)


def spread(count: int) -> Hashes:
    return np.random.default_rng(count).integers(0, LAST, count, dtype=np.uint64)


@pytest.mark.parametrize(
    "pieces",
    [
        [spread(50)],
        [spread(5_000)],
        [spread(3_000), spread(4_001), spread(20)],
        [crowded(700)],
        [crowded(10), crowded(600, first=LAST - 9_000), spread(50)],
        [np.concatenate((spread(3_000), crowded(3_000)))],
    ],
    ids=["few", "many", "in steps", "at the end", "at the end in steps", "both"],
)
def test_every_key_that_was_entered_is_found_and_no_other(pieces: list[Hashes]) -> None:
    index, known = indexed(pieces)

    def find(keys: Hashes) -> list[int]:
        found: list[int] = index.find(keys, lambda rows, asked: known[rows] == keys[asked]).tolist()
        return found

    assert find(known) == list(range(len(known)))
    others = np.concatenate((spread(999), crowded(200, first=LAST - 5_000)))
    assert find(others) == [NONE] * len(others)
    assert find(known[-3:]) == list(range(len(known)))[-3:], "few keys are looked for in another way"


def test_digests_that_share_a_half_are_told_apart() -> None:
    known = np.array([[7, 1], [8, 1], [9, 2]], np.uint64)
    index = RowIndex(lambda count: known[:count, 0])
    index.add(np.ascontiguousarray(known[:, 0]))
    asked = np.array([[9, 2], [7, 2], [8, 1], [1, 8]], np.uint64)
    assert index.find_digests(asked, known).tolist() == [2, NONE, 1, NONE]


@pytest.mark.parametrize("used", [100, 200_000])
def test_a_column_keeps_the_rows_in_use_when_it_grows(used: int) -> None:
    column = np.arange(used + 50).reshape(-1, 1)
    larger = grown(column, used, used + 51)
    assert (len(larger) > used + 51, larger[:used, 0].tolist()) == (True, list(range(used)))
    assert not larger[used:].any(), "nobody entered those"
    assert grown(larger, used, len(larger)) is larger
