"""Senders that do everything wrong: what counts counts, what can't is set aside, and clocks do not matter."""

from __future__ import annotations

import datetime as dt
import itertools
import time
import zlib
from collections.abc import Sequence

import pytest

from tests.faults.processes import wait_for
from tests.faults.stage import PARTITIONS, Stage
from tests.faults.workload import REPS, SHOPS, Send, as_emitted
from tests.histories.generator import RAW, event

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

HOUR_SECONDS, DAY_SECONDS = 3600.0, 86_400.0
LASTS_SECONDS = 4.0
BIG = b'{"pad":"' + b"x" * 10_000_000 + b'"}'
BIG_COUNT = 2 * PARTITIONS + 1


def test_everything_on_wrong_partitions_counts_where_it_belongs(stage: Stage) -> None:
    def some(count: int) -> Sequence[Send]:
        """As a client does whose partitioner is CRC-32."""
        return [
            send
            if send.key is None or send.topic == "control"
            else send._replace(partition=zlib.crc32(send.key) % PARTITIONS)
            for send in stage.workload.some(count)
        ]

    before = stage.log.away_count
    with stage.scenario("every record partitioned by another rule", some=some) as figures:
        time.sleep(LASTS_SECONDS)
    forwarded = stage.log.away_count - before
    sent = figures.said["records"]
    assert isinstance(sent, int)
    assert forwarded > sent / 2, f"{forwarded} of {sent} were on wrong partitions"


def test_ten_megabytes_and_poison_in_every_chunk_stop_nothing(stage: Stage) -> None:
    poison = itertools.cycle(RAW)
    big = iter(
        [
            *(Send("sales", n % PARTITIONS, None, BIG, []) for n in range(BIG_COUNT - 1)),
            Send("control", 0, None, BIG, []),
        ]
    )

    def some(count: int) -> Sequence[Send]:
        """Poison on every partition each time, and now and then 10 MB."""
        bad = [Send(topic, n, None, next(poison), []) for topic in ("sales", "reps") for n in range(PARTITIONS)]
        return [*bad, *stage.workload.some(count), *itertools.islice(big, 1)]

    with stage.scenario("poison in every chunk, and messages of 10 MB", some=some) as figures:
        time.sleep(LASTS_SECONDS)
        figures.note(left_of_the_big_ones=len(list(big)))
    assert figures.said["left_of_the_big_ones"] == 0


def test_clocks_that_are_an_hour_off_change_nothing(stage: Stage) -> None:
    ahead = stage.process("worker", "ahead-worker", {"clock_seconds": HOUR_SECONDS})
    behind = stage.process("worker", "behind-worker", {"clock_seconds": -HOUR_SECONDS})
    numbers = itertools.count()

    def some(count: int) -> Sequence[Send]:
        """Beside the others sales of tills that are an hour ahead, an hour behind and a day and a half ahead."""
        offs = (HOUR_SECONDS, -HOUR_SECONDS, 1.5 * DAY_SECONDS)
        return [*(as_emitted(sale_at(next(numbers), off)) for off in offs), *stage.workload.some(count)]

    with stage.scenario(
        "clocks an hour off: workers, producers, tills", some=some, clock_seconds=HOUR_SECONDS
    ) as figures:
        with stage.instead_of(stage.named("worker")[1:], ahead, behind):
            wait_for(lambda: stage.owns_some(ahead) and stage.owns_some(behind), 60, "both own partitions")
            time.sleep(2.0)
        figures.note(starts={one.name: one.starts for one in (ahead, behind)})


def sale_at(number: int, seconds: float) -> bytes:
    """A sale whose till says that it is so much later than it is."""
    said = (dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds)).isoformat(timespec="milliseconds")
    data = {"sale_id": f"clock-{seconds:.0f}-{number}", "rep_id": REPS[number % len(REPS)], "unit_id": SHOPS[0]}
    data |= {"occurred_at": said, "amount_minor": 100, "currency": "CNY", "quantity": 1}  # type: ignore[dict-item]
    return event("sale.recorded.v1", data, data["rep_id"], source="/pos", number=number, recorded_at=said)
