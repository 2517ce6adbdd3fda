"""Metrics have their documented names; a log stays readable while a broker is away."""

from __future__ import annotations

import logging
import math

from prometheus_client import CollectorRegistry, generate_latest

from cli.health import build_registry
from processors.client_logging import OneEvery
from processors.metrics import WorkerMetrics
from processors.projection_metrics import ProjectorMetrics
from processors.redirects import Redirect


def test_a_worker_says_what_it_did_under_the_documented_names() -> None:
    registry = build_registry("worker", "1.2.3")
    metrics = WorkerMetrics(registry)
    metrics.folded({("sale.recorded.v1", "applied"): 3})
    metrics.redirected(Redirect("dead_lettered", "not_json", "t", 0, None, b"", []))
    metrics.redirected(Redirect("forwarded", "", "t", 0, None, b"", []))
    metrics.landed(0.002)
    metrics.chunk(0.002)
    metrics.fenced()
    metrics.recovered(1.5)
    metrics.lag({("standings.sales.v1", 3): 7})
    metrics.ledger_rows(9)
    text = generate_latest(registry).decode()
    for line in (
        'standings_events_total{outcome="applied",type="sale.recorded.v1"} 3.0',
        'standings_dead_letters_total{reason="not_json"} 1.0',
        "standings_fenced_batches_total 1.0",
        "standings_recovery_seconds 1.5",
        'standings_consumer_lag_messages{partition="3",topic="standings.sales.v1"} 7.0',
        "standings_ledger_rows 9.0",
        "standings_commit_seconds_count 1.0",
        "standings_chunk_seconds_count 1.0",
    ):
        assert line in text
    assert 'standings_build_info{component="worker",version="1.2.3"} 1.0' in text


def test_lag_of_a_partition_that_went_is_no_longer_reported() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    metrics.lag({("t", 1): 5})
    metrics.lag({("t", 2): 6})
    labels = {"topic": "t", "partition": "1"}
    assert registry.get_sample_value("standings_consumer_lag_messages", labels) is None


def test_freshness_is_the_age_of_the_newest_fact_on_the_boards_at_the_time_of_asking() -> None:
    registry, now = CollectorRegistry(), 1_000.0
    metrics = ProjectorMetrics(registry, now=lambda: now)

    def freshness() -> float:
        value = registry.get_sample_value("standings_freshness_seconds")
        assert value is not None
        return value

    metrics.shows(0)
    assert math.isnan(freshness())
    metrics.shows(998_500)
    assert freshness() == 1.5
    metrics.shows(990_000)
    now = 1_060.0
    assert freshness() == 61.5
    metrics.shows(2_000_000)
    assert freshness() == 0.0


def test_a_repeated_message_is_logged_once_an_interval_with_the_number_held_back() -> None:
    now = 0.0
    limit = OneEvery(seconds=10.0, clock=lambda: now)

    def said(message: str, *args: object) -> str | None:
        record = logging.LogRecord("aiokafka", logging.ERROR, "", 0, message, args, None)
        return record.getMessage() if limit.filter(record) else None

    assert said("Unable connect to %s", "a") == "Unable connect to a"
    assert said("Unable connect to %s", "a") is None
    assert said("Unable connect to %s", "b") is None
    assert said("something else") == "something else"
    now = 11.0
    assert said("Unable connect to %s", "a") == "Unable connect to a (2 more like this were not logged)"
