"""Keeps chatty loggers of client libraries readable during an outage."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

QUIET_SECONDS = 10.0


class OneEvery(logging.Filter):
    """Lets one message of a format through per interval; the next one says how many were held back.

    Args:
        seconds: the interval.
        clock: monotonic seconds.
    """

    def __init__(self, seconds: float = QUIET_SECONDS, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._seconds = seconds
        self._clock = clock
        self._next: dict[str, float] = {}
        self._held: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged."""
        text = str(record.msg)
        now = self._clock()
        if now < self._next.get(text, now):
            self._held[text] = self._held.get(text, 0) + 1
            return False
        self._next[text] = now + self._seconds
        if held := self._held.pop(text, 0):
            record.msg = f"{text} ({held} more like this were not logged)"
        return True


_CHATTY = (
    "aiokafka",
    "aiokafka.conn",
    "aiokafka.consumer.fetcher",
    "aiokafka.consumer.group_coordinator",
    "aiokafka.producer.sender",
)


def limit_kafka_logs() -> None:
    """Rate-limit what aiokafka repeats while a broker is away (thousands of lines an outage otherwise).

    Client libraries that have no level of their own say warnings and worse.
    """
    for name in ("aiokafka", "faust", "kafka", "mode"):
        logger = logging.getLogger(name)
        if logger.level == logging.NOTSET:
            logger.setLevel(logging.WARNING)
    for name in _CHATTY:
        logger = logging.getLogger(name)
        if not any(isinstance(known, OneEvery) for known in logger.filters):
            logger.addFilter(OneEvery())
