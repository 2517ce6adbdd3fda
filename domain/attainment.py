"""Attainment: how much of a target is reached, in parts per million."""

from __future__ import annotations

PPM = 1_000_000


def attainment_ppm(total: int, target: int) -> int:
    """``floor(total * 10^6 / target)``; below zero when more came back than was sold.

    >>> attainment_ppm(1, 3), attainment_ppm(-1, 3), attainment_ppm(6, 3)
    (333333, -333334, 2000000)

    Raises:
        ValueError: the target is not above 0.
    """
    if target <= 0:
        raise ValueError(f"a target of {target} is none")
    return total * PPM // target
