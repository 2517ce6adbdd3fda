"""Parses a Kafka record batch that aiokafka's parser refuses: one in which the name of a header is not UTF-8.

Kafka says that names are UTF-8, and does not check it. A Java client reads such a name with replacement characters; so
does this. Slow, and hardly ever needed. The format: https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from aiokafka import codec
from aiokafka.errors import CorruptRecordException
from aiokafka.record.util import decode_varint

_FRAME = struct.Struct(">qi")  # base offset, bytes that follow
_HEADER = struct.Struct(">qiibIhiqqqhii")
_CRC, _COUNT = 4, 12  # places in the header

_DECOMPRESS: dict[int, Callable[[bytes], bytes]] = {
    0: bytes,
    1: codec.gzip_decode,
    2: codec.snappy_decode,
    3: codec.lz4_decode,
    4: codec.zstd_decode,
}


class PatientRecord(NamedTuple):
    """A record with what aiokafka's records have.

    Attributes:
        offset: its offset.
        timestamp: UTC ms.
        key: its key.
        value: its value.
        headers: names, with replacement characters where they are not UTF-8, and values.
    """

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


def parse_batch(raw: bytes, batch: Any) -> Iterator[PatientRecord]:
    """The records of one of aiokafka's record batches, read from the bytes that it came in.

    Raises:
        CorruptRecordException: the batch is not among these bytes.
    """
    start = 0
    while len(raw) - start >= _HEADER.size:
        base, size = _FRAME.unpack_from(raw, start)
        header = _HEADER.unpack_from(raw, start)
        end = start + _FRAME.size + size
        if base == batch.base_offset and header[_CRC] == batch.crc:
            body = raw[start + _HEADER.size : end]
            yield from _records(_DECOMPRESS[batch.compression_type](body), batch, header[_COUNT])
            return
        start = end
    raise CorruptRecordException(f"the batch at offset {batch.base_offset} was not kept")


def _records(body: bytes, batch: Any, count: int) -> Iterator[PatientRecord]:
    buffer, at = bytearray(body), 0

    def number() -> int:
        nonlocal at
        value: int
        value, at = decode_varint(buffer, at)
        return value

    def text() -> bytes | None:
        nonlocal at
        size = number()
        if size < 0:
            return None
        at += size
        return bytes(buffer[at - size : at])

    for _ in range(count):
        end = number() + at
        at += 1  # attributes, of which there are none
        delta_ms, delta = number(), number()
        timestamp = batch.max_timestamp if batch.timestamp_type else batch.first_timestamp + delta_ms
        key, value = text(), text()
        headers = [((text() or b"").decode(errors="replace"), text()) for _ in range(number())]
        if at != end:
            raise CorruptRecordException(f"the record at offset {batch.base_offset + delta} has another length")
        yield PatientRecord(batch.base_offset + delta, timestamp, key, value, headers)
