"""Tells the workers to pass a record by: checks that nobody has folded it, and says so on the control stream."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from aiokafka import AIOKafkaProducer

from domain.limits import CONTROL_AGE_MS_MAX
from events import limits
from events.codec import encode_record
from events.registry import CONTROL
from processors.engine.changelog import ChangelogFold
from processors.log_reader import LogReader
from processors.topics import CONTROL_PARTITION, SOURCES, TopicNames

CHANGELOG = "changelog"
SOURCE_OF_SKIPS = "/standings/skip"
SHAPE = re.compile(r"(.+)-([0-9]{1,10})@([0-9]{1,19})")

SETTLE_SECONDS = CONTROL_AGE_MS_MAX / 1000 + 1.0
"""A worker that did not know of the skip yet may have folded the record for so long, and written it."""

Wait = Callable[[float], Awaitable[None]]


class BadSkip(ValueError):  # noqa: N818 - what was asked for
    """What was asked for names no record of a source, or no reason."""


class CannotSkip(Exception):  # noqa: N818 - a verdict
    """The record is not there, or it was folded already."""


class SkipTarget(NamedTuple):
    """A record of a source.

    Attributes:
        source: sales, targets, reps or control.
        partition: its partition.
        offset: its offset there.
    """

    source: str
    partition: int
    offset: int

    @classmethod
    def parse(cls, text: str, names: TopicNames) -> SkipTarget:
        """Read ``TOPIC-PARTITION@OFFSET``; the topic may be named in full or as ``sales``, ``control`` and so on.

        >>> SkipTarget.parse("standings.sales.v1-3@42", TopicNames())
        SkipTarget(source='sales', partition=3, offset=42)

        Raises:
            BadSkip: another shape, or no topic that workers fold.
        """
        shape = SHAPE.fullmatch(text)
        if shape is None:
            raise BadSkip(f"{text!r} is not TOPIC-PARTITION@OFFSET, such as {names.sales}-3@42")
        sources = {name: source for source in (*SOURCES, CONTROL) for name in (source, names.of(source))}
        if (source := sources.get(shape[1])) is None:
            raise BadSkip(f"{shape[1]} is no topic of this deployment: {', '.join(map(names.of, (*SOURCES, CONTROL)))}")
        return cls(source, int(shape[2]), int(shape[3]))


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was done.

    Attributes:
        topic: full name of the topic of the record that is passed by from now on.
        partition: its partition.
        offset: its offset.
        control_offset: where the word to skip it stands on the control stream.
        folded: partitions that folded the record nevertheless, before the skip or while it was sent.
    """

    topic: str
    partition: int
    offset: int
    control_offset: int
    folded: tuple[int, ...]


class Skipping:
    """Skips records of one deployment.

    Args:
        bootstrap_servers: comma-separated brokers.
        names: topic names.
        wait: waits some seconds.
    """

    def __init__(self, bootstrap_servers: str, names: TopicNames, wait: Wait = asyncio.sleep) -> None:
        self._servers = bootstrap_servers
        self._names = names
        self._wait = wait

    async def skip(self, target: SkipTarget, reason: str, *, before_rebuild: bool = False) -> Skipped:
        """Append ``record.skipped``, if no state holds the record.

        Args:
            target: the record.
            reason: why, for the dead letter.
            before_rebuild: the state will be rebuilt from the sources, so it may hold the record now.

        Raises:
            CannotSkip: see above; nothing was sent.
            BadSkip: the reason is no text of 1 to 64 characters.
            aiokafka.errors.KafkaError: Kafka can't be reached.
            processors.topics.TopicsUnfit: a topic is missing.
        """
        if not 1 <= len(reason) <= limits.ID_CHARS_MAX:
            raise BadSkip(f"the reason has 1 to {limits.ID_CHARS_MAX} characters, not {len(reason)}")
        topic = self._names.of(target.source)
        name = f"{topic}-{target.partition}@{target.offset}"
        topics = {source: self._names.of(source) for source in (*SOURCES, CONTROL)}
        async with LogReader(self._servers, {**topics, CHANGELOG: self._names.changelog}) as reader:
            await self._check_there(reader, target, name)
            states = await self._states(reader, target)
            await self._refuse_folded(reader, states, target, name, before_rebuild)
            control_offset = await self._send(target, reason, name)
            await self._wait(SETTLE_SECONDS)
            folded = await _folded_by(reader, states, target)
        return Skipped(topic, target.partition, target.offset, control_offset, folded)

    async def _check_there(self, reader: LogReader, target: SkipTarget, name: str) -> None:
        count = await reader.partition_count()
        count = CONTROL_PARTITION + 1 if target.source == CONTROL else count
        if target.partition >= count:
            raise CannotSkip(f"{name}: the topic has {count} partitions, the last is {count - 1}")
        end = await reader.end(target.source, target.partition)
        if target.offset >= end:
            raise CannotSkip(f"{name}: the partition ends before offset {end}")

    async def _states(self, reader: LogReader, target: SkipTarget) -> Mapping[int, ChangelogFold]:
        """The folds of the partitions that fold the record."""
        count = await reader.partition_count()
        return {p: ChangelogFold() for p in (range(count) if target.source == CONTROL else (target.partition,))}

    async def _refuse_folded(
        self,
        reader: LogReader,
        states: Mapping[int, ChangelogFold],
        target: SkipTarget,
        name: str,
        before_rebuild: bool,
    ) -> None:
        folded = await _folded_by(reader, states, target)
        if folded and not before_rebuild:
            raise CannotSkip(
                f"{name} was folded already by the owner of partition {', '.join(map(str, folded))}: the boards hold "
                "it, and a skip would only make `verify` leave it out. A sale is taken back by sale.voided, other "
                "facts by a higher revision. If you are about to rebuild the state from the sources, add "
                "--before-rebuild"
            )

    async def _send(self, target: SkipTarget, reason: str, name: str) -> int:
        topic = self._names.of(target.source)
        data = {"topic": topic, "partition": target.partition, "offset": target.offset, "reason": reason}
        now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record = encode_record("record.skipped.v1", data, id=f"{name} {now}"[-256:], source=SOURCE_OF_SKIPS, time=now)
        producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all", enable_idempotence=True)
        await producer.start()
        try:
            sent = await producer.send_and_wait(
                self._names.control,
                record.value,
                key=record.key,
                headers=record.headers,
                partition=CONTROL_PARTITION,
            )
        finally:
            await producer.stop()
        return int(sent.offset)


async def _folded_by(reader: LogReader, states: Mapping[int, ChangelogFold], target: SkipTarget) -> tuple[int, ...]:
    """The partitions whose live state holds the record, after reading on to the ends of their changelogs."""
    for partition, fold in states.items():
        end = await reader.end(CHANGELOG, partition)
        async for chunk in reader.records(CHANGELOG, partition, fold.rewind(), end):
            fold.feed(chunk)
    return tuple(p for p, fold in states.items() if fold.positions.get(target.source, -1) >= target.offset)
