"""A snapshot and the tail after it give what the whole log gives, or the snapshot is refused.

Two worlds. In the first the engine's own owners, zombies and restarts write the log of a toy state, and it is
compacted while they do; snapshots are of every mark that counted. In the second, rows are set and deleted, and the
cleaner works as Kafka's does: in passes over whole prefixes, a deletion goes in a later pass than what it deleted.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from processors.engine.changelog import CLAIM, LEDGER, MARK, ChangelogFold, ChangelogRecord, Row, state_batch
from processors.engine.local_state import LocalState, SnapshotPolicy
from processors.engine.ownership import PartitionOwner
from processors.engine.snapshots import FORMAT, SnapshotFacts, write_snapshot
from tests.model.toy import Toy, pack
from tests.model.world import Reading, World

HISTORY_COUNT = 120
TOPIC = "changelog"


class Logged(NamedTuple):
    """A record with the time of its append, here told from its offset."""

    offset: int
    key: bytes
    value: bytes | None
    timestamp: int


class Counts:
    """Hears what became of snapshots."""

    def __init__(self) -> None:
        self.outcomes: dict[str, int] = {}

    def changelog_read(self, records: int) -> None: ...

    def restored(self, outcome: str, rows: int) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1

    def snapshot_written(self, outcome: str) -> None: ...


def facts_of(fold: ChangelogFold) -> SnapshotFacts:
    return SnapshotFacts(
        format=FORMAT,
        topic=TOPIC,
        partition=0,
        mark=fold.mark,
        marked_ms=stamp(fold.mark),
        end=fold.end,
        epoch=fold.epoch,
        positions=dict(fold.positions),
        fenced=list(fold.fenced.items()),
    )


def stamp(offset: int) -> int:
    return 1_000_000 + offset


def local_state(folder: Path, log: Iterable[Any], counts: Counts) -> LocalState:
    """The snapshots of a worker that sees this log."""
    records = list(log)

    async def first_records(offsets: Mapping[int, int]) -> Mapping[int, ChangelogRecord]:
        first = next(record for record in records if record.offset >= offsets[0])
        return {0: Logged(first.offset, first.key, first.value, stamp(first.offset))}

    now_ms = stamp(0) + 60_000
    return LocalState(
        folder, TOPIC, first_records, counts, clock=lambda: 0.0, now_ms=lambda: now_ms, policy=SnapshotPolicy()
    )


# ---- the engine's own histories


def rows_of(toy: Toy) -> Iterator[Row]:
    yield LEDGER + b"0", pack(list(toy.ledger.values()))
    yield from ((cell.encode(), toy._row(cell)) for cell in toy.totals if len(cell) > 1)


class Snapshots(World):
    """A history that keeps what a snapshot at each of some marks would hold."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.kept: list[tuple[SnapshotFacts, list[Row]]] = []

    def check(self, reading: Reading, when: str) -> None:
        super().check(reading, when)
        if reading is self.reader and len(self.kept) < 40:
            self.kept.append((facts_of(reading), list(rows_of(reading.toy))))


async def restored(world: World, folder: Path, counts: Counts) -> PartitionOwner:
    """A new worker claims, begins at the snapshot, and reads on."""
    session = await world.begin()
    owner = session.owner
    await local_state(folder, world.log, counts).restore([owner], session.workshop.core)
    owner.feed([record for record in world.log if record.offset >= owner.rewind()])
    session.kill()
    return owner


async def test_histories_of_claims_zombies_restarts_and_compaction_go_on_from_any_mark_that_still_stands(
    tmp_path: Path,
) -> None:
    counts, rnd = Counts(), random.Random(4)
    for seed in range(HISTORY_COUNT):
        world = Snapshots(seed)
        assert await world.run(80) == [], f"seed {seed}"
        for facts, rows in rnd.sample(world.kept, min(4, len(world.kept))):
            write_snapshot(tmp_path / f"{TOPIC}-0.snapshot", facts, rows)
            owner = await restored(world, tmp_path, counts)
            whole = Reading()
            whole.feed(world.log)
            toy = cast(Toy, owner.state)
            assert (toy.ledger, toy.totals) == (whole.toy.ledger, whole.toy.totals), f"seed {seed}, mark {facts.mark}"
            assert (owner.positions, owner.epoch, owner.mark, owner.end) == (
                whole.positions,
                whole.epoch,
                whole.mark,
                whole.end,
            )
            assert owner.fenced.keys() == whole.fenced.keys()
    assert min(counts.outcomes["used"], counts.outcomes["refused"]) > HISTORY_COUNT // 4, counts.outcomes


# ---- deletions and the cleaner


class Kept(ChangelogFold):
    """Keeps the rows that count."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[bytes, bytes] = {}

    def put(self, key: bytes, value: bytes | None) -> None:
        if value is None:
            self.rows.pop(key, None)
        else:
            self.rows[key] = value


class Log:
    """A compacted topic as Kafka keeps it."""

    def __init__(self) -> None:
        self.records: list[Logged] = []
        self.end = 0
        self._cleaned = 0  # up to here every key stands once
        self._deletable: set[int] = set()  # deletions that a pass has met: the next one drops them

    def append(self, rows: list[Row]) -> None:
        for key, value in rows:
            self.records.append(Logged(self.end, key, value, stamp(self.end)))
            self.end += 1

    def clean_some(self, rnd: random.Random) -> None:
        """A pass may end anywhere, but the rest of a batch that it cut always fits into the next one."""
        marks = (record.offset for record in self.records if record.offset >= self._cleaned and record.key == MARK)
        first = next(marks, self.end) + 1
        if first < self.end:
            self.clean(rnd.randrange(first, self.end))

    def clean(self, upto: int) -> None:
        """One pass: the keys between the last pass and `upto` decide what goes from the whole prefix."""
        last = {record.key: record.offset for record in self.records if self._cleaned <= record.offset < upto}
        kept = [
            record
            for record in self.records
            if record.offset >= upto
            or (last.get(record.key, record.offset) <= record.offset and record.offset not in self._deletable)
        ]
        self.records = kept
        self._deletable |= {record.offset for record in kept if record.offset < upto and record.value is None}
        self._cleaned = upto


def history(rnd: random.Random) -> tuple[Log, list[tuple[SnapshotFacts, dict[bytes, bytes]]], dict[bytes, bytes]]:
    """A log, snapshots of marks, and the rows that are true at its end."""
    log, fold, snapshots = Log(), Kept(), []
    log.append([(CLAIM, b"first")])
    epoch = 0
    for number in range(rnd.randrange(5, 30)):
        dice = rnd.random()
        if dice < 0.1:
            log.append([(CLAIM, b"next")])
            epoch = log.end - 1
        elif dice < 0.75:
            keys = rnd.sample(range(8), rnd.randrange(1, 5))
            rows: list[Row] = [(b"k%d" % key, None if rnd.random() < 0.4 else b"%d" % number) for key in keys]
            log.append(state_batch(epoch, log.end, rows, {"sales": number}))
        else:
            log.clean_some(rnd)
        fold.feed(log.records)  # it has read everything, so cleaning takes nothing from it
        if fold.mark == fold.end:
            snapshots.append((facts_of(fold), dict(fold.rows)))
    log.append([(CLAIM, b"last")])
    fold.feed(log.records)
    return log, snapshots, fold.rows


def gone_on(log: Log, facts: SnapshotFacts, rows: dict[bytes, bytes]) -> dict[bytes, bytes]:
    fold = Kept()
    fold.rows, fold.positions, fold.epoch, fold.end = dict(rows), facts.positions, facts.epoch, facts.end
    fold.feed([record for record in log.records if record.offset > facts.end])
    return fold.rows


def still_stands(log: Log, facts: SnapshotFacts) -> bool:
    return any(record.offset == facts.mark and record.key == MARK for record in log.records)


def test_while_its_mark_stands_no_deletion_after_a_snapshot_is_forgotten() -> None:
    rnd, used = random.Random(1), 0
    for _ in range(4_000):
        log, snapshots, truth = history(rnd)
        for facts, rows in snapshots:
            if still_stands(log, facts):
                used += 1
                assert gone_on(log, facts, rows) == truth
    assert used > 4_000


def test_a_snapshot_whose_mark_is_gone_may_bring_deleted_rows_back() -> None:
    rnd = random.Random(1)
    wrong = 0
    for _ in range(4_000):
        log, snapshots, truth = history(rnd)
        wrong += sum(gone_on(log, facts, rows) != truth for facts, rows in snapshots if not still_stands(log, facts))
    assert wrong > 0


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("mark", "no longer in the log"),
        ("time", "no longer in the log"),
        ("positions", "no longer in the log"),
        ("old", "5.0 days old"),
        ("topic", "of another-0"),
        ("newer", "and the log ended at"),
    ],
)
async def test_a_snapshot_of_another_log_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, what: str, why: str
) -> None:
    world, counts = Snapshots(3), Counts()
    assert await world.run(80) == []
    facts, rows = next((f, r) for f, r in world.kept if any(x.offset == f.mark and x.key == MARK for x in world.log))
    as_json: dict[str, Any] = {name: getattr(facts, name) for name in facts.__struct_fields__}
    others: dict[str, dict[str, Any]] = {
        "mark": {"mark": facts.mark - 1},
        "time": {"marked_ms": facts.marked_ms + 1},
        "old": {"marked_ms": facts.marked_ms - 5 * 86_400_000 - 61_000},
        "positions": {"positions": {"sales": 10_000}},
        "topic": {"topic": "another"},
        "newer": {"mark": world.end + 5, "end": world.end + 5},
    }
    write_snapshot(tmp_path / f"{TOPIC}-0.snapshot", SnapshotFacts(**(as_json | others[what])), rows)
    owner = await restored(world, tmp_path, counts)
    assert counts.outcomes == {"refused": 1}
    assert why in caplog.text
    whole = Reading()
    whole.feed(world.log)
    assert cast(Toy, owner.state).totals == whole.toy.totals
    write_snapshot(tmp_path / f"{TOPIC}-0.snapshot", facts, rows)
    await restored(world, tmp_path, counts)
    assert counts.outcomes == {"refused": 1, "used": 1}, "the untouched one is not used either: nothing was tested"
