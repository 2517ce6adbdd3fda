"""The feed of the latency benchmark: what falls due together is sent together, and in order."""

from __future__ import annotations

from aiokafka import AIOKafkaProducer

from bench.live import batches_of
from events.codec import Outgoing


async def test_a_tick_that_comes_late_is_sent_in_several_batches_in_order() -> None:
    producer = AIOKafkaProducer(bootstrap_servers="127.0.0.1:1", max_batch_size=1_000)
    records = [(at % 2, Outgoing("sales", b"key", bytes([at]) * 100, [])) for at in range(40)]
    try:
        ticks = batches_of(producer, records, due=[float(at) for at in range(40)])
    finally:
        await producer.stop()
    assert len(ticks) > 2, "more than a batch for each partition"
    for partition in (0, 1):
        due = [at for tick in ticks if tick.partition == partition for at in tick.due]
        assert due == [float(at) for at in range(40) if at % 2 == partition]
    assert all(tick.batch.record_count() == len(tick.due) for tick in ticks)
