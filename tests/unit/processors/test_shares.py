"""Shares of a fold: what they tell, how they meet, and what happens when one fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import pytest

from domain.boards import AttainmentGroup, DocumentGroup
from domain.cells import Cell
from processors.shares import Advanced, Change, Share, ShareFailed, Talk, Told, run_here
from projections.ports import GroupChange


@dataclass
class Doing:
    """A share that does something."""

    work: Callable[[Talk], Coroutine[Any, Any, None]]

    async def run(self, talk: Talk) -> None:
        await self.work(talk)


async def heard(shares: list[Share]) -> list[Told]:
    told: list[Told] = []

    async def take(each: Told) -> None:
        told.append(each)

    await run_here(shares, take)
    return told


def meeting_twice(number: int) -> Share:
    async def work(talk: Talk) -> None:
        for round_ in (b"first", b"second"):
            said = await talk.meet(b"%d" % number + round_)
            assert said == [b"%d" % at + round_ for at in range(3)]
        await talk.tell(Advanced("met", number))

    return Doing(work)


async def test_everyone_hears_what_all_said_in_the_order_of_the_shares() -> None:
    told = await heard([meeting_twice(number) for number in range(3)])
    assert sorted(told, key=str) == [Advanced("met", number) for number in range(3)]


async def test_when_one_share_fails_the_others_end_and_its_error_is_raised() -> None:
    ended: list[str] = []

    async def wait(talk: Talk) -> None:
        try:
            await talk.meet(b"")
        except asyncio.CancelledError:
            ended.append("waiting")
            raise

    async def fail(talk: Talk) -> None:
        raise ShareFailed("no more")

    with pytest.raises(ShareFailed, match="no more"):
        await heard([Doing(wait), Doing(fail), Doing(wait)])
    assert ended == ["waiting", "waiting"]


def test_a_change_travels_whole() -> None:
    reach = (("rep", ("s1", "cn")), Cell(1, 2, 3, 4))
    sales = GroupChange(AttainmentGroup("rep", "2026-05"), {"r1": Cell(1, 1, 1, 1)}, reached={"r2": (reach,)})
    sales.targets["r1"] = ((("cn", "rep"),), (("revenue", 5),))
    documents = GroupChange(DocumentGroup("units"), documents={"s1": "{}"})
    for change in (sales, documents):
        assert Change.of(change).read() == change
