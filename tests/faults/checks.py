"""What holds after every fault: oracle = ledger = totals = boards in the store, and every record has its outcome."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from domain.boards import AttainmentGroup, BoardGroup, DocumentGroup, Group
from domain.cells import Cell as BoardCell
from domain.entries import CellEntry, WholeEntry
from domain.ledger import digest_of
from domain.partition import PartitionState
from processors.dead_letters import read_dead_letters
from processors.engine.changelog import ChangelogFold
from processors.topics import TopicNames
from projections.ports import GroupDump
from projections.redis_boards import RedisBoards
from tests.faults.source_log import SourceLog
from tests.faults.truth import BASE_CURRENCY, DEFAULT_ZONE
from tests.integration.worker_stage import RULES, Board, Reader
from tests.oracle.oracle import Cell, Oracle

EMPTY: Cell = (0, 0, 0, 0)
GROUPS_A_DUMP = 200
OUTCOMES = ("applied", "duplicate", "superseded", "forwarded", "dead_lettered")


# -------------------------------------------------------------------- the log


class Judged(NamedTuple):
    """How the records end, by the oracle.

    Attributes:
        outcomes: records by outcome.
        dead: topic, partition and offset of those that can't count.
    """

    outcomes: Counter[str]
    dead: set[tuple[str, int, int]]


def judged(log: SourceLog, names: TopicNames) -> Judged:
    """Judge all records: each partition its own, in order, and partition 0 those of the control stream."""
    outcomes, dead = Counter(forwarded=log.away_count), set()
    for number in range(log.partitions):
        oracle = Oracle(BASE_CURRENCY, DEFAULT_ZONE)
        for (source, partition), lines in log.lines.items():
            if partition == number:  # the only partition of the control stream is 0
                for offset, line in enumerate(lines):
                    if line is not None:
                        before = oracle.dead_lettered
                        oracle.take(line)
                        if oracle.dead_lettered > before:
                            dead.add((names.of(source), partition, offset))
        outcomes += oracle.outcomes
    return Judged(outcomes, dead)


# -------------------------------------------------------------------- the changelog


class Kept(ChangelogFold):
    """A changelog partition's last row of every key, in the order of the log: all that compaction would leave."""

    def __init__(self, partition: int) -> None:
        super().__init__()
        self.partition = partition
        self._rows: dict[bytes, bytes | None] = {}

    def put(self, key: bytes, value: bytes | None) -> None:
        self._rows.pop(key, None)
        self._rows[key] = value

    def loaded(self) -> tuple[PartitionState, Board]:
        """The state as a recovery loads it, and what the rows say of boards."""
        state, board = PartitionState(self.partition, RULES), Board()
        for key, value in self._rows.items():
            state.load(key, value)
            board.set(key, value)
        return state, board


async def check_changelog(servers: str, names: TopicNames, kept: list[Kept], log: SourceLog, oracle: Oracle) -> str:
    """Ledger, totals and accounting of the changelog's fold, and the dead letters; returns figures.

    Args:
        servers: Kafka.
        names: of its topics.
        kept: the fold of each partition, as far as it was read before; read on here.
        log: the sources.
        oracle: what they mean.
    """
    async with Reader(servers) as reader:
        for fold in kept:
            fold.feed(await reader.read(names.changelog, fold.partition, fold.rewind()))
    loaded = [fold.loaded() for fold in kept]
    _check_ledger([state for state, _ in loaded], oracle)
    _check_totals([board for _, board in loaded], oracle)
    books: Counter[str] = Counter()
    for state, _ in loaded:
        books.update(state.accounting.as_dict())
    expected = judged(log, names)
    assert {name: books[name] for name in OUTCOMES} == {name: expected.outcomes[name] for name in OUTCOMES}
    assert books["read"] == sum(books[name] for name in OUTCOMES) == log.record_count, f"{books}, of {log.record_count}"
    letters = [letter.identity async for letter in read_dead_letters(servers, names.dead_letters)]
    assert len(letters) == books["dead_lettered"], books  # one written twice counts once
    assert set(letters) == expected.dead
    marks, fenced = sum(fold.counted for fold in kept), sum(fold.rejected for fold in kept)
    return f"{marks} marks and {fenced} that did not count, {dict(books)}"


def _check_ledger(states: list[PartitionState], oracle: Oracle) -> None:
    ledger: dict[bytes, Any] = {}
    for state in states:
        ledger.update(state.sales.lines())
    expected: dict[bytes, Any] = {}
    for key, rank in oracle.best.items():
        if key[0] in ("line", "void"):
            identity = digest_of(*key[1:])
            voided, sale = expected.get(identity, (False, None))
            expected[identity] = (True, sale) if key[0] == "void" else (voided, rank)
    _equal("ledger line", expected, ledger)


def _check_totals(boards: list[Board], oracle: Oracle) -> None:
    found: dict[tuple[str, str], Cell] = {}
    for board in boards:
        for name, said in board.entries.items():
            if name[0] in (CellEntry.__name__, WholeEntry.__name__):
                _, group, member = name
                found[str(group), member] = _sum(found.get((str(group), member), EMPTY), said)
    expected: dict[tuple[str, str], Cell] = {}
    for (unit, members, bucket), cells in oracle.scoped.items():
        expected |= {(str(BoardGroup(unit, members, bucket)), member): cell for member, cell in cells.items()}
    for (kind, bucket), cells in oracle.whole.items():
        expected |= {(str(AttainmentGroup(kind, bucket)), member): cell for member, cell in cells.items()}  # type: ignore[arg-type]
    _equal("total", _without_empty(expected), _without_empty(found))


# -------------------------------------------------------------------- the store


async def check_store(url: str, prefix: str, log: SourceLog, oracle: Oracle) -> str:
    """Every board of the current version; returns figures."""
    boards = RedisBoards.at(url, prefix)
    try:
        version, groups = await boards.groups()
        dumps: list[GroupDump | None] = []
        for first in range(0, len(groups), GROUPS_A_DUMP):
            dumps += await boards.dump(version, groups[first : first + GROUPS_A_DUMP])
    finally:
        await boards.close()
    assert None not in dumps, "the version changed while it was read"
    by_group = {dump.group: dump for dump in dumps if dump is not None}
    rows = sum(1 for _ in _check_groups(by_group, oracle))
    books: Counter[str] = Counter()
    for text in by_group[DocumentGroup("accounting")].documents.values():
        books.update(json.loads(text))
    assert books["read"] == sum(books[name] for name in OUTCOMES) == log.record_count, f"{books}, of {log.record_count}"
    return f"{len(groups)} groups, {rows} rows"


def _check_groups(dumps: Mapping[Group, GroupDump], oracle: Oracle) -> Iterator[str]:
    """Compare all; yields the members of all boards and cells compared."""
    names = oracle.all_board_names()
    sets: dict[str, dict[str, float]] = {}
    cells: dict[tuple[str, str, str] | tuple[str, str], dict[str, Cell]] = {}
    targets: dict[tuple[str, str, str, str], int] = {}
    for group, dump in dumps.items():
        sets |= {str(name): scores for name, scores in dump.sets.items() if scores}
        match group:
            case BoardGroup(unit_id, members, bucket):
                cells[unit_id, members, bucket] = _tuples(dump.cells)
            case AttainmentGroup(kind, bucket):
                cells[kind, bucket] = _tuples(dump.cells)
                for member, (_, goals) in dump.targets.items():
                    targets |= {(kind, member, bucket, metric): value for metric, value in goals}
            case _:
                pass
    credited: list[tuple[Any, dict[str, Cell]]] = [*oracle.scoped.items(), *oracle.whole.items()]
    for where, held in credited:
        _equal(f"cell of {where}", _without_empty(held), _without_empty(cells.pop(where, {})))
        yield from held
    assert not any(_without_empty(held) for held in cells.values()), "cells of nobody"
    _equal("target", oracle.targets, targets)
    for name in names:
        metric = name.split("/")[-2]
        if metric == "revenue" or metric.startswith("attainment-"):
            rows = oracle.board(name)
            _equal(f"score of {name}", {member: float(score) for _, member, score, _, _ in rows}, sets.pop(name, {}))
            yield from (member for _, member, _, _, _ in rows)
    assert not sets, f"boards of nobody: {list(sets)[:3]}"


# -------------------------------------------------------------------- comparing


def _tuples(cells: Mapping[str, BoardCell]) -> dict[str, Cell]:
    return {member: (cell.revenue, cell.quantity, cell.count, cell.lines) for member, cell in cells.items()}


def _sum(cell: Cell, other: BoardCell) -> Cell:
    return cell[0] + other.revenue, cell[1] + other.quantity, cell[2] + other.count, cell[3] + other.lines


def _without_empty(cells: Mapping[Any, Cell]) -> dict[Any, Cell]:
    return {key: cell for key, cell in cells.items() if cell != EMPTY}


def _equal(what: str, expected: Mapping[Any, Any], found: Mapping[Any, Any]) -> None:
    if dict(expected) != dict(found):
        keys = [key for key in expected.keys() | found.keys() if expected.get(key) != found.get(key)]
        told = [f"{key}: {found.get(key)} is not {expected.get(key)}" for key in keys[:3]]
        raise AssertionError(f"{what}: {len(keys)} differences, {told}")
