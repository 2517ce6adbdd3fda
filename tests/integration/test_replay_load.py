"""`standings replay --load-into`: replayed boards in a real Valkey, beside live ones, to be looked at."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from redis import Redis

from cli.embedded import EmbeddedValkey
from cli.errors import ExitCode
from cli.processes import free_port
from cli.replay import LOADED
from processors.replay import ShareFailed, Version, Workers, replay_file
from processors.replay_processes import run_in_processes
from processors.shares import Share, Take, run_here
from projections.ports import NEW, Flush
from projections.redis_boards import RedisBoards
from tests.histories.generator import Line, history
from tests.histories.live import RULES, Live, digests
from tests.integration.test_adventureworks import digest_of
from tests.integration.up_stage import Json, begin, get, printed, run, wait_for, write_lines
from tests.oracle.oracle import Oracle, boards

API_SECONDS = 60
LIVE = "standings:"


@pytest.fixture(scope="module")
def lines() -> list[Line]:
    return history(random.Random(11), 300)


@pytest.fixture(scope="module")
def oracle(lines: list[Line]) -> Oracle:
    return boards(lines)


@pytest.fixture
def file(lines: list[Line], tmp_path: Path) -> Path:
    return write_lines(tmp_path / "history.jsonl", lines)


@pytest.fixture
async def store(valkey: EmbeddedValkey, redis_prefix: str) -> AsyncIterator[RedisBoards]:
    boards = RedisBoards.at(valkey.url, redis_prefix)
    yield boards
    await boards.close()


def expected(oracle: Oracle) -> dict[str, str]:
    return {name: oracle.digest(name) for name in oracle.all_board_names() if oracle.board(name)}


def keys_under(url: str, prefix: str) -> dict[bytes, bytes | None]:
    """Every key that begins with a prefix, and its value as Redis would restore it."""
    with Redis.from_url(url) as client:
        return {key: client.dump(key) for key in client.scan_iter(match=f"{prefix}*")}


def load(url: str, prefix: str, file: Path, *more: object) -> Json:
    said: Json = json.loads(printed("replay", file, "--load-into", prefix, "--redis-url", url, *more))
    return said


async def live_boards(url: str, lines: Sequence[Line]) -> None:
    """Boards under the live prefix, as a projector writes them."""
    live = Live(1, RedisBoards.at(url, LIVE))
    await live.start()
    for line in lines:
        live.arrive(line)
    await live.finish()
    await live.boards.close()


@pytest.fixture
async def live(valkey: EmbeddedValkey, lines: list[Line]) -> AsyncIterator[dict[bytes, bytes | None]]:
    """Live boards of other lines: their keys."""
    await live_boards(valkey.url, lines[:40])
    kept = keys_under(valkey.url, LIVE)
    assert kept
    yield kept
    with Redis.from_url(valkey.url) as client:
        client.delete(*kept)


async def test_loaded_boards_are_the_oracles_and_live_ones_stay_as_they_are(
    valkey: EmbeddedValkey,
    redis_prefix: str,
    store: RedisBoards,
    file: Path,
    oracle: Oracle,
    live: dict[bytes, bytes | None],
) -> None:
    name = max(expected(oracle), key=lambda board: len(oracle.board(board)))
    for processes in (1, 3):
        said = load(valkey.url, redis_prefix, file, "--processes", processes, "--board", name)
        assert await digests(store) == expected(oracle)
        assert said["boards"][name]["digest"] == oracle.digest(name)
        assert said["loaded"]["prefix"] == redis_prefix
        assert (await store.where())[0] == said["loaded"]["version"]
        stems = {key.decode().split(":")[1] for key in keys_under(valkey.url, redis_prefix)}
        assert stems == {"current", "versions", said["loaded"]["version"]}, "the version before it is gone"
    assert keys_under(valkey.url, LIVE) == live


def test_the_command_that_is_named_shows_the_loaded_boards(
    valkey: EmbeddedValkey, redis_prefix: str, file: Path, oracle: Oracle, tmp_path: Path
) -> None:
    name = max((board for board in expected(oracle) if "/" not in board.rsplit("/", 3)[0]),
               key=lambda board: len(oracle.board(board)))  # fmt: skip
    said = load(valkey.url, redis_prefix, file)
    setting, standings, *arguments = said["loaded"]["look"].split()
    assert standings == "standings"
    port = free_port()
    arguments[arguments.index("--port") + 1] = str(port)
    api = begin(tmp_path / "api.log", *arguments, **dict([setting.split("=", 1)]))
    try:
        url = f"http://127.0.0.1:{port}/v1/boards/{name}?limit=100"
        wait_for(lambda: get(url)[0] == 200, API_SECONDS, "the API shows the loaded board")
        _, answer = get(url)
        assert digest_of(name, answer["rows"]) == oracle.digest(name)
    finally:
        api.terminate()
        api.wait(30)


async def test_boards_that_no_replay_loaded_are_never_replaced(
    valkey: EmbeddedValkey, file: Path, live: dict[bytes, bytes | None]
) -> None:
    done = run("replay", file, "--load-into", LIVE, "--redis-url", valkey.url, STANDINGS_REDIS__PREFIX="another:")
    assert done.returncode == ExitCode.FAILED
    assert "no replay loaded" in done.stderr
    assert keys_under(valkey.url, LIVE) == live


async def test_a_load_that_fails_leaves_what_was_loaded_before_and_nothing_else(
    valkey: EmbeddedValkey, redis_prefix: str, store: RedisBoards, file: Path
) -> None:
    load(valkey.url, redis_prefix, file)
    before = keys_under(valkey.url, redis_prefix)
    current, _ = await store.where()

    async def all_then_fail(shares: Sequence[Share], take: Take) -> None:
        await run_here(shares, take)
        raise ShareFailed("at the very end")

    version = Version(LOADED + "second", current, 99)
    with pytest.raises(ShareFailed):
        await replay_file(file, RULES, store, groups=None, version=version, workers=Workers(2, all_then_fail))
    assert keys_under(valkey.url, redis_prefix) == before


async def test_somebody_else_who_writes_to_the_version_fails_the_load(store: RedisBoards, file: Path) -> None:
    async def moved_between(shares: Sequence[Share], take: Take) -> None:
        await store.begin(LOADED + "first", 2)
        await store.move(LOADED + "first", [Flush(0, NEW, "5|0|{}", [])])
        await run_in_processes(shares, take)

    with pytest.raises(ShareFailed, match="somebody else"):
        await replay_file(
            file, RULES, store, groups=None, version=Version(LOADED + "first"), workers=Workers(2, moved_between)
        )
    assert await store.where() == ("", {})
