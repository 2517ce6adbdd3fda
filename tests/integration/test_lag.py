"""The lag that is told without a worker."""

from __future__ import annotations

from kafka import KafkaProducer

from cli.embedded import EmbeddedKafka
from processors.lag import group_lag
from processors.topics import TopicNames, ensure_topics


def test_without_a_worker_every_record_lags(kafka: EmbeddedKafka, topic_prefix: str) -> None:
    names = TopicNames(topic_prefix)
    ensure_topics(kafka.bootstrap_servers, topic_prefix, 2)
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    for number in range(3):
        producer.send(names.sales, value=b"{}", partition=number % 2).get(timeout=30)
    producer.close()
    assert group_lag(kafka.bootstrap_servers, names) == {names.sales: 3, names.of("targets"): 0, names.of("reps"): 0}
