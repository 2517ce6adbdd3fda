"""What boards show: order, sums over partitions, members that leave, documents."""

from __future__ import annotations

import pytest

from domain.boards import BoardGroup, BoardName
from domain.cells import EMPTY, Cell
from projections.ports import BoardStore, SnapshotRequest
from tests.contract.given import (
    COUNT,
    QUANTITY,
    REPS,
    REVENUE,
    STORE_REVENUE,
    STORES,
    Flushes,
    board,
    cells,
    current,
    document,
    dump,
    shown,
    sold,
)


@pytest.fixture
async def flush(boards: BoardStore) -> Flushes:
    await current(boards)
    return Flushes(boards)


async def test_the_three_sales_boards_rank_the_same_cells(boards: BoardStore, flush: Flushes) -> None:
    await flush(cells(REPS, {"r1": Cell(300, 1, 1, 1), "r2": Cell(100, 9, -1, 3), "r3": Cell(200, 5, 2, 2)}))
    snapshot = await boards.snapshot(SnapshotRequest(boards=(REVENUE, QUANTITY, COUNT)))
    order = {name.metric: [(e.member_id, e.score) for e in view.entries] for name, view in snapshot.boards.items()}
    assert order == {
        "revenue": [("r1", 300), ("r3", 200), ("r2", 100)],
        "quantity": [("r2", 9), ("r3", 5), ("r1", 1)],
        "count": [("r3", 2), ("r1", 1), ("r2", -1)],
    }
    assert snapshot.boards[REVENUE].entries[0].cell == Cell(300, 1, 1, 1)


async def test_equal_scores_stand_in_the_order_of_their_bytes(boards: BoardStore, flush: Flushes) -> None:
    ids = ["b", "a", "B", "王芳", "李伟", "é", "z", "😀", "\uffee", "a b", "a/b"]
    await flush(cells(REPS, dict.fromkeys(ids, sold(5))))
    expected = sorted(ids, key=str.encode)
    for name in (REVENUE, QUANTITY):
        assert [e.member_id for e in (await board(boards, name)).entries] == expected


async def test_scores_at_and_below_zero_are_listed(boards: BoardStore, flush: Flushes) -> None:
    await flush(cells(REPS, {"up": Cell(5, 1, 1, 1), "none": Cell(0, 0, 0, 2), "down": Cell(-7, -1, -1, 1)}))
    assert await shown(boards, REVENUE) == [("up", 5), ("none", 0), ("down", -7)]
    assert await shown(boards, QUANTITY) == [("up", 1), ("none", 0), ("down", -1)]
    assert (await dump(boards, REPS)).sets == {REVENUE: {"up": 5.0, "none": 0.0, "down": -7.0}}


async def test_a_member_without_lines_leaves(boards: BoardStore, flush: Flushes) -> None:
    await flush(cells(REPS, {"r1": sold(5), "r2": sold(6)}), cells(STORES, {"s1": sold(5)}))
    await flush(cells(REPS, {"r2": EMPTY}), cells(STORES, {"s1": EMPTY}))
    assert await shown(boards, REVENUE) == [("r1", 5)]
    assert await shown(boards, QUANTITY) == [("r1", 2)]
    assert await shown(boards, STORE_REVENUE) == []
    stored = await dump(boards, STORES)
    assert (stored.sets, stored.cells, stored.parts) == ({}, {}, {})
    await flush(cells(REPS, {"r2": sold(1)}))
    assert await shown(boards, REVENUE) == [("r1", 5), ("r2", 1)]


async def test_parts_of_three_partitions_add_up(boards: BoardStore, flush: Flushes) -> None:
    for partition, revenue in enumerate((100, 20, -3)):
        await flush(cells(STORES, {"s1": sold(revenue), "s2": sold(1)}), partition=partition)
    assert await shown(boards, STORE_REVENUE) == [("s1", 117), ("s2", 3)]
    await flush(cells(STORES, {"s1": sold(50, 4)}), partition=1)
    assert await shown(boards, STORE_REVENUE) == [("s1", 147), ("s2", 3)]
    await flush(cells(STORES, {"s1": EMPTY}), partition=0)
    assert await shown(boards, STORE_REVENUE) == [("s1", 47), ("s2", 3)]
    stored = await dump(boards, STORES)
    assert stored.cells["s1"] == Cell(47, 10, 5, 5)
    assert {p: cell.revenue for (member, p), cell in stored.parts.items() if member == "s1"} == {1: 50, 2: -3}


async def test_a_part_that_cancels_the_others_keeps_its_member_listed(boards: BoardStore, flush: Flushes) -> None:
    await flush(cells(STORES, {"s1": sold(100)}), partition=0)
    await flush(cells(STORES, {"s1": sold(-100)}), partition=1)
    assert await shown(boards, STORE_REVENUE) == [("s1", 0)]


async def test_the_part_of_a_rep_names_its_partition(boards: BoardStore, flush: Flushes) -> None:
    await flush(cells(REPS, {"r1": sold(5)}), partition=0)
    await flush(cells(REPS, {"r2": sold(6)}), partition=2)
    assert (await dump(boards, REPS)).parts == {("r1", 0): sold(5), ("r2", 2): sold(6)}


async def test_large_amounts_are_exact(boards: BoardStore, flush: Flushes) -> None:
    large = 2**53 - 1
    await flush(cells(STORES, {"s1": Cell(large - 5, 10**12, -(10**12), 10**9)}), partition=0)
    await flush(cells(STORES, {"s1": sold(5), "s2": Cell(-large, 0, 0, 1)}), partition=1)
    await flush(cells(REPS, {"r1": Cell(large, 1, 1, 1), "r2": Cell(large - 1, 1, 1, 1)}), partition=0)
    assert await shown(boards, STORE_REVENUE) == [("s1", large), ("s2", -large)]
    assert await shown(boards, REVENUE) == [("r1", large), ("r2", large - 1)]
    assert (await dump(boards, STORES)).cells["s1"] == Cell(large, 10**12 + 2, 1 - 10**12, 10**9 + 1)


async def test_thousands_of_members_change_in_one_step(boards: BoardStore, flush: Flushes) -> None:
    held = {f"m{i:05d}": sold(i) for i in range(6_000)}
    await flush(cells(REPS, held), cells(STORES, held))
    await flush(cells(REPS, dict.fromkeys(held, EMPTY)), cells(STORES, {m: sold(-c.revenue) for m, c in held.items()}))
    assert await shown(boards, REVENUE) == []
    assert (await shown(boards, STORE_REVENUE))[:2] == [("m00000", 0), ("m00001", -1)]


async def test_ids_may_hold_slashes_spaces_and_quotes(boards: BoardStore, flush: Flushes) -> None:
    group = BoardGroup('华东/上海 "1"', "store", "2026-W21")
    await flush(cells(group, {"a/b c": sold(1), 'q"\\': sold(2)}))
    name = BoardName(group.unit_id, "store", "revenue", "2026-W21")
    assert await shown(boards, name) == [('q"\\', 2), ("a/b c", 1)]
    assert list((await dump(boards, group)).sets) == [name]


async def test_an_empty_board_is_empty_not_missing(boards: BoardStore, flush: Flushes) -> None:
    assert (await board(boards, QUANTITY)).entries == ()
    assert (await board(boards, REVENUE)).entries == ()


async def test_documents_come_only_when_they_changed(boards: BoardStore, flush: Flushes) -> None:
    async def read(tag: str) -> tuple[str, dict[str, str] | None]:
        view = (await boards.snapshot(SnapshotRequest(documents=(("reps", tag),)))).documents["reps"]
        return view.tag, view.documents

    empty, none = await read("")
    assert none == {}
    await flush(document("reps", {"r1": '{"name":"王芳"}', "r2": "{}"}))
    tag, documents = await read(empty)
    assert documents == {"r1": '{"name":"王芳"}', "r2": "{}"}
    await flush(document("units", {"cn": "{}"}), cells(REPS, {"r1": sold(1)}))
    assert await read(tag) == (tag, None)
    await flush(document("reps", {"r2": '{"name":"李伟"}'}), partition=1)
    later, documents = await read(tag)
    assert later != tag
    assert documents == {"r1": '{"name":"王芳"}', "r2": '{"name":"李伟"}'}


async def test_documents_of_a_new_version_are_read_again(boards: BoardStore, flush: Flushes) -> None:
    await flush(document("reps", {"r1": "{}"}))
    tag = (await boards.snapshot(SnapshotRequest(documents=(("reps", ""),)))).documents["reps"].tag
    await boards.forget("v1")
    await current(boards, "v2")
    await Flushes(boards, "v2")(document("reps", {"r1": "{}"}))
    assert (await boards.snapshot(SnapshotRequest(documents=(("reps", tag),)))).documents["reps"].documents is not None


async def test_one_snapshot_answers_everything_at_one_instant(boards: BoardStore, flush: Flushes) -> None:
    await flush(cells(REPS, {"r1": sold(5)}), cells(STORES, {"s1": sold(5)}), document("reps", {"r1": "{}"}))
    snapshot = await boards.snapshot(SnapshotRequest(boards=(REVENUE, STORE_REVENUE), documents=(("reps", ""),)))
    assert snapshot.version == "v1"
    assert [view.as_of[0] for view in snapshot.boards.values()] == [{"sales": 9}] * 2
    assert snapshot.documents["reps"].as_of[0] == {"sales": 9}
