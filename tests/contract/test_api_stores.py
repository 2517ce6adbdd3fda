"""The API gives the same answers from boards in memory and from boards in a real Valkey."""

from __future__ import annotations

from domain.boards import BoardName
from projections.memory import MemoryBoards
from projections.ports import BoardStore
from tests.unit.api.stage import filled, sale, serving, target, today

PATHS = (
    "/v1/boards/nation-cn/rep/revenue/2026-05",
    "/v1/boards/nation-cn/store/count/2026-W21",
    "/v1/boards/city-nj/rep/attainment-revenue/2026-05",
    "/v1/boards/city-nj/rep/revenue/2026-05/absent",
    "/v1/boards/nowhere/rep/revenue/2026-05",
    "/v1/units/city-nj/children?bucket=2026-05",
    "/v1/reps/rep-b",
    "/v1/targets/rep/rep-a/2026-05",
    "/v1/search?q=店",
)
FACTS = (
    sale("rep-a", "store-1", 100),
    sale("rep-b", "store-1", -40),
    today("rep-b", "store-1", 20),
    sale("导购/戊", "store/3 园区", 20),
    target("rep", "rep-a", 300),
    target("unit", "city-nj", 700),
)


async def test_every_store_gives_the_same_answers(boards: BoardStore) -> None:
    expected, stage = await filled(*FACTS), await filled(*FACTS, boards=boards)
    assert isinstance(expected.boards, MemoryBoards)
    async with serving(expected) as plain, serving(stage) as visitor:
        for path in PATHS:
            answer, wanted = await visitor.get(path), await plain.get(path)
            for body in (answer, wanted):
                body.pop("version", None)  # names the store's own version
            assert answer == wanted, path


async def test_a_change_announced_by_the_store_is_seen_although_the_kept_board_is_young(boards: BoardStore) -> None:
    stage = await filled(sale("rep-a", "store-1", 1), boards=boards)
    async with serving(stage, snapshot_age_max_seconds=600.0) as visitor:
        reads = visitor.app.state.reads
        path = "/v1/boards/city-nj/rep/revenue/2026-05"
        name = BoardName("city-nj", "rep", "revenue", "2026-05")
        await reads.is_following.wait()
        assert (await visitor.get(path))["member_count"] == 1
        await stage.say(sale("rep-b", "store-1", 1))
        await reads.boards.wait_until_old(name)
        assert (await visitor.get(path))["member_count"] == 2
