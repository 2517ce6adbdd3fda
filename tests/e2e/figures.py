"""The page's rules of figures, written a second time, with decimals: the page itself works with whole numbers."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_FLOOR, ROUND_UP, Decimal
from typing import Literal, NamedTuple

Lang = Literal["zh", "en"]
MINUS = "−"
CUT, FLOOR, UP = ROUND_DOWN, ROUND_FLOOR, ROUND_UP


class Scale(NamedTuple):
    """A unit of money: how many minor units it has, decimals, and what stands before and behind a figure."""

    minor: int
    decimals: int
    before: str
    behind: str
    head: str


SCALES: dict[Lang, dict[str, Scale]] = {
    "zh": {
        "yuan": Scale(100, 0, "", " 元", "元"),
        "wan": Scale(1_000_000, 2, "", " 万元", "万元"),
        "yi": Scale(10_000_000_000, 2, "", " 亿元", "亿元"),
    },
    "en": {
        "yuan": Scale(100, 0, "¥", "", "¥"),
        "wan": Scale(100_000, 1, "¥", "K", "¥K"),
        "yi": Scale(100_000_000, 2, "¥", "M", "¥M"),
    },
}


def written(value: Decimal, decimals: int, rounding: str) -> str:
    """A decimal with separators; the minus is a real one."""
    rounded = value.quantize(Decimal(1).scaleb(-decimals), rounding=rounding)
    text = f"{abs(rounded):,.{decimals}f}"
    return MINUS + text if rounded < 0 else text


def digits(minor: int, scale: Scale, rounding: str = CUT) -> str:
    """An amount in a scale, without its unit."""
    return written(Decimal(minor) / scale.minor, scale.decimals, rounding)


def amount(minor: int, scale: Scale, rounding: str = CUT) -> str:
    """An amount with its unit."""
    text = digits(minor, scale, rounding)
    sign = MINUS if text.startswith(MINUS) and scale.before else ""
    return sign + scale.before + text.removeprefix(sign) + scale.behind


def percent(ppm: int) -> str:
    """Attainment: one decimal, floored; none from 1,000 % on."""
    value = Decimal(ppm) / 10_000
    return written(value, 0 if abs(ppm) >= 10_000_000 else 1, FLOOR) + "%"


def points(ppm: int) -> str:
    """A distance in percentage points, cut."""
    return written(Decimal(abs(ppm)) / 10_000, 1, CUT)


def column_scale(amounts: list[int]) -> str:
    """The name of a column's scale: 元 below 1,000 万."""
    return "wan" if max(map(abs, amounts), default=0) >= 1_000_000_000 else "yuan"


def block_scale(greatest: int) -> str:
    """The name of the unit's scale: 万元 below 100 亿."""
    return "yi" if greatest >= 1_000_000_000_000 else "wan"
