"""Folds one partition straight from its source topics, up to any offsets: what replay prints and verify compares with.

It shares the pure core and the judgement of records with the worker, and nothing of the engine: no changelog, no table.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from domain.accounting import DEAD_LETTERED
from domain.partition import PartitionState, Rules
from events.facts import Fact, Rejected
from events.registry import CONTROL
from processors.admission import Admission, SkippedRecords, SourceRecord
from processors.log_reader import LogReader
from processors.redirects import Redirect
from processors.topics import CONTROL_PARTITION, SOURCES, TopicNames

SKIPPED = "record.skipped.v1"

SETTLED_RECORDS = 50_000
"""So many records are merged and settled at once: fewer cost more each, and more would wait in memory."""

Progress = Callable[[int, int], Awaitable[None]]
"""Told (offsets, records) that were read since it was told last."""


class ControlPrefix:
    """The control stream up to an end, read once and shared by all partitions.

    Attributes:
        offsets: offset of each record, in order.
        facts: what each says; None if it can't be read.
        skipped: the records that it tells everyone to pass.
    """

    def __init__(self) -> None:
        self.offsets: list[int] = []
        self.facts: list[Fact | None] = []
        self.skipped = SkippedRecords()

    @classmethod
    async def read(
        cls, reader: LogReader, names: TopicNames, partitions: int, reopened: int | None = None, end: int | None = None
    ) -> ControlPrefix:
        """Read the stream up to an offset, or to its end as it is now; see ``of``."""
        if end is None:
            end = await reader.end(CONTROL, CONTROL_PARTITION)
        batches = [batch async for batch in reader.records(CONTROL, CONTROL_PARTITION, 0, end)]
        return cls.of([record for batch in batches for record in batch], names, partitions, reopened)

    @classmethod
    def of(
        cls, records: Sequence[SourceRecord], names: TopicNames, partitions: int, reopened: int | None = None
    ) -> ControlPrefix:
        """Judge the records of the stream, in order.

        A control record may be skipped by a later one, so all are judged again once every skip is known.

        Args:
            records: the whole stream.
            names: topic names.
            partitions: of the deployment.
            reopened: leave out the closes of this year and of later ones.
        """
        prefix = cls()
        admission = Admission(names, partitions, prefix.skipped, reopened=reopened)
        for verdict in map(admission.control, records):
            if isinstance(verdict, Fact) and verdict.type == SKIPPED:
                prefix.skipped.add(verdict)
        verdicts = [admission.control(record) for record in records]
        prefix.offsets = [record.offset for record in records]
        prefix.facts = [verdict if isinstance(verdict, Fact) else None for verdict in verdicts]
        return prefix


class SourceFold:
    """One partition's state, folded from the sources and moved forward from one set of offsets to a later one.

    Args:
        partition: which.
        partition_count: of the deployment.
        rules: of the deployment.
        reader: connected.
        control: the control stream.
        names: topic names.
    """

    def __init__(
        self,
        partition: int,
        partition_count: int,
        rules: Rules,
        *,
        reader: LogReader,
        control: ControlPrefix,
        names: TopicNames,
    ) -> None:
        self.state = PartitionState(partition, rules)
        self.read_count = 0
        self._reader = reader
        self._control = control
        self._admission = Admission(names, partition_count, control.skipped)
        self._next = dict.fromkeys((*SOURCES, CONTROL), 0)
        self._control_at = 0
        self._settled_count = 0

    async def advance(self, offsets: Mapping[str, int], progress: Progress | None = None) -> None:
        """Fold every source up to and including these offsets; a source that is absent stays where it is.

        Args:
            offsets: source to its last offset.
            progress: told after every chunk.
        """
        self._advance_control(offsets.get(CONTROL, -1) + 1)
        for source in SOURCES:
            end = offsets.get(source, -1) + 1
            async for records in self._reader.records(source, self.state.partition, self._next[source], end):
                told = self.read_count
                for record in records:
                    self._fold(source, record)
                self._settle()
                if progress is not None:
                    await progress(records.last + 1 - self._next[source], self.read_count - told)
                self._next[source] = records.last + 1
            self._next[source] = max(self._next[source], end)

    def _settle(self) -> None:
        """Now and then, merge and settle what was taken, so that it does not wait in memory."""
        if self.read_count - self._settled_count >= SETTLED_RECORDS:
            self._settled_count = self.read_count
            self.state.outcomes()
            self.state.refused()  # accounted; nobody asks which

    async def behind(self, offsets: Mapping[str, int]) -> int:
        """Records of the sources after these offsets, as the log ends now."""
        ends = [await self._reader.end(source, self.state.partition) for source in SOURCES]
        return sum(max(0, end - 1 - offsets.get(source, -1)) for source, end in zip(SOURCES, ends, strict=True))

    def _advance_control(self, end: int) -> None:
        start, offsets = self._control_at, self._control.offsets
        while self._control_at < len(offsets) and offsets[self._control_at] < end:
            self._control_at += 1
        facts = self._control.facts[start : self._control_at]
        if facts:
            self.state.control(facts)
            if self.state.partition == CONTROL_PARTITION:
                self.read_count += len(facts)

    def _fold(self, source: str, record: SourceRecord) -> None:
        self.read_count += 1
        verdict = self._admission.admit(source, self.state.partition, record)
        if isinstance(verdict, Redirect):
            self.state.account(verdict.outcome)
            return
        try:
            self.state.apply(verdict)
        except Rejected:
            self.state.account(DEAD_LETTERED)


async def ends_of(reader: LogReader, partition: int, control_end: int) -> dict[str, int]:
    """The last offset of every source of a partition as it is now; absent if it is empty.

    Args:
        reader: connected.
        partition: which.
        control_end: the offset that the control stream's next record will get.
    """
    last = {source: await reader.end(source, partition) - 1 for source in SOURCES} | {CONTROL: control_end - 1}
    return {source: offset for source, offset in last.items() if offset >= 0}
