"""Ranks, gaps and digests of any board."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from domain.boards import BoardName
from domain.cells import Cell
from domain.digest import digest
from domain.ranking import order, ranks
from domain.standings import previous_ranks, standings
from projections.ports import BoardEntry

NAME = BoardName("cn", "rep", "revenue", "2026-05")
member_ids = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
scores = st.integers(-3, 3) | st.integers(-(10**17), 10**17)
boards = st.dictionaries(member_ids, scores, max_size=12).map(
    lambda found: [BoardEntry(member_id, score, Cell(score, 1, 1, 1), None) for member_id, score in found.items()]
)


@given(boards)
def test_a_competition_rank_is_one_more_than_the_number_of_better_scores(board: list[BoardEntry]) -> None:
    for row in standings(NAME, board):
        assert row.rank == 1 + sum(other.score > row.score for other in board)


@given(boards)
def test_a_dense_rank_is_one_more_than_the_number_of_different_better_scores(board: list[BoardEntry]) -> None:
    for row in standings(NAME, board, policy="dense"):
        assert row.rank == 1 + len({other.score for other in board if other.score > row.score})


@given(boards)
def test_ordinal_ranks_count_the_rows(board: list[BoardEntry]) -> None:
    assert [row.rank for row in standings(NAME, board, policy="ordinal")] == list(range(1, len(board) + 1))


@given(boards, st.randoms(use_true_random=False))
def test_rows_and_digest_do_not_depend_on_the_order_of_the_entries(board: list[BoardEntry], random: object) -> None:
    shuffled = list(board)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert standings(NAME, shuffled) == standings(NAME, board)
    assert digest(NAME, shuffled) == digest(NAME, standings(NAME, board))


@given(boards)
def test_each_row_stands_before_the_next_by_score_and_then_by_the_bytes_of_its_id(board: list[BoardEntry]) -> None:
    rows = order(board)
    for above, below in pairwise(rows):
        assert above.score > below.score or (
            above.score == below.score and above.member_id.encode() < below.member_id.encode()
        )


@given(boards)
def test_the_gap_brings_a_member_level_with_the_next_better_score(board: list[BoardEntry]) -> None:
    for row in standings(NAME, board):
        better = [other.score for other in board if other.score > row.score]
        assert row.gap_above == (min(better) - row.score if better else None)


@given(boards, st.data())
def test_the_digest_sees_every_change_of_a_number(board: list[BoardEntry], data: st.DataObject) -> None:
    if board:
        at = data.draw(st.integers(0, len(board) - 1))
        part = data.draw(st.integers(0, 4))
        entry = board[at]
        numbers = [entry.score, *entry.cell]
        numbers[part] += data.draw(st.sampled_from((-1, 1, 2**53)))
        changed = [*board[:at], BoardEntry(entry.member_id, numbers[0], Cell(*numbers[1:]), None), *board[at + 1 :]]
        assert digest(NAME, changed) != digest(NAME, board)


@given(boards, boards)
def test_the_daily_close_ranks_like_the_board_that_stood_before_today(
    before: list[BoardEntry], today: list[BoardEntry]
) -> None:
    cells = {entry.member_id: entry.cell for entry in before}
    for entry in today:
        cells[entry.member_id] = cells.get(entry.member_id, Cell()).plus(entry.cell)
    now = [BoardEntry(member_id, cell.revenue, cell, None) for member_id, cell in cells.items()]
    close = dict(zip((e.member_id for e in order(before)), ranks([e.score for e in order(before)]), strict=True))
    found = previous_ranks(NAME, now, {entry.member_id: entry.cell for entry in today})
    assert found == {member_id: close.get(member_id) for member_id in cells}
