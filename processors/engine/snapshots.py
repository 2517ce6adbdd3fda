"""Snapshot files: the state of one partition as of one mark, kept on a worker's own disk.

A file is a heading and blocks. The first block holds the facts of the fold, the following ones state rows, the last one
is empty and says that the file is whole. Every block carries a digest of all that stands before its end, so a file that
was cut, changed or mixed from two is noticed at the first wrong block. What the rows mean is the core's business:
`PartitionCore.load` takes them as it takes those of the changelog.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from processors.engine.changelog import Row

HEADING = b"standings snapshot\n"
FORMAT = 2
"""Of the file and its rows. 1 had the changelog's rows of cells where 2 has listings of them."""

BLOCK_ROWS_MAX, BLOCK_BYTES_MAX = 1_000, 1 << 20
"""A block ends at the first of the two: loading one never holds the event loop for long."""

DIGEST_BYTES = 16
_LENGTH = struct.Struct(">I")


class SnapshotRefused(Exception):  # noqa: N818 - what the file is
    """The file can't be used; the message says why."""


class SnapshotFacts(msgspec.Struct, frozen=True, array_like=True):
    """What the fold knew at the snapshot, and by what the log can be told from another one.

    Attributes:
        format: of the file.
        topic: the changelog.
        partition: its partition.
        mark: offset of the last mark that counted.
        marked_ms: when the broker appended that mark, in UTC ms. With the offset and the positions it tells this log
            from one that was made anew.
        end: the fold had read up to here.
        epoch: the highest epoch it had seen.
        positions: source offsets at the mark.
        fenced: keys that it still owed, with their append time in UTC ms.
    """

    format: int
    topic: str
    partition: int
    mark: int
    marked_ms: int
    end: int
    epoch: int
    positions: dict[str, int]
    fenced: list[tuple[bytes, int]]


_pack = msgspec.msgpack.Encoder().encode
_facts = msgspec.msgpack.Decoder(SnapshotFacts).decode
_rows = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]]).decode
_format = msgspec.msgpack.Decoder(list[object]).decode


def write_snapshot(
    path: Path, facts: SnapshotFacts, rows: Iterable[Row], *, give_up: Callable[[], bool] = lambda: False
) -> int | None:
    """Write a file so that a reader finds the old one or the new one, whole.

    Args:
        path: its place; a file that is there is replaced.
        facts: of the moment.
        rows: of the same moment; a row without a value says nothing and is left out.
        give_up: asked between blocks; True leaves everything as it was.

    Returns:
        How many rows were written; None if it gave up.

    Raises:
        OSError: the disk did not take it; everything is as it was.
    """
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            count = _write(file, facts, rows, give_up)
            if count is None:
                return None
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _sync_folder(path.parent)
        return count
    finally:
        part.unlink(missing_ok=True)


def _write(file: BinaryIO, facts: SnapshotFacts, rows: Iterable[Row], give_up: Callable[[], bool]) -> int | None:
    digest = hashlib.blake2b(HEADING, digest_size=DIGEST_BYTES)
    file.write(HEADING)

    def block(payload: bytes) -> None:
        length = _LENGTH.pack(len(payload))
        digest.update(length)
        digest.update(payload)
        file.write(length)
        file.write(payload)
        file.write(digest.digest())

    block(_pack(facts))
    count, size = 0, 0
    some: list[tuple[bytes, bytes]] = []
    for key, value in rows:
        if value is None:
            continue
        some.append((key, value))
        size += len(key) + len(value)
        if len(some) >= BLOCK_ROWS_MAX or size >= BLOCK_BYTES_MAX:
            block(_pack(some))
            count, size, some = count + len(some), 0, []
            if give_up():
                return None
    if some:
        block(_pack(some))
        count += len(some)
    block(b"")
    return count


def _sync_folder(folder: Path) -> None:
    """The new name is durable too."""
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


class SnapshotFile:
    """An open snapshot file. Its facts are checked when it is opened, its rows while they are read.

    Raises:
        SnapshotRefused: it is no snapshot, of another format, or damaged.
        FileNotFoundError: there is none.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._size = path.stat().st_size
        self._digest = hashlib.blake2b(HEADING, digest_size=DIGEST_BYTES)
        try:
            if self._file.read(len(HEADING)) != HEADING:
                raise SnapshotRefused("it is no snapshot")
            self.facts = _read_facts(self._block())
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; harmless if it is closed."""
        self._file.close()

    def blocks(self) -> Iterator[list[tuple[bytes, bytes]]]:
        """The rows, block by block, each checked; nothing counts before the last block has come.

        Raises:
            SnapshotRefused: the file is damaged or ends too early.
        """
        while payload := self._block():
            yield _rows(payload)

    def _block(self) -> bytes:
        length_bytes = self._read(_LENGTH.size)
        (length,) = _LENGTH.unpack(length_bytes)
        payload = self._read(length)
        self._digest.update(length_bytes)
        self._digest.update(payload)
        if self._read(DIGEST_BYTES) != self._digest.digest():
            raise SnapshotRefused("its digest does not fit its bytes")
        return payload

    def _read(self, size: int) -> bytes:
        data = self._file.read(size) if size <= self._size else b""
        if len(data) < size:
            raise SnapshotRefused("it ends too early")
        return data


def _read_facts(payload: bytes) -> SnapshotFacts:
    try:
        found = _format(payload)[0]
        if found != FORMAT:
            raise SnapshotRefused(f"its format is {found}, not {FORMAT}")
        return _facts(payload)
    except (msgspec.DecodeError, IndexError) as error:
        raise SnapshotRefused(f"its facts can't be read: {error}") from error
