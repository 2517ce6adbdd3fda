"""Steps, moves and swaps: each is a compare-and-set."""

from __future__ import annotations

from domain.boards import AttainmentGroup
from projections.ports import NEW, BoardStore, Said, SnapshotRequest
from tests.contract.given import (
    REP_TARGETS,
    REPS,
    REVENUE,
    STORE_REVENUE,
    STORES,
    Flushes,
    at,
    board,
    cells,
    current,
    document,
    dump,
    move_one,
    shown,
    sold,
    step_one,
    target,
)


async def test_before_the_first_build_there_is_no_version(boards: BoardStore) -> None:
    assert await boards.where() == ("", {})
    assert (await boards.snapshot(SnapshotRequest(boards=(REVENUE,)))).version == ""
    assert await boards.groups() == ("", [])


async def test_a_new_version_stands_at_new_in_every_partition(boards: BoardStore) -> None:
    await current(boards)
    assert await boards.where() == ("v1", {0: NEW, 1: NEW, 2: NEW})
    assert (await board(boards, REVENUE)).as_of == {0: {}, 1: {}, 2: {}}


async def test_a_step_is_written_when_it_starts_where_the_version_stands(boards: BoardStore) -> None:
    await current(boards)
    assert await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, {"r1": sold(100)})]) == [Said.DONE]
    assert await shown(boards, REVENUE) == [("r1", 100)]


async def test_a_step_is_refused_when_it_starts_elsewhere(boards: BoardStore) -> None:
    await current(boards)
    assert await step_one(boards, "v1", 0, at(1), at(5), [cells(REPS, {"r1": sold(100)})]) == [Said.REFUSED]
    assert await shown(boards, REVENUE) == []


async def test_every_kind_of_step_is_refused_alike(boards: BoardStore) -> None:
    await current(boards)
    changes = [
        cells(REPS, {"r1": sold(1)}),
        cells(STORES, {"s1": sold(1)}),
        target(AttainmentGroup("rep", "2026"), "r1", [("cn", "rep")], revenue=5),
        document("reps", {"r1": "{}"}),
    ]
    assert await step_one(boards, "v1", 0, at(1), at(5), changes) == [Said.REFUSED] * 4
    assert (await boards.groups())[1] == []
    assert await step_one(boards, "v1", 0, NEW, at(5), changes) == [Said.DONE] * 4
    assert await step_one(boards, "v1", 0, NEW, at(5), changes) == [Said.SKIPPED] * 4
    assert await step_one(boards, "v1", 0, NEW, at(4), changes) == [Said.SKIPPED] * 4


async def test_a_step_into_a_version_that_is_gone_is_refused(boards: BoardStore) -> None:
    assert await step_one(boards, "gone", 0, NEW, at(5), [cells(REPS, {"r1": sold(100)})]) == [Said.REFUSED]
    assert await move_one(boards, "gone", 0, NEW, at(5), []) is Said.REFUSED


async def test_a_step_that_a_group_already_shows_is_skipped(boards: BoardStore) -> None:
    await current(boards)
    await step_one(boards, "v1", 0, NEW, at(9), [cells(STORES, {"s1": sold(100)})])
    assert await step_one(boards, "v1", 0, NEW, at(9), [cells(STORES, {"s1": sold(100)})]) == [Said.SKIPPED]
    assert await step_one(boards, "v1", 0, NEW, at(5), [cells(STORES, {"s1": sold(70)})]) == [Said.SKIPPED]
    assert await shown(boards, STORE_REVENUE) == [("s1", 100)]


async def test_a_move_needs_the_start(boards: BoardStore) -> None:
    await current(boards)
    assert await move_one(boards, "v1", 0, at(1), at(5), []) is Said.REFUSED
    assert await move_one(boards, "v1", 0, NEW, at(5), []) is Said.DONE
    assert await move_one(boards, "v1", 0, NEW, at(5), []) is Said.REFUSED
    assert await boards.where() == ("v1", {0: at(5), 1: NEW, 2: NEW})


async def test_a_move_needs_every_group_of_the_flush(boards: BoardStore) -> None:
    await current(boards)
    await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, {"r1": sold(1)})])
    assert await move_one(boards, "v1", 0, NEW, at(5), [REPS, STORES]) is Said.REFUSED
    await step_one(boards, "v1", 0, NEW, at(4), [cells(STORES, {"s1": sold(1)})])
    assert await move_one(boards, "v1", 0, NEW, at(5), [REPS, STORES]) is Said.REFUSED
    await step_one(boards, "v1", 0, NEW, at(5), [cells(STORES, {"s1": sold(1)})])
    assert await move_one(boards, "v1", 0, NEW, at(5), [REPS, STORES]) is Said.DONE


async def test_a_group_of_another_partition_does_not_help_a_move(boards: BoardStore) -> None:
    await current(boards)
    await step_one(boards, "v1", 1, NEW, at(50), [cells(STORES, {"s1": sold(1)})])
    assert await move_one(boards, "v1", 0, NEW, at(5), [STORES]) is Said.REFUSED


async def test_as_of_is_the_later_of_the_version_and_the_group(boards: BoardStore) -> None:
    await current(boards)
    await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, {"r1": sold(1)})])
    assert (await board(boards, REVENUE)).as_of == {0: {"sales": 5}, 1: {}, 2: {}}
    assert (await board(boards, STORE_REVENUE)).as_of == {0: {}, 1: {}, 2: {}}
    await move_one(boards, "v1", 0, NEW, at(5), [REPS])
    assert (await board(boards, STORE_REVENUE)).as_of == {0: {"sales": 5}, 1: {}, 2: {}}
    await move_one(boards, "v1", 0, at(5), at(8), [])
    assert (await board(boards, REVENUE)).as_of == {0: {"sales": 8}, 1: {}, 2: {}}
    assert (await dump(boards, REPS)).as_of == {0: {"sales": 8}, 1: {}, 2: {}}


async def test_two_projectors_with_different_targets_leave_exact_boards(boards: BoardStore) -> None:
    """One reads to mark 5, the other to 9, both from NEW; each board names the mark it shows."""
    await current(boards)
    short = [cells(REPS, {"r1": sold(10)}), cells(STORES, {"s1": sold(10)})]
    long = [cells(REPS, {"r1": sold(30, 3)}), cells(STORES, {"s1": sold(30, 3)})]
    assert await step_one(boards, "v1", 0, NEW, at(9), long[:1]) == [Said.DONE]
    assert await step_one(boards, "v1", 0, NEW, at(5), short) == [Said.SKIPPED, Said.DONE]
    assert await move_one(boards, "v1", 0, NEW, at(5), [REPS, STORES]) is Said.DONE
    assert (await board(boards, REVENUE)).as_of[0] == {"sales": 9}
    assert (await board(boards, STORE_REVENUE)).as_of[0] == {"sales": 5}
    assert await step_one(boards, "v1", 0, NEW, at(9), long[1:]) == [Said.REFUSED]
    assert await step_one(boards, "v1", 0, at(5), at(9), long) == [Said.SKIPPED, Said.DONE]
    assert await move_one(boards, "v1", 0, at(5), at(9), [REPS, STORES]) is Said.DONE
    assert await shown(boards, STORE_REVENUE) == [("s1", 30)]
    assert (await board(boards, STORE_REVENUE)).as_of[0] == {"sales": 9}


async def test_a_swap_is_refused_when_the_pointer_moved(boards: BoardStore) -> None:
    await current(boards)
    await boards.begin("v2", 3)
    assert await boards.swap("", "v2", dict.fromkeys(range(3), NEW)) is Said.REFUSED
    assert (await boards.where())[0] == "v1"


async def test_a_swap_is_refused_when_the_built_version_is_not_as_built(boards: BoardStore) -> None:
    await current(boards)
    await boards.begin("v2", 3)
    await move_one(boards, "v2", 0, NEW, at(5), [])
    assert await boards.swap("v1", "v2", {0: at(4), 1: NEW, 2: NEW}) is Said.REFUSED
    await boards.drop("v2")
    assert await boards.swap("v1", "v2", {0: at(5), 1: NEW, 2: NEW}) is Said.REFUSED


async def test_a_swap_to_less_than_is_shown_is_behind(boards: BoardStore) -> None:
    await current(boards)
    await move_one(boards, "v1", 1, NEW, at(7), [])
    await boards.begin("v2", 3)
    assert await boards.swap("v1", "v2", dict.fromkeys(range(3), NEW)) is Said.BEHIND
    await move_one(boards, "v2", 1, NEW, at(7), [])
    assert await boards.swap("v1", "v2", {0: NEW, 1: at(7), 2: NEW}) is Said.DONE


async def test_after_a_swap_the_old_version_takes_nothing_more(boards: BoardStore) -> None:
    await current(boards)
    await current(boards, "v2")
    assert await step_one(boards, "v1", 0, NEW, at(5), [cells(REPS, {"r1": sold(1)})]) == [Said.REFUSED]
    assert await boards.dump("v1", [REPS]) == [None]
    assert await boards.where() == ("v2", {0: NEW, 1: NEW, 2: NEW})


async def test_the_current_version_is_not_dropped(boards: BoardStore) -> None:
    await current(boards)
    await Flushes(boards)(cells(REPS, {"r1": sold(1)}))
    await boards.drop("v1")
    assert await boards.where() == ("v1", {0: at(9), 1: NEW, 2: NEW})
    assert await shown(boards, REVENUE) == [("r1", 1)]


async def test_a_forgotten_version_is_rebuilt(boards: BoardStore) -> None:
    await current(boards)
    await boards.forget("another")
    assert (await boards.where())[0] == "v1"
    await boards.forget("v1")
    assert await boards.where() == ("", {})
    assert (await boards.snapshot(SnapshotRequest(boards=(REVENUE,)))).version == ""
    await current(boards, "v2")


async def test_a_sweep_drops_abandoned_builds_only(boards: BoardStore) -> None:
    await current(boards)
    await boards.begin("v2", 3)
    await boards.keep("v2")
    assert await boards.sweep(3600) == []
    assert await boards.sweep(0) == ["v2"]
    assert await boards.sweep(0) == []
    assert await move_one(boards, "v2", 0, NEW, at(1), []) is Said.REFUSED
    assert (await boards.where())[0] == "v1"


async def test_readers_hear_which_groups_changed(boards: BoardStore) -> None:
    heard = boards.changed()
    assert await anext(heard) == ("", [])
    await boards.announce("v1", [REPS, REP_TARGETS])
    assert await anext(heard) == ("v1", ["board:cn/rep/2026-05", "attainment:rep/2026-05"])
    await boards.announce("v1", [])
    assert await anext(heard) == ("v1", [])
    await heard.aclose()  # type: ignore[attr-defined]


async def test_all_groups_are_listed(boards: BoardStore) -> None:
    await current(boards)
    flush = Flushes(boards)
    await flush(cells(REPS, {"r1": sold(1)}), target(REP_TARGETS, "r1", [], revenue=1), document("reps", {"r1": "{}"}))
    version, groups = await boards.groups()
    assert version == "v1"
    assert [str(group) for group in groups] == ["attainment:rep/2026-05", "board:cn/rep/2026-05", "documents:reps"]
