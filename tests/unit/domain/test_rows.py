"""What a row of cells lists can be read without its numbers."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.rows import Reach, cells_by_reach, reaches_listed, reaches_of, several_reaches_row

REACHES = st.tuples(st.sampled_from(["rep", "store", ""]), st.lists(st.text(max_size=3), max_size=4).map(tuple))
CELLS = st.tuples(st.integers(-(2**50), 2**50), st.integers(-9, 2**40), st.integers(0, 300), st.integers(0, 300))


@given(st.lists(st.dictionaries(REACHES, CELLS, max_size=20), min_size=5, max_size=5))
def test_what_is_listed_is_what_the_cells_say(buckets: list[dict[Reach, tuple[int, int, int, int]]]) -> None:
    value = several_reaches_row(buckets)
    text, places = reaches_listed(value)
    reaches = reaches_of(text)
    assert [[reaches[at] for at in listed] for listed in places] == [
        [reach for reach, _ in cells] for cells in cells_by_reach(value)
    ]
    assert [set(cells) for cells in buckets] == [{reaches[at] for at in listed} for listed in places]


def test_rows_with_the_same_reaches_share_their_text() -> None:
    one, other = (
        several_reaches_row([{("rep", ("a", "b")): cell, ("rep", ("c",)): cell}] * 5)
        for cell in [(1, 2, 3, 4), (2**50, 0, 1, 1)]
    )
    assert reaches_listed(one)[0] == reaches_listed(other)[0]
