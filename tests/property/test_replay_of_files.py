"""A file gives the same boards, documents and accounts however many fold it, and they are the oracle's."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.accounting import OUTCOMES
from domain.boards import Group
from processors.replay import Replayed, Workers, replay_file
from processors.replay_processes import run_in_processes
from projections.memory import MemoryBoards
from projections.ports import SnapshotRequest
from tests.histories.generator import Line, history
from tests.histories.live import RULES, digests, straight
from tests.histories.strategies import histories
from tests.oracle.oracle import Oracle, boards

law = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
ALONE = Workers()


def expected(oracle: Oracle) -> dict[str, str]:
    """The oracle's boards that list anybody, to their digests."""
    return {name: oracle.digest(name) for name in oracle.all_board_names() if oracle.board(name)}


async def replayed(
    lines: list[Line], workers: Workers = ALONE, *, groups: set[Group] | None = None, reopened: int | None = None
) -> tuple[MemoryBoards, Replayed]:
    """The boards of a file of these lines."""
    store = MemoryBoards()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "lines.jsonl"
        file.write_bytes(b"".join(line + b"\n" for line in lines))
        return store, await replay_file(file, RULES, store, groups=groups, workers=workers, reopened=reopened)


async def documents_of(store: MemoryBoards) -> dict[str, dict[str, str]]:
    """The documents of the organisation, the roster and the targets."""
    names = ("units", "reps", "targets")
    views = (await store.snapshot(SnapshotRequest(documents=tuple((name, "") for name in names)))).documents
    return {name: dict(views[name].documents or {}) for name in names}


async def same(lines: list[Line], workers: Workers, *, groups: set[Group] | None = None) -> None:
    """Check a replay of these lines by some workers against the oracle, and against a replay by one."""
    oracle, (alone, first) = boards(lines), await replayed(lines, groups=groups)
    store, told = await replayed(lines, workers, groups=groups)
    assert await digests(store) == expected(oracle)
    assert await documents_of(store) == await documents_of(alone)
    assert told.accounting == first.accounting
    assert told.accounting.counts == {outcome: oracle.outcomes[outcome] for outcome in OUTCOMES}
    assert told.read_count == oracle.read


@given(histories(), st.integers(1, 4))
@law
async def test_any_number_of_shares_gives_the_oracles_boards(lines: list[Line], shares: int) -> None:
    await same(lines, Workers(shares))


@given(histories(), st.integers(1, 3))
@law
async def test_only_the_wanted_groups_are_kept_and_are_right(lines: list[Line], shares: int) -> None:
    _, all_groups = await (await straight(lines)).boards.groups()
    await same(lines, Workers(shares), groups=set(all_groups))


async def test_processes_of_their_own_give_the_oracles_boards() -> None:
    for seed, processes in ((1, 1), (2, 2), (3, 3)):
        await same(history(random.Random(seed), 250), Workers(processes, run_in_processes))
