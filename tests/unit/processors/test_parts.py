"""What a partition adds to boards: in small pieces, all of it, or the wanted groups alone."""

from __future__ import annotations

import random

import pytest

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup, Group
from domain.partition import PartitionState
from events.codec import read_line
from events.facts import Rejected
from processors.parts import PIECE_ENTRIES_MAX, pieces_of, tell_parts
from processors.replay_log import dealt
from processors.shares import Folded, Piece, Told
from projections.memory import MemoryBoards
from projections.ports import NEW, Flush, GroupChange, Position, Said
from tests.histories.generator import history
from tests.histories.live import CONTROL_TYPES, RULES, digests


def folded(seed: int) -> PartitionState:
    state, control = PartitionState(0, RULES), []
    for line in history(random.Random(seed), 120):
        try:
            fact = read_line(line)
            if fact.type in CONTROL_TYPES:
                control.append(fact)
            else:
                state.apply(fact)
        except Rejected:
            continue
    state.control(control)
    return state


class Heard:
    """Talks to nobody and keeps what is told."""

    def __init__(self) -> None:
        self.told: list[Told] = []

    async def tell(self, told: Told) -> None:
        self.told.append(told)

    async def meet(self, said: bytes) -> list[bytes]:
        return [said]

    @property
    def changes(self) -> list[GroupChange]:
        return [change.read() for told in self.told if isinstance(told, Piece) for change in told.changes]


async def test_the_wanted_groups_alone_say_what_they_say_among_all() -> None:
    for seed in range(5):
        state = folded(seed)
        everything, store = Heard(), MemoryBoards()
        await tell_parts(everything, state, None, {"sales": 7}, 120)
        await store.begin("v", 1)
        position = str(Position(0, 0, {}))
        [said] = await store.step("v", [Flush(0, NEW, position, everything.changes)])
        assert set(said) == {Said.DONE}
        await store.swap("", "v", {})
        _, groups = await store.groups()
        for wanted in random.Random(seed).sample(groups, min(40, len(groups))):
            alone = Heard()
            await tell_parts(alone, state, {wanted}, {}, 120)
            found = {change.group: change for change in alone.changes}
            [dump] = await store.dump("v", [wanted])
            assert dump is not None
            assert set(found) <= {wanted}
            change = found.get(wanted, GroupChange(wanted))
            assert change.cells == dump.cells
            assert {member: said for member, said in change.targets.items() if said[1]} == dump.targets
            assert change.documents == dump.documents
        assert await digests(store)


async def test_the_last_word_says_how_far_the_partition_was_read() -> None:
    heard, state = Heard(), folded(1)
    await tell_parts(heard, state, set(), {"sales": 7}, 120)
    assert heard.told == [Folded(0, {"sales": 7}, state.accounting.counts, 120)]


async def test_units_are_said_by_one_partition_only() -> None:
    heard = Heard()
    await tell_parts(heard, PartitionState(1, RULES), {DocumentGroup("units")}, {}, 0)
    assert heard.changes == []


@pytest.mark.parametrize("count", [0, 1, PIECE_ENTRIES_MAX, PIECE_ENTRIES_MAX + 1, 3 * PIECE_ENTRIES_MAX])
def test_pieces_are_bounded_and_hold_everything_once(count: int) -> None:
    groups: list[Group] = [AttainmentGroup("rep", "2026"), BoardGroup("cn", "rep", "2026")]
    parts = [(groups[number % 2], "cells", f"r{number}", number) for number in range(count)]
    pieces = list(pieces_of(parts))
    assert [sum(change.size for change in piece) for piece in pieces] == [
        min(PIECE_ENTRIES_MAX, count - first) for first in range(0, count, PIECE_ENTRIES_MAX)
    ]
    assert all(len({change.group for change in piece}) == len(piece) for piece in pieces)
    assert {name for piece in pieces for change in piece for name in change.cells} == {part[2] for part in parts}


def test_partitions_are_dealt_so_that_no_share_has_much_more_than_another() -> None:
    ends = {partition: {"sales": size - 1} for partition, size in enumerate((900, 10, 20, 400, 500, 0))}
    shares = dealt(ends, 2)
    assert sorted(partition for share in shares for partition in share) == list(ends)
    assert [list(share) for share in shares] == [[0, 2], [4, 3, 1, 5]]
    assert len(dealt(ends, 100)) == len(ends)
