"""Which line of a file is whose: every line is indexed once, wherever the file is cut."""

from __future__ import annotations

import doctest
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import processors.line_index
from events.limits import LINE_BYTES_MAX
from processors.line_index import (
    BLANK,
    BLOCK_BYTES,
    EVERYONE,
    KEY_BUCKETS,
    FileChanged,
    LineIndex,
    Place,
    bucket_of,
    deal,
    line_at,
    line_start,
    look,
)

LONG = b'{"rep_id":"r1","x":"' + b"x" * (LINE_BYTES_MAX + 10) + b'"}'
PIECES = st.sampled_from([b"", b"x", b"\n", b"\r\n", b" ", b'{"rep_id":"r1"}', b'{"rep_id": "r2"}\n', b"\n\n", b"[]\n"])


def test_the_examples_are_right() -> None:
    assert doctest.testmod(processors.line_index).failed == 0


def indexed(folder: Path, file: Path, cuts: list[int]) -> list[tuple[Place, int]]:
    """Place and bucket of every line, by the indexes of the parts of a file that is cut at some places."""
    bounds = [0, *cuts, file.stat().st_size]
    found: list[tuple[Place, int]] = []
    with file.open("rb") as opened:
        for part, (begin, end) in enumerate(pairwise(bounds)):
            *_, index = LineIndex.write(folder / str(part), opened, begin, end, size=bounds[-1])
            lines = [
                (place, int(bucket))
                for chunk in index.chunks()
                for place, bucket in zip(chunk.places(chunk.buckets >= 0), chunk.buckets, strict=True)
            ]
            assert index.counts.sum() == len(lines)
            found += lines
    return found


def lines_of(file: Path) -> list[bytes]:
    """The lines of a file as Python reads them."""
    with file.open("rb") as opened:
        return [line.removesuffix(b"\n") for line in opened]


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=20).map(b"".join), st.data())
@example(b"", None)
@example(b"\n", None)
@example(b"x", None)
def test_every_line_is_indexed_once_wherever_the_file_is_cut(text: bytes, data: st.DataObject | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "file"
        file.write_bytes(text)
        cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=3))) if data else []
        found = indexed(Path(folder), file, cuts)
        with file.open("rb") as opened:
            assert [line_at(opened, place) for place, _ in found] == lines_of(file)
    assert [bucket for _, bucket in found] == [look(line) for line in text.split(b"\n")[: len(found)]]


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_lines_longer_than_a_block_keep_their_length_and_are_read_by_all(tmp_path: Path, end: bytes) -> None:
    huge = b'{"rep_id":"r1"}' + b" " * (3 * BLOCK_BYTES)
    file = tmp_path / "file"
    file.write_bytes(b"\n".join([b'{"rep_id":"r1"}', huge, LONG, b"{}", huge]) + end)
    found = indexed(tmp_path, file, [BLOCK_BYTES, 2 * BLOCK_BYTES, 5 * BLOCK_BYTES])
    assert [place.length for place, _ in found] == [len(line) for line in lines_of(file)]
    assert [bucket for _, bucket in found][0::3] == [bucket_of("r1"), EVERYONE]
    assert found[1][1] == found[4][1] == EVERYONE
    with file.open("rb") as opened:
        assert len(line_at(opened, found[1][0])) == LINE_BYTES_MAX + 1


def test_chunks_give_the_wanted_lines_also_when_they_lie_far_apart(tmp_path: Path) -> None:
    lines = [b'{"rep_id":"r1"}', b" " * (6 * BLOCK_BYTES), b'{"rep_id":"r2"}', b'{"rep_id":"r1"}']
    file = tmp_path / "file"
    file.write_bytes(b"\n".join(lines))
    with file.open("rb") as opened:
        *_, index = LineIndex.write(tmp_path / "index", opened, 0, file.stat().st_size, size=file.stat().st_size)
        [*chunks] = index.chunks()
        for key in ("r1", "r2", "nobody"):
            found = [
                (chunk.place(number).start, line)
                for chunk in chunks
                for number, line in chunk.lines(opened, chunk.buckets == bucket_of(key))
            ]
            assert [line for _, line in found] == [line for line in lines if b'"' + key.encode() in line]
            assert all(file.read_bytes()[start:].startswith(line) for start, line in found)


@pytest.mark.parametrize("text", ["r1", "导购4", "a\\b", "\x00", "😀"])
def test_a_key_is_seen_however_it_is_written(text: str) -> None:
    for ascii_only in (True, False):
        for separators in ((",", ":"), (", ", ": "), (" , ", "  :  ")):
            line = json.dumps({"data": {"rep_id": text}}, ensure_ascii=ascii_only, separators=separators)
            assert look(line.encode()) == bucket_of(text)


@pytest.mark.parametrize("line", [b'"rep_id":"\\ud800"', b'"rep_id":"\\x"', b'"rep_id":"a\\"b"'])
def test_a_key_that_can_not_be_seen_at_a_glance_is_for_everyone_to_read(line: bytes) -> None:
    assert look(line) == EVERYONE


@pytest.mark.parametrize("line", [b"", b" ", b"\r", b"\t \r"])
def test_lines_of_white_space_are_nobodys(line: bytes) -> None:
    assert look(line) == BLANK


@pytest.mark.parametrize("line", [b"{", b'"rep_id"', b'"rep_id":', b'{"rep_id":5}', b"\xff"])
def test_broken_lines_have_a_bucket_too(line: bytes) -> None:
    assert 0 <= look(line) <= EVERYONE
    assert look(line) != BLANK


def test_a_line_starts_after_a_line_end_or_at_the_beginning(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"ab\n\ncd")
    with file.open("rb") as opened:
        assert [line_start(opened.fileno(), at, 6) for at in range(7)] == [0, 3, 3, 3, 4, 6, 6]


def test_a_file_that_became_shorter_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"{}\n" * 10)
    with file.open("rb") as opened:
        file.write_bytes(b"{}\n")
        with pytest.raises(FileChanged):
            line_at(opened, Place(20, 2))


@given(st.lists(st.integers(0, 10**6), min_size=KEY_BUCKETS, max_size=KEY_BUCKETS), st.integers(1, 9))
def test_buckets_are_dealt_so_that_no_share_has_much_more_than_another(counts: list[int], shares: int) -> None:
    owners = np.frombuffer(deal(counts, shares), np.uint8)
    held = [
        sum(count for count, owner in zip(counts, owners, strict=True) if owner == share) for share in range(shares)
    ]
    assert sum(held) == sum(counts)
    assert max(held) - min(held) <= max(counts)
