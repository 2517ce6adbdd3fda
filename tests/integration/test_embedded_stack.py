"""The embedded stack: real servers that survive kill -9 and odd folder names."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import redis
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.admin import NewTopic

from cli.embedded import EmbeddedKafka, EmbeddedValkey

pytestmark = pytest.mark.timeout(180)


def wait_for(done: Callable[[], bool], timeout_seconds: float = 60.0) -> None:
    deadline = time.monotonic() + timeout_seconds
    while not done():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.05)


def test_kafka_in_a_folder_with_chinese_letters_keeps_its_log_over_kill_9_and_restart(tmp_path: Path) -> None:
    folder = tmp_path / "测试 folder" / "卡夫卡"
    server = EmbeddedKafka(folder)
    server.start()
    try:
        address = server.bootstrap_servers
        admin = KafkaAdminClient(bootstrap_servers=address)
        admin.create_topics([NewTopic("kept", 1, 1)])
        admin.close()
        producer = KafkaProducer(bootstrap_servers=address)
        producer.send("kept", b"first").get(20)
        producer.close()

        server.process.kill()
        server.spawn()
        wait_for(server.answers)
        assert server.bootstrap_servers == address
        server.stop()

        server = EmbeddedKafka(folder)
        server.start()
        consumer = KafkaConsumer(
            "kept",
            bootstrap_servers=server.bootstrap_servers,
            auto_offset_reset="earliest",
            group_id=None,
            consumer_timeout_ms=10_000,
        )
        assert next(consumer).value == b"first"
        consumer.close()
    finally:
        server.stop()


def test_after_kill_9_valkey_has_the_data_of_its_last_copy(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "数据 with spaces")
    server.start()
    try:
        client = redis.Redis.from_url(server.url)
        client.set("name", "华东大区")
        client.save()
        client.set("later", "西安")
        url = server.url
        server.process.kill()
        server.spawn()
        wait_for(server.answers)
        assert server.url == url
        assert client.mget("name", "later") == ["华东大区".encode(), None]
        client.set("later", "成都")
        server.stop()
        server.start()
        assert client.get("later") == "成都".encode(), "told to end, it writes a copy before"
        client.close()
    finally:
        server.stop()


def test_a_start_ends_what_an_earlier_run_left_behind(tmp_path: Path) -> None:
    earlier = EmbeddedValkey(tmp_path)
    earlier.start()
    left = earlier.pid
    assert left is not None
    later = EmbeddedValkey(tmp_path)
    later.start()
    try:
        assert later.pid != left
        assert earlier.pid is None
    finally:
        later.stop()
        earlier.stop()
    assert not psutil.pid_exists(left)
