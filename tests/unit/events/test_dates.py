"""Dates, buckets and time zones in events."""

from __future__ import annotations

import pytest

from events.dates import bucket_text, date_text, zone_text
from events.errors import BadBucket, BadDate, BadZone


@pytest.mark.parametrize("text", ["2026-05-21", "2024-02-29", "0001-01-01", "9999-12-31"])
def test_a_date_that_exists_is_taken(text: str) -> None:
    assert date_text(text) == text


@pytest.mark.parametrize(
    "text",
    ["2025-02-29", "2026-02-30", "2026-5-21", "20260521", "2026-W21-4", "2026-05", "2026-05-21 ", "２０２６-05-21", ""],
)
def test_any_other_date_is_refused(text: str) -> None:
    with pytest.raises(BadDate):
        date_text(text)


@pytest.mark.parametrize(
    "text", ["2026-05-21", "2026-W01", "2026-W53", "2020-W53", "2026-05", "2026-Q1", "2026-Q4", "1970", "9998"]
)
def test_a_bucket_that_exists_is_taken(text: str) -> None:
    assert bucket_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        *("2025-W53", "2026-W00", "2026-W54", "2026-W1", "2026-00", "2026-13", "2026-Q0", "2026-Q5", "1969", "9999"),
        *("2026-02-29", "2026-05-21T", "2026-", "26", "2026-5", "2026-W21-1", "all", "", "2026\n"),
    ],
)
def test_any_other_bucket_is_refused(text: str) -> None:
    with pytest.raises(BadBucket):
        bucket_text(text)


@pytest.mark.parametrize("text", ["Asia/Shanghai", "Asia/Kathmandu", "America/Argentina/Ushuaia", "UTC", "Etc/GMT+8"])
def test_a_known_zone_is_taken(text: str) -> None:
    assert zone_text(text) == text


@pytest.mark.parametrize("text", ["asia/shanghai", "Asia", "localtime", "+08:00", "../UTC", "/UTC", "", "Mars/Base"])
def test_any_other_zone_is_refused_on_every_machine(text: str) -> None:
    with pytest.raises(BadZone):
        zone_text(text)
