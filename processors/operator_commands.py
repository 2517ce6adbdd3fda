"""The very commands that messages tell an operator to run."""

from __future__ import annotations

import shlex

from domain.closing import TooLate
from processors.topics import TopicNames

DEFAULT_PREFIX = TopicNames().prefix


def late_detail(late: TooLate, names: TopicNames, bootstrap_servers: str) -> str:
    """The detail of a dead letter that came too late: why, and how to see what would be if the year were open.

    >>> print(late_detail(TooLate(2025, "s1/rep/revenue/2025"), TopicNames(), "kafka:9092").partition("; ")[2])
    with it: standings replay --bootstrap-servers kafka:9092 --reopen 2025 --board s1/rep/revenue/2025
    """
    words = ("replay", "--bootstrap-servers", bootstrap_servers or "HOST:PORT", "--reopen", str(late.year))
    return f"{late.detail}; with it: {_command(names.prefix, *words, '--board', late.board)}"


def skip_command(where: str, prefix: str, bootstrap_servers: str) -> str:
    """How to tell the workers to pass a record by.

    >>> skip_command("standings.sales.v1-3@42", "standings", "kafka:9092")
    'standings skip standings.sales.v1-3@42 --bootstrap-servers kafka:9092 --reason WHY'
    """
    return _command(prefix, "skip", where, "--bootstrap-servers", bootstrap_servers or "HOST:PORT", "--reason", "WHY")


def _command(prefix: str, *words: str) -> str:
    command = shlex.join(("standings", *words))
    if prefix != DEFAULT_PREFIX:
        return f"STANDINGS_KAFKA__TOPIC_PREFIX={shlex.quote(prefix)} {command}"
    return command
