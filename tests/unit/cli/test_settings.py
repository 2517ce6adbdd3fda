"""Settings come from the environment, and are shown without passwords."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from cli.settings import Settings, read_settings, redacted


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in list(os.environ):
        if name.startswith("STANDINGS_"):
            monkeypatch.delenv(name)


def test_a_nested_variable_sets_a_nested_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDINGS_KAFKA__BOOTSTRAP_SERVERS", "k1:9092,k2:9092")
    monkeypatch.setenv("STANDINGS_KAFKA__PARTITIONS", "24")
    settings = read_settings()
    assert settings.kafka.bootstrap_servers == "k1:9092,k2:9092"
    assert settings.kafka.partitions == 24
    assert settings.kafka.topic_prefix == "standings"


def test_what_a_command_is_told_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANDINGS_KAFKA__BOOTSTRAP_SERVERS", "from-environment:9092")
    monkeypatch.setenv("STANDINGS_KAFKA__TOPIC_PREFIX", "east")
    settings = read_settings(bootstrap_servers="told:9092", redis_url="redis://told:6379/1")
    assert settings.kafka.bootstrap_servers == "told:9092"
    assert settings.kafka.topic_prefix == "east"
    assert settings.redis.url == "redis://told:6379/1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STANDINGS_TIME_ZONE", "Asia/Nowhere"),
        ("STANDINGS_BASE_CURRENCY", "yuan"),
        ("STANDINGS_KAFKA__PARTITIONS", "0"),
        ("STANDINGS_KAFKA__PARTITION", "12"),
        ("STANDINGS_REDIS__URL", "http://127.0.0.1"),
    ],
)
def test_a_wrong_setting_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError):
        read_settings()


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://:secret@host:6379/0", "redis://:***@host:6379/0"),
        ("redis://user:sec@ret@host:6379/0", "redis://user:***@host:6379/0"),
        ("rediss://host:6379/0?password=secret&db=1", "rediss://host:6379/0?password=***&db=1"),
        ("redis://host:6379/0", "redis://host:6379/0"),
    ],
)
def test_passwords_are_not_shown(url: str, shown: str) -> None:
    settings = read_settings(redis_url=url)
    assert redacted(settings)["redis"]["url"] == shown
    assert "secret" not in str(redacted(settings))


def test_settings_cannot_be_changed_after_they_are_read() -> None:
    with pytest.raises(ValidationError):
        Settings().base_currency = "EUR"  # type: ignore[misc]  # that it is refused is the point
