"""What a replay makes of the lines of a file, whatever they are and in whatever order they stand."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from domain.accounting import DEAD_LETTERED, Accounting
from domain.boards import AttainmentGroup, BoardGroup, BoardName, Group
from domain.partition import Rules
from processors.replay import Replayed, ShareFailed, Version, Workers, replay_file
from processors.replay_file import FOLD, LOOK
from processors.shares import Take, run_here
from projections.memory import MemoryBoards
from projections.ports import SnapshotRequest
from tests.unit.events.examples import line

RULES = Rules("CNY", "Asia/Shanghai")
YEAR = BoardName.parse("s1/rep/revenue/2025")
SHARES = (1, 2, 3)


def sale(rep: str, amount: int, number: int = 0, *, day: str = "2025-06-01", recorded: str = "", **more: Any) -> bytes:
    data = {
        "sale_id": f"S{number}",
        "rep_id": rep,
        "unit_id": "s1",
        "occurred_at": f"{day}T12:00:00+08:00",
        "amount_minor": amount,
        "currency": "CNY",
        "quantity": 1,
    }
    at = recorded or f"{day}T12:00:00+08:00"
    return line("sale.recorded.v1", data=data | more, partitionkey=rep, time=at, recordedtime=None)


def closed(year: int, recorded: str) -> bytes:
    return line("period.closed.v1", data={"year": year}, partitionkey="control", time=recorded, recordedtime=None)


async def board(
    folder: Path, lines: list[bytes], shares: int = 1, *, end: bytes = b"\n", reopened: int | None = None
) -> tuple[dict[str, int], Replayed]:
    """Member to score on the board of a year, and what was read."""
    file, store = folder / "lines.jsonl", MemoryBoards()
    file.write_bytes(end.join(lines))
    told = await replay_file(file, RULES, store, groups={YEAR.group}, workers=Workers(shares), reopened=reopened)
    view = (await store.snapshot(SnapshotRequest(boards=(YEAR,)))).boards[YEAR]
    return {entry.member_id: entry.score for entry in view.entries}, told


@pytest.mark.parametrize("shares", SHARES)
async def test_lines_of_any_kind_are_accounted_once(tmp_path: Path, shares: int) -> None:
    bad = [b"no json", b"[]", sale("r1", 5, 7, currency="USD"), sale("r2", 5, 8, currency="yuan"), b'{"rep_id":1}']
    bad += [b'{"rep_id":"r%d"' % number for number in range(20)]
    good = [sale(f"r{number}", 100, number) for number in range(20)]
    blank = [b"", b" ", b"\t"]
    scores, told = await board(tmp_path, [*bad, *blank, *good], shares, end=b"\r\n")
    assert scores == {f"r{number}": 100 for number in range(20)}
    assert told.read_count == told.accounting.read == len(bad) + len(good)
    assert told.accounting.counts[DEAD_LETTERED] == len(bad)


@pytest.mark.parametrize("shares", SHARES)
async def test_an_empty_file_gives_empty_boards(tmp_path: Path, shares: int) -> None:
    scores, told = await board(tmp_path, [], shares)
    assert (scores, told.read_count, told.accounting) == ({}, 0, Accounting())


@pytest.mark.parametrize("shares", SHARES)
async def test_a_line_that_names_two_reps_counts_for_the_one_that_it_means(tmp_path: Path, shares: int) -> None:
    lines = []
    for number, rep in enumerate(f"r{number}" for number in range(12)):
        text = sale(rep, 100, number)
        lines.append(b'{"rep_id":"somebody else",' + text.removeprefix(b"{"))  # an attribute that nobody reads
        lines.append(text.replace(b'"rep_id": ', b'"rep_id": "x", "rep_id": ').replace(b'"S', b'"T'))  # the last counts
        assert lines[-1].count(b"rep_id") == 2
    scores, told = await board(tmp_path, lines, shares)
    assert scores == {f"r{number}": 200 for number in range(12)}
    assert told.read_count == 24


@pytest.mark.parametrize("shares", SHARES)
async def test_a_wrong_partition_key_moves_no_sale(tmp_path: Path, shares: int) -> None:
    lines = [sale("r1", 100, number).replace(b'"partitionkey": "r1"', b'"partitionkey": "%d"' % number)
             for number in range(9)]  # fmt: skip
    again = [text.replace(b'"partitionkey": "', b'"partitionkey": "x') for text in lines]
    scores, told = await board(tmp_path, lines + again, shares)
    assert scores == {"r1": 900}
    assert told.accounting.counts["duplicate"] == 9


@pytest.mark.parametrize("shares", SHARES)
async def test_everyone_knows_who_leads_though_the_line_names_a_rep(tmp_path: Path, shares: int) -> None:
    lines = [line("unit.led.v1"), *(sale(f"r{number}", 100, number) for number in range(5)), line("unit.placed.v1")]
    scores, told = await board(tmp_path, lines, shares)
    assert len(scores) == 5
    assert told.accounting.as_dict() == {"read": 7, "applied": 7, "duplicate": 0, "superseded": 0, "forwarded": 0} | {
        DEAD_LETTERED: 0
    }


CLOSES = [closed(2024, "2025-03-01T00:00:00Z"), closed(2025, "2026-03-01T00:00:00Z")]
IN_TIME = [sale("r1", 100, 1), sale("r2", 10, 2, recorded="2026-02-28T00:00:00Z")]
TOO_LATE = [
    sale("r3", 1, 3, recorded="2026-03-02T00:00:00Z"),
    sale("r1", 7, 1, recorded="2026-04-01T00:00:00Z", revision=1),
]
OTHER = [sale("r4", 1, 4, day="2026-05-01"), sale("r5", 1, 5, day="2024-12-31", recorded="2025-03-02T00:00:00Z")]


@pytest.mark.parametrize("shares", SHARES)
async def test_a_close_judges_by_recorded_times_wherever_the_lines_stand(tmp_path: Path, shares: int) -> None:
    lines = CLOSES + IN_TIME + TOO_LATE + OTHER
    for seed in range(10):
        random.Random(seed).shuffle(lines)
        scores, told = await board(tmp_path, lines, shares)
        assert scores == {"r1": 100, "r2": 10}, f"seed {seed}"
        assert told.accounting.counts[DEAD_LETTERED] == 3
        assert told.read_count == len(lines)


@pytest.mark.parametrize("shares", SHARES)
async def test_a_year_can_be_read_as_if_it_had_not_been_closed(tmp_path: Path, shares: int) -> None:
    scores, told = await board(tmp_path, CLOSES + IN_TIME + TOO_LATE + OTHER, shares, reopened=2025)
    assert scores == {"r1": 7, "r2": 10, "r3": 1}
    assert told.accounting.counts[DEAD_LETTERED] == 2  # the close that is left out, and what 2024 refuses


async def test_a_file_that_can_not_be_read_is_named_and_no_boards_are_left(tmp_path: Path) -> None:
    store = MemoryBoards()
    with pytest.raises(ShareFailed, match=r"gone\.jsonl"):
        await replay_file(tmp_path / "gone.jsonl", RULES, store, groups=None)
    assert await store.where() == ("", {})


@pytest.mark.parametrize("shares", SHARES)
async def test_a_file_that_becomes_shorter_fails_the_replay(tmp_path: Path, shares: int) -> None:
    file, store = tmp_path / "lines.jsonl", MemoryBoards()
    file.write_bytes(b"\n".join(sale(f"r{number}", 1, number) for number in range(100)))

    async def cut_then_run(work: Any, take: Take) -> None:
        file.write_bytes(b"")
        await run_here(work, take)

    with pytest.raises(ShareFailed, match="shorter"):
        await replay_file(file, RULES, store, groups=None, workers=Workers(shares, cut_then_run))
    assert await store.where() == ("", {})


async def test_what_is_appended_while_the_file_is_read_does_not_count(tmp_path: Path) -> None:
    file, store = tmp_path / "lines.jsonl", MemoryBoards()
    file.write_bytes(sale("r1", 1, 1) + b"\n")

    async def append_then_run(work: Any, take: Take) -> None:
        with file.open("ab") as more:
            more.write(sale("r2", 1, 2) + b"\n")
        await run_here(work, take)

    told = await replay_file(file, RULES, store, groups=None, workers=Workers(2, append_then_run))
    assert told.read_count == 1


async def test_a_share_that_does_not_end_leaves_no_boards(tmp_path: Path) -> None:
    file, store = tmp_path / "lines.jsonl", MemoryBoards()
    file.write_bytes(sale("r1", 1, 1))
    await replay_file(file, RULES, store, groups=None, version=Version("first"))

    async def nobody(work: Any, take: Take) -> None:
        """Run no share."""

    second = Version("second", "first", 9)
    with pytest.raises(ShareFailed):
        await replay_file(file, RULES, store, groups=None, version=second, workers=Workers(1, nobody))
    assert (await store.where())[0] == "first"


class Told:
    """A progress that only listens."""

    def __init__(self) -> None:
        self.totals: dict[str, int] = {}
        self.done: dict[str, int] = {}
        self.records = 0

    def begin(self, stage: str, total: int) -> None:
        self.totals[stage], self.done[stage] = total, 0

    def advance(self, stage: str, done: int, records: int) -> None:
        self.done[stage] += done
        self.records += records


@pytest.mark.parametrize("shares", SHARES)
async def test_progress_comes_to_its_end(tmp_path: Path, shares: int) -> None:
    file, told = tmp_path / "lines.jsonl", Told()
    lines = [sale(f"r{number % 7}", 1, number) for number in range(500)]
    file.write_bytes(b"".join(text + b"\n" for text in lines))
    await replay_file(file, RULES, MemoryBoards(), groups=None, workers=Workers(shares), progress=told)
    assert told.done == told.totals == {LOOK: file.stat().st_size, FOLD: file.stat().st_size}
    assert told.records == len(lines)


async def test_all_groups_are_kept_when_none_is_named(tmp_path: Path) -> None:
    file, store = tmp_path / "lines.jsonl", MemoryBoards()
    file.write_bytes(sale("r1", 100, 1))
    told = await replay_file(file, RULES, store, groups=None)
    _, groups = await store.groups()
    wanted: set[Group] = {
        BoardGroup("s1", "rep", "2025"),
        AttainmentGroup("rep", "2025"),
        AttainmentGroup("unit", "2025"),
    }
    assert wanted <= set(groups)
    assert told.entry_count == 11  # five buckets of a rep and a unit, and the accounting
