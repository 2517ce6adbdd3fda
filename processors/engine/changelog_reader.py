"""Reads a changelog partition for one owner, beside the consumer that reads the sources for all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable

from processors.engine.changelog import ChangelogRecord
from processors.engine.ownership import PartitionOwner
from processors.log_reader import LogReader

CHANGELOG = "changelog"


async def read_changelog(
    bootstrap_servers: str, topic: str, owner: PartitionOwner, last: int
) -> AsyncGenerator[Iterable[ChangelogRecord], None]:
    """The records after what an owner has read, up to and including an offset that has landed.

    Args:
        bootstrap_servers: comma-separated brokers.
        topic: the changelog.
        owner: whose partition to read.
        last: the offset.
    """
    async with LogReader(bootstrap_servers, {CHANGELOG: topic}) as reader:
        async for chunk in reader.records(CHANGELOG, owner.partition, owner.end + 1, last + 1):
            yield chunk
            await asyncio.sleep(0)
