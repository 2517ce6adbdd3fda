"""`emit` passes lines on as they are, at the rate that is asked for."""

from __future__ import annotations

import io

import pytest

from cli.emit import Pace, without_ends


def lines(data: bytes) -> list[bytes]:
    return list(without_ends(io.BytesIO(data)))


def test_line_ends_blank_lines_and_a_byte_order_mark_are_no_part_of_a_line() -> None:
    assert lines(b"\xef\xbb\xbf{}\r\n\n  \n not json \n{}") == [b"{}", b" not json ", b"{}"]


class Clock:
    """Time that passes only by sleeping and by `work`."""

    def __init__(self) -> None:
        self.now = 100.0

    async def sleep(self, seconds: float) -> None:
        self.now += seconds

    def work(self, seconds: float) -> None:
        self.now += seconds


async def test_a_rate_is_kept_over_many_events() -> None:
    clock = Clock()
    pace = Pace(200, lambda: clock.now, clock.sleep)
    for count in range(1, 2001):
        clock.work(0.001)
        await pace.wait(count)
    assert clock.now - 100.0 == pytest.approx(10.0, abs=0.02)


async def test_a_long_delay_is_not_caught_up_in_a_burst() -> None:
    clock = Clock()
    pace = Pace(100, lambda: clock.now, clock.sleep)
    for count in range(1, 101):
        await pace.wait(count)
    clock.work(5.0)
    began = clock.now
    for count in range(101, 201):
        await pace.wait(count)
    assert clock.now - began == pytest.approx(1.0, abs=0.15)


async def test_without_a_rate_nothing_waits() -> None:
    clock = Clock()
    pace = Pace(None, lambda: clock.now, clock.sleep)
    await pace.wait(1_000_000)
    assert clock.now == 100.0
