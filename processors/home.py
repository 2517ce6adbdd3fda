"""Home partitions: where a record must stand to count."""

from __future__ import annotations

from aiokafka.partitioner import murmur2

HOMES_MAX = 1 << 20
"""Keys whose home is remembered; when there are more, all are forgotten."""


def home_partition(key: str, partitions: int) -> int:
    """The partition to which Kafka's default partitioner sends a key.

    >>> home_partition("rep-0123", 12)
    0
    """
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % partitions)


class Homes(dict[str, int]):
    """Keys to their home partitions, each worked out once: few keys come again and again.

    Args:
        partitions: number of partitions of the deployment.
    """

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self._partitions = partitions

    def __missing__(self, key: str) -> int:
        if len(self) >= HOMES_MAX:
            self.clear()
        home = self[key] = home_partition(key, self._partitions)
        return home
