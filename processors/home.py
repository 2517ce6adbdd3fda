"""Home partitions: where a record must stand to count."""

from __future__ import annotations

import functools

from aiokafka.partitioner import murmur2


@functools.lru_cache(maxsize=1 << 20)
def home_partition(key: str, partitions: int) -> int:
    """The partition to which Kafka's default partitioner sends a key.

    >>> home_partition("rep-0123", 12)
    0
    """
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)
