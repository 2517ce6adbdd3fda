"""Grouping entries, keeping rows of a flush, and names of groups."""

from __future__ import annotations

from functools import reduce

import pytest

from domain.accounting import Accounting
from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup, Group
from domain.cells import Cell
from domain.entries import CellEntry, DocumentEntry, TargetEntry, WholeEntry
from domain.rows import (
    ACCOUNTING,
    CELL_NUMBERS,
    CELLS,
    LEDGER,
    REP,
    TARGETS,
    Reach,
    entries,
    one_reach_row,
    pack,
    row_key,
    several_reaches_row,
)
from processors.engine.changelog import CLAIM, state_batch
from processors.projection_shown import Shown
from projections.changes import changes_of, changes_of_rows
from projections.keys import parse_group
from projections.ports import NEW, GroupChange, Position
from tests.unit.projections.world import Record

REPS = BoardGroup("cn", "rep", "2026-05")
WHOLES = AttainmentGroup("rep", "2026-05")
CN: Reach = ("rep", ("cn",))
EAST: Reach = ("rep", ("east", "cn"))


def test_of_several_entries_the_last_one_is_kept() -> None:
    changes = changes_of(
        [
            CellEntry(REPS, "r1", Cell(1, 1, 1, 1)),
            CellEntry(REPS, "r1", Cell(2, 2, 2, 2)),
            WholeEntry(WHOLES, "r1", Cell(3, 3, 3, 3)),
            TargetEntry(WHOLES, "r1", (("cn", "rep"),), (("revenue", 5),)),
            TargetEntry(WHOLES, "r1", (), ()),
            DocumentEntry(DocumentGroup("reps"), "r1", "{}"),
        ]
    )
    assert changes == [
        GroupChange(REPS, cells={"r1": Cell(2, 2, 2, 2)}),
        GroupChange(WHOLES, cells={"r1": Cell(3, 3, 3, 3)}, targets={"r1": ((), ())}),
        GroupChange(DocumentGroup("reps"), documents={"r1": "{}"}),
    ]
    assert [change.size for change in changes] == [1, 2, 1]


@pytest.mark.parametrize(
    "group", [REPS, BoardGroup("a/b", "store", "2026-W21"), WHOLES, AttainmentGroup("unit", "2026"), DocumentGroup("x")]
)
def test_names_of_groups_are_read_back(group: Group) -> None:
    assert parse_group(str(group)) == group


@pytest.mark.parametrize("text", ["", "board:cn", "board:cn/rep", "attainment:rep", "documents:", "other:x/y/z"])
def test_other_names_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not the name of a group"):
        parse_group(text)


class Written:
    """A changelog partition that a test writes by hand."""

    def __init__(self) -> None:
        self.records = [Record(0, CLAIM, b"w", 0)]

    def batch(self, *rows: tuple[bytes, bytes | None], at: int | None = None) -> str:
        """Append a batch; the position text of its mark."""
        base = len(self.records)
        mark = base + len(rows)
        for key, value in state_batch(0, base if at is None else at, rows, {"sales": mark}):
            self.records.append(Record(len(self.records), key, value, 1000 * mark))
        return str(Position(mark, 0, {"sales": mark}))


def cell_row(member: str, day: str, revenue: int) -> tuple[bytes, bytes]:
    return row_key(CELLS, "rep", member, day), one_reach_row(CELL_NUMBERS.pack(*(revenue, 1, 1, 1) * 5), pack(CN))


def month_of(shown: Shown) -> dict[str, Cell]:
    reached = next(change.reached for change in shown.changes() if change.group == WHOLES)
    assert all(reach == CN for [(reach, _)] in reached.values())
    return {member: cell for member, [(_, cell)] in reached.items()}


def test_a_flush_ends_at_the_last_mark_that_counted() -> None:
    log, shown = Written(), Shown()
    assert not shown.pending
    text = log.batch(cell_row("r1", "2026-05-20", 5))
    log.batch(cell_row("r1", "2026-05-20", 99), at=7)
    shown.feed(log.records)
    assert (shown.start, shown.target) == (NEW, text)
    assert month_of(shown) == {"r1": Cell(5, 1, 1, 1)}
    shown.shown()
    assert (shown.start, shown.pending, shown.size, shown.changes()) == (text, False, 0, [])


def test_a_fold_knows_the_newest_recorded_time_that_it_has_brought_onto_the_boards() -> None:
    def accounted(recorded_ms: int) -> tuple[bytes, bytes]:
        return row_key(ACCOUNTING, 0), pack({**Accounting().as_dict(), "recorded_ms": recorded_ms})

    log, shown = Written(), Shown()
    log.batch(accounted(7_000))
    log.batch(accounted(9_000))
    shown.feed(log.records)
    assert shown.recorded_ms == 0
    shown.shown()
    assert shown.recorded_ms == 9_000
    text = log.batch(accounted(12_000))
    shown.feed(log.records)
    assert shown.advance(text)
    assert shown.recorded_ms == 12_000


def test_the_last_row_in_the_log_decides_a_month_that_several_rows_name() -> None:
    log, shown = Written(), Shown()
    log.batch(cell_row("r1", "2026-05-20", 1))
    log.batch(cell_row("r1", "2026-05-21", 2))
    log.batch(cell_row("r1", "2026-05-20", 3))
    shown.feed(log.records)
    assert shown.size == 2
    assert month_of(shown) == {"r1": Cell(3, 1, 1, 1)}


def test_rows_merged_at_a_claim_wait_for_the_next_mark() -> None:
    log, shown = Written(), Shown()
    log.batch(cell_row("r1", "2026-05-20", 1))
    log.records.pop()  # compaction took the mark
    log.records.append(Record(2, CLAIM, b"w", 0))
    shown.feed(log.records)
    assert (shown.pending, shown.size) == (False, 0)
    text = str(Position(4, 2, {"sales": 4}))
    for key, value in state_batch(2, 3, [cell_row("r2", "2026-05-20", 2)], {"sales": 4}):
        log.records.append(Record(len(log.records), key, value, 0))
    shown.feed(log.records)
    assert shown.target == text
    assert month_of(shown) == {"r1": Cell(1, 1, 1, 1), "r2": Cell(2, 1, 1, 1)}


def test_rows_set_what_their_entries_set_each_member_and_bucket_once() -> None:
    several = several_reaches_row([{CN: Cell(n, 1, 1, 1), EAST: Cell(10 * n, 2, 2, 2)} for n in range(1, 6)])
    rows = [
        cell_row("r1", "2026-05-20", 5),
        (row_key(CELLS, "rep", "r2", "2026-05-20"), several),
        (row_key(TARGETS, "rep", "r1", "2026-05"), pack([[["cn", "rep"]], {"revenue": 7}, []])),
        (row_key(REP, "r1"), pack([])),
        cell_row("r1", "2026-05-21", 6),
    ]
    changes = {change.group: change for change in changes_of_rows(rows)}
    assert changes[WHOLES].reached == {
        "r1": ((CN, Cell(6, 1, 1, 1)),),
        "r2": ((CN, Cell(3, 1, 1, 1)), (EAST, Cell(30, 2, 2, 2))),
    }
    assert changes[AttainmentGroup("rep", "2026-05-20")].reached["r1"] == ((CN, Cell(5, 1, 1, 1)),)
    said = {change.group: change for change in changes_of(e for key, value in rows for e in entries(key, value))}
    for group, change in said.items():
        if isinstance(group, AttainmentGroup):
            wholes = {m: reduce(Cell.plus, (cell for _, cell in held)) for m, held in changes[group].reached.items()}
            assert (wholes, changes[group].targets) == (change.cells, change.targets)
        elif isinstance(group, DocumentGroup):
            assert changes[group].documents == change.documents


def test_ledger_rows_and_deletions_set_nothing() -> None:
    log, shown = Written(), Shown()
    log.batch((LEDGER + b"0-1", b"blob"), (LEDGER + b"0-9", None))
    shown.feed(log.records)
    assert shown.pending
    assert shown.changes() == []


def test_a_flush_goes_on_from_where_another_projector_moved() -> None:
    log, shown = Written(), Shown()
    first = log.batch(cell_row("r1", "2026-05-20", 1))
    second = log.batch(cell_row("r2", "2026-05-20", 2))
    shown.feed(log.records)
    assert not shown.advance(NEW)
    assert not shown.advance(str(Position(99, 0, {})))
    assert shown.advance(first)
    assert (shown.start, shown.pending) == (first, True)
    assert month_of(shown) == {"r1": Cell(1, 1, 1, 1), "r2": Cell(2, 1, 1, 1)}
    assert shown.advance(second)
    assert (shown.pending, shown.size) == (False, 0)
