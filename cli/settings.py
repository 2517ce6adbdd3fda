"""All settings, read once from the environment by the composition root.

Names: prefix `STANDINGS_`, `__` between the parts: `STANDINGS_KAFKA__BOOTSTRAP_SERVERS`. A folder of secrets
(one file a setting, as container platforms mount them) is named by `STANDINGS_SECRETS_DIR`. Shells below get
plain values from here, never this object.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

REDACTED = "***"


class Section(BaseModel):
    """A group of settings; an unknown name in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """Where the log is.

    Attributes:
        topic_prefix: separates several deployments on one cluster; topics are `{prefix}.sales.v1` and so on.
        partitions: of sales, targets, reps and the changelog; used when topics are made, checked after.
    """

    bootstrap_servers: str = "127.0.0.1:9092"
    topic_prefix: str = Field(default="standings", pattern=r"^[A-Za-z0-9._-]{1,100}$")
    partitions: int = Field(default=12, ge=1, le=1024)
    replication_factor: int = Field(default=1, ge=1, le=9)


class RedisSettings(Section):
    """Where the boards are."""

    url: str = "redis://127.0.0.1:6379/0"
    prefix: str = Field(default="standings:", max_length=100)

    @field_validator("url")
    @classmethod
    def _known_scheme(cls, url: str) -> str:
        if urlsplit(url).scheme not in ("redis", "rediss", "unix"):
            raise ValueError("must start with redis://, rediss:// or unix://")
        return url


class WorkerSettings(Section):
    """How the Faust worker runs.

    Attributes:
        data_dir: where it keeps snapshots; None = it keeps none.
        instance_id: its name in the group, of its own and the same after a restart. None = it has none, and is a new
            worker each time.
        snapshot_seconds: a partition's state is written there at most so often; 0 = never.
        session_timeout_seconds: a dead worker's partitions go to another after this time.
        flush_events_max: a flush ends after so many events,
        flush_seconds: or after this time, whichever comes first; while thousands of events wait it may be up to 2.5 s.
    """

    data_dir: Path | None = None
    instance_id: str | None = Field(default=None, pattern=r"^[A-Za-z0-9._-]{1,200}$")
    snapshot_seconds: float = Field(default=60.0, ge=0, le=86_400)
    session_timeout_seconds: float = Field(default=6.0, ge=3, le=300)
    flush_events_max: int = Field(default=20_000, ge=1, le=1_000_000)
    flush_seconds: float = Field(default=0.1, gt=0, le=60)


class ProjectorSettings(Section):
    """How the projector runs.

    Attributes:
        flush_seconds: least time from one flush to the next; longer, up to 3 s, while what is read is old.
        idle_look_seconds: how often an idle projector makes sure that its boards are still there.
    """

    flush_seconds: float = Field(default=0.1, gt=0, le=60)
    idle_look_seconds: float = Field(default=0.5, gt=0, le=60)


class ApiSettings(Section):
    """Where the read API listens, and which pages of other origins may read it."""

    host: str = "127.0.0.1"
    port: int = Field(default=8750, ge=0, le=65_535)
    cors_origins: tuple[str, ...] = ()


class MetricsSettings(Section):
    """Where `/metrics` and `/readyz` listen; 0 = any free port."""

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65_535)


class LogSettings(Section):
    """What is logged. Format `auto`: console on a terminal, JSON elsewhere."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    format: Literal["auto", "json", "console"] = "auto"


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix="STANDINGS_", env_nested_delimiter="__", extra="ignore", frozen=True, case_sensitive=False
    )

    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    base_currency: str = Field(default="CNY", pattern=r"^[A-Z]{3}$")
    time_zone: str = "Asia/Shanghai"
    worker: WorkerSettings = WorkerSettings()
    projector: ProjectorSettings = ProjectorSettings()
    api: ApiSettings = ApiSettings()
    metrics: MetricsSettings = MetricsSettings()
    log: LogSettings = LogSettings()

    @field_validator("time_zone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        from domain.calendar import zone_exists

        if not zone_exists(name):
            raise ValueError(f"no time zone {name!r}; use a name like Asia/Shanghai")
        return name


def read_settings(*, bootstrap_servers: str | None = None, redis_url: str | None = None) -> Settings:
    """The settings of the environment; what a command was told explicitly wins.

    Raises:
        pydantic.ValidationError: a setting is wrong.
    """
    secrets_dir = os.environ.get("STANDINGS_SECRETS_DIR")
    told: dict[str, Any] = {}
    settings = Settings(_secrets_dir=secrets_dir) if secrets_dir else Settings()
    if bootstrap_servers is not None:
        told["kafka"] = settings.kafka.model_copy(update={"bootstrap_servers": bootstrap_servers})
    if redis_url is not None:
        told["redis"] = RedisSettings(url=redis_url, prefix=settings.redis.prefix)
    return settings.model_copy(update=told)


def redacted(settings: Settings) -> dict[str, Any]:
    """The settings as JSON values, without passwords."""
    shown = settings.model_dump(mode="json")
    shown["redis"]["url"] = _without_password(settings.redis.url)
    return shown


def _without_password(url: str) -> str:
    """The URL with its password, and any password in its query, hidden."""
    parts = urlsplit(url)
    place = parts.netloc
    if "@" in place:
        user, _, host = place.rpartition("@")
        name, colon, _ = user.partition(":")
        place = f"{name}{colon}{REDACTED if colon else ''}@{host}"
    pairs = [pair.partition("=") for pair in parts.query.split("&")] if parts.query else []
    query = "&".join(f"{name}={REDACTED if 'pass' in name.lower() else value}" for name, _, value in pairs)
    return urlunsplit((parts.scheme, place, parts.path, query, parts.fragment))
