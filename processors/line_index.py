"""Which line of a file is whose, found by one quick look at each: so a file is folded by several at once.

Lines are dealt by the key of what they say, since all that is said of one rep must be folded together. The look only
searches for ``"rep_id"``; it judges nothing, and may be wrong. Whoever reads a line knows better: see
``processors.replay_file``.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from events.limits import LINE_BYTES_MAX

KEY_BUCKETS = 254
BLANK, EVERYONE = 254, 255
"""Beside the buckets of keys: lines that say nothing, and lines that name no rep, which everyone reads."""

BLOCK_BYTES = 1 << 20
CHUNK_LINES = 4_096
REGION_BYTES_MAX = 4 * BLOCK_BYTES
_NAME = b'"rep_id"'
_BACKSLASH = 0x5C

Buckets = NDArray[np.uint8]
Lengths = NDArray[np.int64]


class Place(NamedTuple):
    """Where a line stands in its file."""

    start: int
    length: int


class Chunk(NamedTuple):
    """Some lines that follow each other.

    Attributes:
        start: where the first one begins.
        lengths: without line ends.
        buckets: as they seemed.
    """

    start: int
    lengths: Lengths
    buckets: Buckets

    def places(self, wanted: NDArray[np.bool_]) -> Iterator[Place]:
        """Where the wanted lines stand."""
        starts = self.start + np.cumsum(self.lengths + 1) - 1 - self.lengths
        return map(Place, starts[wanted].tolist(), self.lengths[wanted].tolist())

    def place(self, number: int) -> Place:
        """Where one line stands."""
        return Place(self.start + int(self.lengths[:number].sum()) + number, int(self.lengths[number]))

    def lines(self, file: BinaryIO, wanted: NDArray[np.bool_]) -> Iterator[tuple[int, bytes]]:
        """The wanted lines: (number in the chunk, line). Of a line too long to count, its head."""
        numbers = np.flatnonzero(wanted).tolist()
        places = list(self.places(wanted))
        if not places:
            return
        first, last = places[0].start, places[-1].start + places[-1].length
        if last - first > REGION_BYTES_MAX:
            for number, place in zip(numbers, places, strict=True):
                yield number, line_at(file, place)
            return
        text = _whole(file.fileno(), first, last - first)
        for number, (start, length) in zip(numbers, places, strict=True):
            yield number, text[start - first : start - first + length]


class FileChanged(Exception):  # noqa: N818 - what happened to it
    """The file became shorter while it was read."""


def bucket_of(key: str) -> int:
    """The bucket of a key."""
    return crc32(key.encode()) % KEY_BUCKETS


def look(line: bytes) -> int:
    """The bucket of a line, at a glance.

    >>> look(b'{"data": {"rep_id": "r1"}}') == bucket_of("r1"), look(b'{"data": {"unit_id": "s1"}}') == EVERYONE
    (True, True)
    """
    at = line.find(_NAME)
    if at < 0:
        return EVERYONE if line and not line.isspace() else BLANK
    start = line.find(b'"', at + len(_NAME)) + 1
    key = line[start : line.find(b'"', start)]
    if _BACKSLASH in key:
        return _bucket_of_escaped(key)
    return crc32(key) % KEY_BUCKETS


def _bucket_of_escaped(key: bytes) -> int:
    try:
        return bucket_of(json.loads(b'"' + key + b'"'))
    except ValueError:  # no text of JSON, or none that can be written: whoever reads it will say so
        return EVERYONE


class LineIndex:
    """The length and the bucket of every line of a part of a file, kept in a file of its own.

    Attributes:
        start: where the first line begins.
        end: where the line after the last one would begin.
        counts: lines by bucket.
    """

    def __init__(self, path: Path, start: int) -> None:
        self.path = path
        self.start = self.end = start
        self.counts = np.zeros(256, np.int64)

    @classmethod
    def write(cls, path: Path, file: BinaryIO, begin: int, end: int, *, size: int) -> Iterator[LineIndex]:
        """Look at the lines that begin at ``begin <= offset < end``; gives the index again after every block.

        Args:
            path: where the index is written.
            file: the file; its last line may lack an end.
            begin: of the part.
            end: of the part.
            size: where the file ends; what stands behind it is not looked at.

        Raises:
            FileChanged: the file ends before that.
        """
        descriptor = file.fileno()
        index = cls(path, line_start(descriptor, begin, size))
        with path.open("wb") as kept:
            for lengths, buckets in _looked_at(descriptor, index.start, line_start(descriptor, end, size)):
                index._keep(kept, lengths, buckets)
                yield index
        yield index

    def _keep(self, kept: BinaryIO, lengths: array[int], buckets: bytearray) -> None:
        for first in range(0, len(buckets), CHUNK_LINES):
            some = buckets[first : first + CHUNK_LINES]
            kept.write(len(some).to_bytes(4, "little") + lengths[first : first + CHUNK_LINES].tobytes() + some)
        self.end += sum(lengths) + len(lengths)
        self.counts += np.bincount(np.frombuffer(buckets, np.uint8), minlength=256)

    def chunks(self) -> Iterator[Chunk]:
        """All lines, in order."""
        start = self.start
        with self.path.open("rb") as kept:
            while head := kept.read(4):
                count = int.from_bytes(head, "little")
                lengths = np.frombuffer(kept.read(8 * count), np.int64)
                yield Chunk(start, lengths, np.frombuffer(kept.read(count), np.uint8))
                start += int(lengths.sum()) + count

    def places(self, bucket: int) -> Iterator[Place]:
        """Where the lines of a bucket stand, in order."""
        for chunk in self.chunks():
            yield from chunk.places(chunk.buckets == bucket)


def line_start(descriptor: int, at: int, size: int) -> int:
    """Where the first line begins that begins at or after an offset; the end of the file if there is none."""
    if at in (0, size):
        return at
    at -= 1
    while at < size:
        text = _read(descriptor, at, min(BLOCK_BYTES, size - at))
        if (found := text.find(b"\n")) >= 0:
            return at + found + 1
        at += len(text)
    return size


def _looked_at(descriptor: int, at: int, end: int) -> Iterator[tuple[array[int], bytearray]]:
    """Lengths and buckets of the lines of a part, block by block."""
    head, skipped = b"", 0  # of the line that goes on; of a long one only the length is kept
    while at < end:
        text = _read(descriptor, at, min(BLOCK_BYTES, end - at))
        at += len(text)
        lines = text.split(b"\n")
        lines[0] = head + lines[0]
        head = lines.pop()
        if at == end and (head or (skipped and not lines)):
            lines.append(head)  # the last line of the file has no end
            head = b""
        lengths, buckets = array("q", map(len, lines)), bytearray(map(look, lines))
        if skipped and lines:
            lengths[0] += skipped
            buckets[0] = EVERYONE
            skipped = 0
        if len(head) > LINE_BYTES_MAX:
            skipped, head = skipped + len(head), b""
        yield lengths, buckets


def _read(descriptor: int, at: int, count: int) -> bytes:
    text = os.pread(descriptor, count, at)
    if not text and count:
        raise FileChanged("the file became shorter while it was read")
    return text


def line_at(file: BinaryIO, place: Place) -> bytes:
    """The line at a place; of one too long to count, its head."""
    return _whole(file.fileno(), place.start, min(place.length, LINE_BYTES_MAX + 1))


def _whole(descriptor: int, at: int, count: int) -> bytes:
    text = _read(descriptor, at, count)
    while len(text) < count:
        text += _read(descriptor, at + len(text), count - len(text))
    return text


def deal(counts: Sequence[int], shares: int) -> bytes:
    """The share of each bucket of keys, so that the shares have about as many lines: the fullest buckets first.

    >>> list(deal([10, 1, 2, 9], 2))
    [0, 0, 1, 1]
    """
    owners = bytearray(len(counts))
    held = [0] * shares
    for bucket in sorted(range(len(counts)), key=lambda at: -counts[at]):
        share = held.index(min(held))
        owners[bucket] = share
        held[share] += counts[bucket]
    return bytes(owners)
