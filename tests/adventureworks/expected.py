"""The independent figures arranged as boards, to compare with what the product says."""

from __future__ import annotations

from pathlib import Path

from tests.adventureworks.independent import figures

Scores = list[tuple[int, str, int]]


def expected_boards(folder: Path) -> dict[str, Scores]:
    """Board name to its rows (rank, member_id, score) in total order."""
    by_region, by_seller, attainment = figures(folder)
    regions = {
        period: {f"region-{key}": cents for key, cents in members.items()} for period, members in by_region.items()
    }
    return {
        f"adventureworks/{board}/{period}": ranked(members)
        for board, by_period in (
            ("region/revenue", regions),
            ("rep/revenue", by_seller),
            ("rep/attainment-revenue", attainment),
        )
        for period, members in by_period.items()
    }


def ranked(scores: dict[str, int]) -> Scores:
    """Best first, ties by id; equal scores share a rank."""
    order = sorted(scores.items(), key=lambda item: (-item[1], item[0]))
    values = [score for _, score in order]
    return [(1 + values.index(score), member, score) for member, score in order]
