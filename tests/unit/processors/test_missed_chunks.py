"""A chunk whose predecessor did not come is never folded: what lies between them would not be counted."""

from __future__ import annotations

from typing import Any, cast

import pytest

from processors.engine.ownership import PartitionOwner
from processors.engine.workshop import ChunkMissed
from tests.unit.processors.test_flush_limits import Engine, Record, always


async def opened() -> PartitionOwner:
    return await Engine().opened()


async def take(owner: PartitionOwner, first: int, stop: int, *, current: bool = True, after: int | None = None) -> None:
    chunk = cast(Any, Engine())
    await owner.take(
        "sales", map(Record, range(first, stop)), chunk, lambda: current, after=first - 1 if after is None else after
    )


async def test_chunks_that_follow_each_other_are_taken() -> None:
    owner = await opened()
    await take(owner, 0, 5)
    await take(owner, 5, 9)
    await take(owner, 12, 14, after=8)
    assert owner.taken == {"sales": 13}


async def test_a_chunk_that_repeats_something_is_taken() -> None:
    owner = await opened()
    await take(owner, 0, 5)
    await take(owner, 3, 9)
    assert owner.taken == {"sales": 8}


async def test_a_chunk_whose_predecessor_did_not_come_is_refused_and_nothing_of_it_is_folded() -> None:
    owner = await opened()
    await take(owner, 0, 5)
    with pytest.raises(ChunkMissed, match="sales-0: after 4 came a chunk that follows 7"):
        await take(owner, 8, 9)
    assert owner.taken == {"sales": 4}
    with pytest.raises(ChunkMissed, match="reps-0: after -1 came a chunk that follows 0"):
        await owner.take("reps", [cast(Any, Record(1))], cast(Any, Engine()), always, after=0)


async def test_a_chunk_from_before_the_seek_is_let_go_and_not_judged() -> None:
    owner = await opened()
    await take(owner, 8, 9, current=False)
    assert owner.taken == {}
