"""A Faust transport that delivers chunks: one Faust message holds records of one partition from one fetch, unparsed.

Every override below is there for a fault of Faust 0.15.3; `tests/unit/processors/test_engine_upstream.py` goes red when
the code under it changes, so that each can be judged again.
"""

# mypy: allow-subclassing-any
# (Faust is not checked: its own types do not hold together.)

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable
from typing import Any

import aiokafka
import faust
from faust.transport.consumer import ensure_TP, ensure_TPset
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from processors.engine.fetching import ChunkReader, RecordChunk
from processors.engine.membership import named

ENGINE_LOG = "faust.engine"
"""Logger of the services below: one level for all that Faust says."""

FETCH_BYTES_MIN = 1 << 18
FETCH_WAIT_MS = 40
"""The broker holds a fetch until it has so many bytes, or for so long: live records come in chunks, not one by one. One
fetch a broker is on the way at a time, so this is also how long a partition that was left out of it waits."""


NEVER_CURRENT = -1
"""The generation of a chunk that came before the last seek of its partition."""


class ChunkConsumerThread(driver.AIOKafkaConsumerThread):
    """Fetches for `ChunkConsumer`."""

    def _create_consumer(self, loop: Any) -> aiokafka.AIOKafkaConsumer:
        """Override: Faust fixes the fetch wait at 1.5 s, and that becomes the delay of a partition that was drained.

        It also leaves out how many bytes are worth an answer.
        """
        consumer = super()._create_consumer(loop)
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS
        consumer._fetch_min_bytes = FETCH_BYTES_MIN
        return consumer

    async def on_start(self) -> None:
        """Override: the consumer is read by chunks alone, and a name in the group is had by one."""
        await super().on_start()
        consumer = self._ensure_consumer()
        named(consumer, self.consumer.app.die)
        self._reader = ChunkReader(consumer, consumer._max_poll_records)

    async def _fetch_records(
        self,
        consumer: aiokafka.AIOKafkaConsumer,
        active_partitions: frozenset[TP] | None,
        timeout: float | None = None,  # noqa: ASYNC109 - Faust's signature
        max_records: int | None = None,
    ) -> dict[Any, RecordChunk]:
        """Override: a chunk of each partition, where Faust takes a list of the records of a few."""
        if not self.consumer.flow_active:
            return {}
        return await self._reader.chunks(timeout or 0.0, active_partitions)


class ChunkConsumer(driver.Consumer):
    """Delivers chunks and commits them whole and in order; the state, not the group, says where to read on.

    A chunk's message has the `RecordChunk` as `value` and its last offset as `offset`.
    """

    app: Any  # engine.app.EngineApp; Faust declares its interface class
    logger = logging.getLogger(ENGINE_LOG)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._chunks: defaultdict[TP, deque[ConsumerMessage]] = defaultdict(deque)  # delivered, not yet committed
        self._waiting: set[TP] = set()  # sources that may only resume after the seek
        self._seeked = False
        self._fetch_begins = asyncio.Event()
        super().__init__(*args, **kwargs)

    def _new_consumer_thread(self) -> ChunkConsumerThread:
        return ChunkConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        """Override: Faust hands over its live set; once a rebalance empties it, aiokafka reads "none" as "all".

        And Faust waits a second for these partitions, even if others are resumed meanwhile and their records are there.
        """
        active = None if active_partitions is None else frozenset(active_partitions)
        return await self._thread.getmany(active, min(timeout, FETCH_WAIT_MS / 1000))

    async def _wait_next_records(self, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's signature
        """Override: Faust sleeps a second while all is paused, as after a recovery; the first chunk waits for that."""
        if self.flow_active and not self._get_active_partitions():
            await self.sleep(FETCH_WAIT_MS / 1000)
            return {}, set()
        records_and_active: tuple[Any, Any] = await super()._wait_next_records(timeout)
        return records_and_active

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, Any]]:  # noqa: ASYNC109 - Faust's
        """Override: yield a message a chunk, not a message a record."""
        self._fetch_begins.set()
        chunks, active = await self._wait_next_records(timeout)
        generation = self.app.consumer_generation_id
        if chunks is None or self.should_stop:
            return
        if not self.flow_active:
            await self._seek_while_stopped()
            return
        for tp, records in chunks.items():
            if not self.flow_active or self.app.consumer_generation_id != generation:
                return
            if active is not None and tp not in active and tp not in self._buffered_partitions:
                continue
            message = self._message(ensure_TP(tp), records, generation)
            if message is not None:
                yield message.tp, message

    async def _seek_while_stopped(self) -> None:
        """What came is dropped; chunks in work stay: whoever stopped the flow waits for them, and commits them."""
        try:
            await self._seek_back()
        except Exception as error:  # as Faust does: the rebalance that stopped the flow seeks again
            self.log.warning("seek while the flow is stopped: %r", error)

    def _message(self, tp: TP, records: RecordChunk, generation: int) -> ConsumerMessage | None:
        start = self._read_offset[tp]
        if start is not None and not records.narrow(start, records.last):
            return None
        self.app.monitor.track_tp_end_offset(tp, records.log_end)
        message = ConsumerMessage(
            tp.topic,
            tp.partition,
            records.last,
            records.timestamp / 1000,
            None,  # timestamp type
            None,  # headers
            None,  # key
            records,
            None,  # checksum
            0,
            0,
            tp,
            generation_id=generation,
        )
        if not self._is_changelog_tp(tp):
            self._chunks[tp].append(message)
        return message

    async def _add_gap(self, tp: TP, offset_from: int, offset_to: int) -> None:
        """Override: the offsets between two chunks' ends are no gap."""

    def _new_offset(self, tp: TP) -> int | None:
        """Override: commit up to the first chunk that is not acknowledged."""
        chunks = self._chunks[tp]
        last: int | None = None
        while chunks and chunks[0].acked:
            last = chunks.popleft().offset
        if last is None:
            return None
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return last + 1

    def resume_partitions(self, tps: Iterable[TP]) -> None:
        """Override: Faust resumes sources before it has sought and emptied the queues; here they wait for both."""
        tpset = ensure_TPset(tps)
        sources = {tp for tp in tpset if not self._is_changelog_tp(tp)}
        if sources:
            self._waiting |= sources
            self._seeked = False
        super().resume_partitions(tpset - sources)

    async def perform_seek(self) -> None:
        """Override: go on after what the state holds; the group's committed offset is only a display."""
        self._chunks.clear()
        await self._seek_back()

    async def _seek_back(self) -> None:
        await super().perform_seek()
        for tp in self.assignment():
            start = self.app.start_offset(tp)
            if start is not None:
                await self.seek(tp, start)
        self._seeked = True

    def resume_flow(self) -> None:
        """Override: the sources that waited for the seek resume with the flow."""
        super().resume_flow()
        if self._seeked and self._waiting:
            sources, self._waiting = self._waiting, set()
            super().resume_partitions(sources)

    async def hold(self, tps: set[TP]) -> None:
        """Let no chunk of these sources come; those that have come and are not folded yet are never current again.

        A fetch that is under way may still bring some: so it waits until the next one begins. What comes after a
        rebalance meanwhile is another matter: the consumer does not go back behind it.
        """
        generation = self.app.consumer_generation_id
        self.pause_partitions(tps)
        self._fetch_begins.clear()
        await self._fetch_begins.wait()
        for tp in tps:
            chunks = self._chunks[tp]
            while chunks and chunks[0].generation_id == generation:
                chunks.popleft().generation_id = NEVER_CURRENT

    async def go_on(self, tps: set[TP]) -> None:
        """Read these sources on after what the state holds; left to a rebalance if one comes meanwhile."""
        generation = self.app.consumer_generation_id
        for tp in tps:
            start = self.app.start_offset(tp)
            if start is None or not self.flow_active or self.app.consumer_generation_id != generation:
                return
            await self.seek(tp, start)
        if self.flow_active and self.app.consumer_generation_id == generation:
            super().resume_partitions(tps)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Override: Faust forgets acknowledgements before it commits them; here chunks in work are finished first."""
        if not self.should_stop and self.assignment():
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            for chunks in self._chunks.values():
                while chunks and not chunks[-1].tracked:
                    chunks.pop()  # still queued, so it was cleared with the queue
            await self.wait_empty()
        self._chunks.clear()
        self._waiting.clear()
        await super().on_partitions_revoked(revoked)


class ChunkProducer(driver.Producer):
    """Override: without idempotence a retried batch may be appended twice or overtaken."""

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}


class ChunkTransport(driver.Transport):
    """Faust's Kafka transport with the consumer and the producer above."""

    Consumer = ChunkConsumer
    Producer = ChunkProducer


class ChunkSchema(faust.Schema):
    """Lets chunks pass through undecoded: records are judged one by one where their partition is known."""

    def loads_key(self, app: Any, message: Any, **kwargs: Any) -> Any:
        """A chunk has no key."""
        return None if type(message.value) is RecordChunk else super().loads_key(app, message, **kwargs)

    def loads_value(self, app: Any, message: Any, **kwargs: Any) -> Any:
        """A chunk's value is its records."""
        return message.value if type(message.value) is RecordChunk else super().loads_value(app, message, **kwargs)
