"""Some partitions of the log, folded one after the other by one share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aiokafka.errors import KafkaError

from domain.boards import Group
from domain.closing import ClosedTooLate
from domain.partition import Rules
from events.registry import CONTROL
from processors.log_reader import LogReader, LogTooShort
from processors.parts import tell_parts
from processors.shares import Advanced, ShareFailed, Talk
from processors.source_fold import ControlPrefix, SourceFold
from processors.topics import SOURCES, TopicNames, TopicsUnfit

LOG = "log"
"""The one stage; it counts offsets."""


@dataclass(frozen=True, slots=True)
class LogShare:
    """One of several that fold the log.

    Attributes:
        bootstrap_servers: of the log.
        names: topic names.
        partition_count: of the deployment.
        ends: the partitions of this share, in the order in which they are folded, each with the last offset of every
            source when the replay began; what is appended later is not read.
        rules: of the deployment.
        groups: the groups wanted; None = all.
        reopened: leave out the closes of this year and of later ones; None = all closes count.
    """

    bootstrap_servers: str
    names: TopicNames
    partition_count: int
    ends: Mapping[int, dict[str, int]]
    rules: Rules
    groups: frozenset[Group] | None
    reopened: int | None = None

    async def run(self, talk: Talk) -> None:
        """See `Share.run`."""
        topics = {source: self.names.of(source) for source in (*SOURCES, CONTROL)}
        try:
            async with LogReader(self.bootstrap_servers, topics) as reader:
                await self.fold(reader, talk)
        except (ClosedTooLate, KafkaError, LogTooShort, TopicsUnfit) as error:
            raise ShareFailed(f"the log can't be read: {error}") from error

    async def fold(self, reader: LogReader, talk: Talk) -> None:
        """The same with a reader that is connected."""
        control_end = max((ends.get(CONTROL, -1) for ends in self.ends.values()), default=-1) + 1
        control = await ControlPrefix.read(reader, self.names, self.partition_count, self.reopened, control_end)

        async def progress(offsets: int, records: int) -> None:
            await talk.tell(Advanced(LOG, offsets, records))

        for partition, ends in self.ends.items():
            fold = SourceFold(
                partition, self.partition_count, self.rules, reader=reader, control=control, names=self.names
            )
            await fold.advance(ends, progress)
            await tell_parts(talk, fold.state, self.groups, ends, fold.read_count)


def dealt(ends: Mapping[int, dict[str, int]], shares: int) -> list[dict[int, dict[str, int]]]:
    """The partitions of each share, so that the shares have about as many records; the longest partitions first."""
    parts: list[dict[int, dict[str, int]]] = [{} for _ in range(min(shares, len(ends)))]
    held = [0] * len(parts)
    for partition in sorted(ends, key=lambda at: -record_count(ends[at])):
        share = held.index(min(held))
        parts[share][partition] = ends[partition]
        held[share] += record_count(ends[partition]) + 1
    return parts


def record_count(ends: Mapping[str, int]) -> int:
    """Offsets of a partition's own sources up to these ends."""
    return sum(ends.get(source, -1) + 1 for source in SOURCES)
