"""What `verify` calls a difference: scores, cells, targets and documents, each in integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from domain.boards import AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from processors.comparison import Difference, ExpectedGroup, compare, sample
from projections.ports import GroupChange, GroupDump

BOARD = BoardGroup("cn", "rep", "2026-05")
REVENUE = BoardName("cn", "rep", "revenue", "2026-05")
GOALS = AttainmentGroup("rep", "2026-05")
ATTAINMENT = BoardName("cn", "rep", "attainment-revenue", "2026-05")
DOCUMENTS = DocumentGroup("units")
WANG, LI = Cell(1200, 3, 2, 2), Cell(-50, -1, -1, 1)
STANDS = (("cn", "rep"),)


@dataclass
class Tally:
    boards_compared: int = 0
    rows_compared: int = 0
    differences: list[Difference] = field(default_factory=list)


def sales() -> tuple[ExpectedGroup, GroupDump]:
    """The log and the boards, equal."""
    expected = ExpectedGroup(cells={"wang": WANG, "li": LI})
    found = dump(BOARD, sets={REVENUE: {"wang": 1200.0, "li": -50.0}}, cells={"wang": WANG, "li": LI})
    return expected, found


def goals() -> tuple[ExpectedGroup, GroupDump]:
    """The same for targets: half of it reached by one, a refund and no sale by the others."""
    targets = {
        "wang": (STANDS, (("revenue", 2400),)),
        "li": (STANDS, (("revenue", 300),)),
        "zhao": (STANDS, (("revenue", 7),)),
    }
    expected = ExpectedGroup(cells={"wang": WANG, "li": LI}, targets=dict(targets))
    shown = {"wang": 500_000.0, "li": -166_667.0, "zhao": 0.0}
    return expected, dump(GOALS, sets={ATTAINMENT: shown}, cells={"wang": WANG, "li": LI}, targets=dict(targets))


def documents() -> tuple[ExpectedGroup, GroupDump]:
    """The same for documents."""
    return ExpectedGroup(documents={"cn": "{}"}), dump(DOCUMENTS, documents={"cn": "{}"})


def dump(group: Group, **told: Any) -> GroupDump:
    empty: dict[str, Any] = {name: {} for name in ("as_of", "sets", "cells", "parts", "targets", "documents")}
    return GroupDump(group=group, **(empty | told))


def compared(expected: ExpectedGroup, found: GroupDump | None, group: Group | None = None) -> Tally:
    tally = Tally()
    compare(group or (found.group if found else BOARD), expected, found, tally)
    return tally


def test_equal_boards_have_no_difference_and_every_row_of_the_three_metrics_is_counted() -> None:
    tally = compared(*sales())
    assert tally == Tally(boards_compared=3, rows_compared=6)


def test_equal_attainment_boards_have_no_difference() -> None:
    assert compared(*goals()) == Tally(boards_compared=1, rows_compared=3)


def test_equal_documents_have_no_difference_and_are_no_boards() -> None:
    assert compared(*documents()) == Tally()


@pytest.mark.parametrize("shown", [1201.0, 1199.0, 1200.5, -1200.0])
def test_a_score_that_differs_is_named_with_board_and_member(shown: float) -> None:
    expected, found = sales()
    found.sets[REVENUE]["wang"] = shown
    text = str(shown).removesuffix(".0")
    assert compared(expected, found).differences == [
        Difference("cn/rep/revenue/2026-05", "wang", "score", "1200", text)
    ]


def test_a_member_too_many_is_a_difference_and_a_row() -> None:
    expected, found = sales()
    found.sets[REVENUE]["ghost"] = 0.0
    tally = compared(expected, found)
    assert tally.differences == [Difference(str(REVENUE), "ghost", "score", None, "0")]
    assert tally.rows_compared == 9


def test_a_member_that_is_missing_is_a_difference_and_a_row() -> None:
    expected, found = sales()
    del found.sets[REVENUE]["li"]
    tally = compared(expected, found)
    assert tally.differences == [Difference(str(REVENUE), "li", "score", "-50", None)]
    assert tally.rows_compared == 6


@pytest.mark.parametrize("part", range(4))
def test_each_number_of_a_cell_is_compared(part: int) -> None:
    expected, found = sales()
    changed = [*WANG]
    changed[part] += 1
    found.cells["wang"] = Cell(*changed)
    told = Difference("board:cn/rep/2026-05", "wang", "cell", "1200 3 2 2", " ".join(map(str, changed)))
    assert compared(expected, found).differences == [told]


def test_a_cell_that_is_missing_or_too_many_is_a_difference() -> None:
    expected, found = sales()
    del found.cells["li"]
    found.cells["ghost"] = Cell(0, 0, 0, 1)
    assert compared(expected, found).differences == [
        Difference(str(BOARD), "ghost", "cell", None, "0 0 0 1"),
        Difference(str(BOARD), "li", "cell", "-50 -1 -1 1", None),
    ]


def test_cells_of_zeros_say_nothing_on_either_side() -> None:
    expected, found = sales()
    expected.cells["gone"] = found.cells["left"] = EMPTY
    assert compared(expected, found) == Tally(boards_compared=3, rows_compared=6)


def test_a_member_whose_sales_cancel_out_stands_on_the_board_with_zero() -> None:
    expected, found = sales()
    expected.cells["even"] = found.cells["even"] = Cell(0, 0, 0, 2)
    assert compared(expected, found).differences == [Difference(str(REVENUE), "even", "score", "0", None)]
    found.sets[REVENUE]["even"] = 0.0
    assert compared(expected, found).differences == []


def test_a_sorted_set_that_should_not_be_there_is_told_row_by_row() -> None:
    expected, found = sales()
    other = BoardName("cn", "rep", "quantity", "2026-05")
    found.sets[other] = {"wang": 3.0, "li": -1.0}
    assert compared(expected, found).differences == [
        Difference(str(other), "li", "score", None, "-1"),
        Difference(str(other), "wang", "score", None, "3"),
    ]


def test_an_attainment_board_of_a_unit_where_nobody_stands_is_a_difference() -> None:
    expected, found = goals()
    other = BoardName("jp", "rep", "attainment-revenue", "2026-05")
    found.sets[other] = {"wang": 500_000.0}
    tally = compared(expected, found)
    assert tally.differences == [Difference(str(other), "wang", "score", None, "500000")]
    assert (tally.boards_compared, tally.rows_compared) == (2, 4)


def test_attainment_is_the_floor_of_the_whole_cell_over_the_target() -> None:
    expected, found = goals()
    found.sets[ATTAINMENT]["li"] = -166_666.0  # cut towards zero
    assert compared(expected, found).differences == [Difference(str(ATTAINMENT), "li", "score", "-166667", "-166666")]


def test_a_target_that_differs_is_a_difference() -> None:
    expected, found = goals()
    found.targets["wang"] = (STANDS, (("revenue", 2401),))
    [told] = compared(expected, found).differences
    assert (told.board, told.member_id, told.what) == ("attainment:rep/2026-05", "wang", "target")
    assert "2400" in str(told.expected)
    assert "2401" in str(told.found)


def test_a_target_counted_in_another_unit_is_a_difference() -> None:
    expected, found = goals()
    found.targets["wang"] = ((("jp", "rep"),), (("revenue", 2400),))
    assert [told.what for told in compared(expected, found).differences] == ["target"]


def test_a_member_without_a_target_needs_no_entry() -> None:
    expected, found = goals()
    expected.targets["none"] = (STANDS, ())
    assert compared(expected, found).differences == []


def test_a_whole_cell_beside_the_targets_is_compared() -> None:
    expected, found = goals()
    found.cells["wang"] = LI
    assert [(told.board, told.what) for told in compared(expected, found).differences] == [(str(GOALS), "cell")]


def test_a_document_that_differs_is_missing_or_too_many_is_a_difference() -> None:
    expected, found = documents()
    expected.documents["north"] = "1"
    found.documents.update({"cn": "{ }", "south": "2"})
    assert compared(expected, found).differences == [
        Difference("documents:units", "cn", "document", "{}", "{ }"),
        Difference("documents:units", "north", "document", "1", None),
        Difference("documents:units", "south", "document", None, "2"),
    ]


@pytest.mark.parametrize(
    ("group", "expected", "kinds"),
    [
        (BOARD, sales()[0], ["cell", "cell", "score", "score"]),
        (GOALS, goals()[0], ["cell", "cell", "target", "target", "target", "score", "score", "score"]),
        (DOCUMENTS, documents()[0], ["document"]),
    ],
)
def test_a_missing_group_lacks_everything_in_it(group: Group, expected: ExpectedGroup, kinds: list[str]) -> None:
    told = compared(expected, None, group).differences
    assert [one.what for one in told] == kinds
    assert {one.found for one in told} == {None}


def test_a_group_of_which_the_log_says_nothing_is_too_much_of_everything() -> None:
    told = compared(ExpectedGroup(), sales()[1]).differences
    assert [one.what for one in told] == ["cell", "cell", "score", "score"]
    assert {one.expected for one in told} == {None}


def test_cells_of_several_partitions_are_added_and_targets_come_from_one() -> None:
    expected = ExpectedGroup()
    expected.add(0, GroupChange(BOARD, cells={"wang": WANG}))
    expected.add(1, GroupChange(BOARD, cells={"wang": LI}, targets={"wang": (STANDS, (("revenue", 1),))}))
    assert expected.cells == {"wang": Cell(1150, 2, 1, 3)}
    assert expected.targets == {"wang": (STANDS, (("revenue", 1),))}


def test_the_first_differences_are_scores_by_board_and_member() -> None:
    told = [
        Difference("a", "m", "cell", "1", "2"),
        Difference("documents:units", "cn", "document", "1", "2"),
        Difference("z", "m", "score", "1", "2"),
        Difference("b", "n", "score", "1", "2"),
        Difference("b", "m", "score", "1", "2"),
    ]
    first = [(one.board, one.member_id, one.what) for one in sample(told, 4)]
    assert first == [("b", "m", "score"), ("b", "n", "score"), ("z", "m", "score"), ("a", "m", "cell")]
