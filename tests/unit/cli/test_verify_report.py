"""What `verify` prints, and what its exit code says to a script."""

from __future__ import annotations

from typing import Any

import pytest

from cli.errors import ExitCode
from cli.verify import DIFFERENCES_SHOWN_MAX, exit_code, report_json
from domain.accounting import Accounting
from processors.comparison import Difference
from processors.verify import VerifyReport

SCORE = Difference("cn/rep/revenue/2026-05", "wang", "score", "1200", "1201")
CELL = Difference("board:cn/rep/2026-05", "wang", "cell", "1200 3 2 2", "1201 3 2 2")


def report(**told: Any) -> VerifyReport:
    """Two boards compared, nothing wrong, but for what is told."""
    accounting = Accounting()
    for outcome, count in {"applied": 5, "duplicate": 1, "forwarded": 2, "dead_lettered": 1}.items():
        accounting.add(outcome, count)
    fields: dict[str, Any] = {
        "version": "v1",
        "boards_compared": 3,
        "rows_compared": 12,
        "accounting": accounting,
        "record_count": 9,
        "behind_count": 4,
    }
    return VerifyReport(**(fields | told))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({}, 0),
        ({"rows_compared": 0, "boards_compared": 0}, 2),
        ({"differences": [SCORE]}, 3),
        ({"differences": [CELL]}, 3),
        ({"rows_compared": 0, "differences": [CELL]}, 3),
        ({"record_count": 10}, 3),
        ({"record_count": 8}, 3),
    ],
    ids=[
        "equal",
        "nothing compared",
        "a score",
        "a cell",
        "no rows but a cell",
        "an outcome is missing",
        "one too many",
    ],
)
def test_exit_code(told: dict[str, Any], code: int) -> None:
    assert exit_code(report(**told)) is ExitCode(code)


def test_the_report_says_what_was_compared_and_that_every_record_has_an_outcome() -> None:
    assert report_json(report()) == {
        "version": "v1",
        "boards_compared": 3,
        "rows_compared": 12,
        "accounting": {
            "read": 9,
            "applied": 5,
            "duplicate": 1,
            "superseded": 0,
            "forwarded": 2,
            "dead_lettered": 1,
        },
        "accounting_closed": True,
        "records_behind": 4,
        "difference_count": 0,
        "differences": [],
    }


def test_accounting_with_a_record_that_has_no_outcome_is_not_closed() -> None:
    assert report_json(report(record_count=10))["accounting_closed"] is False


def test_differences_name_board_and_member_scores_first() -> None:
    told = report_json(report(differences=[CELL, SCORE]))
    assert told["difference_count"] == 2
    assert told["differences"] == [
        {"board": "cn/rep/revenue/2026-05", "member_id": "wang", "what": "score", "expected": "1200", "found": "1201"},
        {
            "board": "board:cn/rep/2026-05",
            "member_id": "wang",
            "what": "cell",
            "expected": "1200 3 2 2",
            "found": "1201 3 2 2",
        },
    ]


def test_only_the_first_differences_are_printed_and_all_are_counted() -> None:
    many = [Difference("b", f"m{number:03}", "cell", "1", None) for number in range(DIFFERENCES_SHOWN_MAX + 5)]
    told = report_json(report(differences=[*many, SCORE]))
    assert told["difference_count"] == DIFFERENCES_SHOWN_MAX + 6
    assert len(told["differences"]) == DIFFERENCES_SHOWN_MAX
    assert told["differences"][0]["member_id"] == "wang"
