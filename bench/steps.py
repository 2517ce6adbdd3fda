"""What each step of the fold costs: the worker's path over records in memory, without Kafka and without Faust.

``python -m bench.steps EVENTS REPS`` prints microseconds of CPU for an event, by step, as one JSON line: of each step
the least of several runs. Steps are timed a piece of records at a time, so that the clock costs nothing.
"""

from __future__ import annotations

import gc
import itertools
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from bench.limits import RULES
from bench.services import run_module
from bench.stage import PARTITIONS, home_of
from bench.workload import Workload, organisation, sales
from domain.ledger import BUFFERED_ROWS_MAX
from domain.partition import PartitionState
from events.codec import to_record
from events.facts import Fact, Rejected
from processors.admission import Admission, SkippedRecords
from processors.engine.changelog import Row, state_batch
from processors.engine.workshop import FlushLimits
from processors.topics import STATE_BYTES_MAX, TopicNames

RUNS = 3
APPENDED_MS = 1_800_000_000_000


class Record(NamedTuple):
    """A record as the client library reads it."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp: int


Partitions = list[list[Record]]


def measure(events: int, reps: int) -> dict[str, Any]:
    """Run in a process of its own.

    Raises:
        LegFailed: it did not come to its end.
    """
    return run_module("bench.steps", str(events), str(reps))


def records(events: int, reps: int) -> tuple[Partitions, list[Record]]:
    """The sales of every partition, and the control stream."""
    made: Partitions = [[] for _ in range(PARTITIONS)]
    control: list[Record] = []
    for line in itertools.chain(organisation(), sales(Workload(events=events, reps=reps))):
        sent = to_record(line)
        some = control if sent.topic == "control" else made[home_of(sent.topic, sent.key)]
        some.append(Record(len(some), sent.key, sent.value, sent.headers, APPENDED_MS))
    return made, control


class Timed:
    """CPU seconds by step."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._since = time.process_time()

    def start(self) -> None:
        """What was before belongs to no step."""
        self._since = time.process_time()

    def step(self, name: str) -> None:
        """What has passed since the last step, or the start, was this one."""
        now = time.process_time()
        self.seconds[name] += now - self._since
        self._since = now


def run(sources: Partitions, control: Sequence[Record]) -> dict[str, float]:
    """Fold everything once, as a worker that is behind does; CPU seconds by step."""
    admission, limits, timed = Admission(TopicNames("bench"), PARTITIONS, SkippedRecords()), FlushLimits(), Timed()
    states = [PartitionState(partition, RULES, retires=True) for partition in range(PARTITIONS)]
    facts = [verdict if isinstance(verdict := admission.control(record), Fact) else None for record in control]
    for state in states:
        state.control(facts)
        state.flush()
    timed.step("control stream, all partitions")
    for state, piece, is_last in _pieces(sources, states, limits):
        timed.start()
        admitted = [admission.admit("sales", state.partition, record) for record in piece]
        timed.step("decode and judge")
        _pack(state, admitted)
        timed.step("digest and pack")
        state.refused()
        timed.step("merge into the ledger")
        state.outcomes()
        if is_last:
            state.sales.settle()
        timed.step("settle the totals")
        if is_last:
            rows = _rows(state)
            timed.step("render rows and blob")
            _append(state_batch(0, 0, rows, {"sales": piece[-1].offset}))
            timed.step("stamp and pack the batch")
    return timed.seconds


def _pieces(
    sources: Partitions, states: Sequence[PartitionState], limits: FlushLimits
) -> Iterator[tuple[PartitionState, list[Record], bool]]:
    """(state, records, whether a flush follows), partition by partition, flush by flush."""
    size = BUFFERED_ROWS_MAX - 1  # so that merging, which the ledger does by itself when more wait, is timed apart
    for first in range(0, max(map(len, sources)), limits.records_max):
        for state, source in zip(states, sources, strict=True):
            some = source[first : first + limits.records_max]
            for start in range(0, len(some), size):
                yield state, some[start : start + size], start + size >= len(some)


def _pack(state: PartitionState, admitted: Sequence[Any]) -> None:
    for verdict in admitted:
        if isinstance(verdict, Fact):
            with suppress(Rejected):
                state.apply(verdict)


def _rows(state: PartitionState) -> list[Row]:
    blob, changed = state.flush()
    return [*changed] if blob is None else [(b"L", blob), *changed]


def _append(batch: Sequence[Row]) -> None:
    builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, STATE_BYTES_MAX)
    for number, (key, value) in enumerate(batch):
        builder.append(number, APPENDED_MS, key, value, [])
    builder.build()


def main(events: int, reps: int) -> dict[str, float]:
    """Microseconds of CPU for an event, by step: the least of several runs."""
    sources, control = records(events, reps)
    gc.collect()
    gc.freeze()
    runs = [run(sources, control) for _ in range(RUNS)]
    return {name: 1e6 * min(seconds[name] for seconds in runs) / events for name in runs[0]}


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), int(sys.argv[2]))))
