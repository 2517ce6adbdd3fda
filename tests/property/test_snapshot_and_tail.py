"""A snapshot and the tail after it give what the whole log gives, or the snapshot is refused.

Two worlds. In the first, the model's histories of workers, zombies, rebalances and compaction run with workers that
begin at a snapshot of any mark that still stands; whatever they write is checked as ever. In the second, rows are set
and deleted, and the cleaner works as Kafka's does: in passes over whole prefixes, a deletion goes in a later pass than
what it deleted.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest

from processors.engine.changelog import CLAIM, LEDGER, MARK, ChangelogFold, ChangelogRecord, Row, state_batch
from processors.engine.local_state import LocalState, SnapshotPolicy, check_mark
from processors.engine.ownership import PartitionOwner
from processors.engine.snapshots import FORMAT, SnapshotFacts, SnapshotRefused, write_snapshot
from processors.engine.workshop import Workshop
from tests.model.broker import TOPIC, Log
from tests.model.history import World, Wrong
from tests.model.parts import Reading, Rules
from tests.model.sites import Site
from tests.model.state import State, pack
from tests.model.workers import Unobserved, Worker

HISTORY_COUNT = 150


def facts_of(fold: ChangelogFold, partition: int = 0) -> SnapshotFacts:
    return SnapshotFacts(
        format=FORMAT,
        topic=TOPIC,
        partition=partition,
        mark=fold.mark,
        marked_ms=fold.marked_ms,
        end=fold.end,
        epoch=fold.epoch,
        positions=dict(fold.positions),
        fenced=list(fold.fenced.items()),
    )


Snapshot = tuple[SnapshotFacts, list[Row]]


# ---- the model's histories


def rows_of(state: State) -> Iterator[Row]:
    yield LEDGER + b"0", pack(list(state.ledger.values()))
    yield from ((key, state.row(key)) for key in (*state.scopes, *state.latest))


class Noting(Reading):
    """A reader that notes what a snapshot at each mark that counts would hold."""

    def __init__(self) -> None:
        super().__init__()
        self.snapshots: list[Snapshot] = []
        self.deletions: set[int] = set()

    def feed(self, records: Iterable[ChangelogRecord]) -> None:
        found = list(records)
        self.deletions |= {record.offset for record in found if record.value is None}
        super().feed(found)

    def _close(self, record: ChangelogRecord) -> None:
        super()._close(record)
        if record.offset == self.mark:
            self.snapshots.append((facts_of(self), list(rows_of(self.state))))


def last_dropped(log: Log, reader: Noting) -> int:
    """The last deletion that the cleaner has dropped."""
    return max(reader.deletions - {record.offset for record in log.records}, default=-1)


def standing(log: Log, reader: Noting) -> list[Snapshot]:
    """Those whose mark still stands in the log.

    The model's cleaner drops deletions at once, where Kafka's keeps them for days. So those are left out after which it
    has dropped one.
    """
    dropped = last_dropped(log, reader)

    def stands(facts: SnapshotFacts) -> bool:
        try:
            check_mark(facts, next(iter(log.read(facts.mark, 1)), None))
        except SnapshotRefused:
            return False
        return facts.mark > dropped

    return [snapshot for snapshot in reader.snapshots if stands(snapshot[0])]


USED: Counter[str] = Counter()


class Restoring(Worker):
    """A worker whose owners begin at one of the snapshots that still stand, whichever."""

    async def _claim(self) -> int:
        claimed = await super()._claim()
        owner, reader = self.owner, cast(Noting, self.site.reader)
        found = standing(self.site.log, reader)
        USED["standing"] += len(found)
        USED["gone"] += len(reader.snapshots) - len(found)
        older = [snapshot for snapshot in found if snapshot[0].end < claimed]
        if owner.end < 0 and older and self.random.random() < 0.9:
            facts, rows = self.random.choice(older)
            state = State()
            for key, value in rows:
                state.load(key, value)
            owner.restore(facts, cast(Any, state))
            USED["used"] += 1
        return claimed


def history_with_snapshots(seed: int) -> World:
    world = World(seed, Rules(reading=Noting, worker=Restoring))
    logging.disable(logging.WARNING)
    try:
        world.run()
    except Wrong:
        pass
    finally:
        logging.disable(logging.NOTSET)
        world.end()
    return world


def test_workers_that_begin_at_any_mark_that_still_stands_write_what_is_true() -> None:
    USED.clear()
    for seed in range(HISTORY_COUNT):
        world = history_with_snapshots(seed)
        assert world.found == "", f"seed {seed}"
    assert USED["used"] > 2 * HISTORY_COUNT, USED
    assert USED["gone"] > HISTORY_COUNT, "too little was compacted for this to mean anything"


# ---- the file and its log


class Counts:
    """Hears what became of snapshots."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()

    def changelog_read(self, records: int) -> None: ...

    def restored(self, outcome: str, rows: int) -> None:
        self.outcomes[outcome] += 1

    def snapshot_written(self, outcome: str) -> None: ...


def restored(site: Site, folder: Path, counts: Counts) -> PartitionOwner:
    """A new owner claims, begins at the snapshot in the folder if it is any good, and reads on."""
    log, now = site.log, site.world.now

    async def first_records(offsets: Mapping[int, int]) -> Mapping[int, ChangelogRecord]:
        return {partition: log.read(offset, 1)[0] for partition, offset in offsets.items()}

    def core(_: int) -> Any:
        return State()

    workshop = Workshop.__new__(Workshop)
    object.__setattr__(workshop, "core", core)
    object.__setattr__(workshop, "observer", Unobserved())
    owner = PartitionOwner(site.partition, workshop)
    owner.claimed_at = log.append([(CLAIM, b"new")], now)
    local = LocalState(
        folder,
        TOPIC,
        first_records,
        counts,
        clock=lambda: 0.0,
        now_ms=lambda: int(now * 1000),
        policy=SnapshotPolicy(),
    )
    asyncio.run(local.restore([owner], core))
    owner.feed(log.read(owner.rewind()))
    return owner


def test_files_of_marks_that_still_stand_give_what_the_whole_log_gives(tmp_path: Path) -> None:
    counts, rnd = Counts(), random.Random(4)
    for seed in range(20):
        world = history_with_snapshots(seed)
        for site in world.sites:
            reader = cast(Noting, site.reader)
            dropped = last_dropped(site.log, reader)
            snapshots = [snapshot for snapshot in reader.snapshots if snapshot[0].mark > dropped]
            for facts, rows in rnd.sample(snapshots, min(3, len(snapshots))):
                path = tmp_path / f"{TOPIC}-{site.partition}.snapshot"
                write_snapshot(path, facts_with(facts, partition=site.partition), rows)
                owner = restored(site, tmp_path, counts)
                whole = Reading()
                whole.feed(site.log.records)
                assert what(owner, cast(State, owner.state)) == what(whole, whole.state), f"seed {seed}, {facts}"
    assert min(counts.outcomes["used"], counts.outcomes["refused"]) > 10, counts.outcomes


def what(fold: ChangelogFold, state: State) -> tuple[object, ...]:
    cells = {where: cell for where, cell in state.cells.items() if cell != (0, 0)}
    facts = fold.positions, fold.epoch, fold.mark, fold.marked_ms, fold.end, fold.fenced.keys()
    return state.ledger, cells, state.latest, facts


def facts_with(facts: SnapshotFacts, **changed: Any) -> SnapshotFacts:
    told: dict[str, Any] = {name: getattr(facts, name) for name in facts.__struct_fields__}
    return SnapshotFacts(**(told | changed))


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (lambda facts: {"mark": facts.mark - 1}, "no longer in the log"),
        (lambda facts: {"marked_ms": facts.marked_ms + 1}, "no longer in the log"),
        (lambda facts: {"positions": {"sales": 10_000}}, "no longer in the log"),
        (lambda facts: {"marked_ms": facts.marked_ms - 6 * DAY_MS}, "days old"),
        (lambda facts: {"topic": "another"}, "of another-0"),
        (lambda facts: {"mark": 100_000, "end": 100_000}, "and the log ended at"),
    ],
    ids=["mark", "time", "positions", "old", "topic", "newer"],
)
def test_a_snapshot_of_another_log_is_refused(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, changed: Any, why: str
) -> None:
    site, counts = history_with_snapshots(3).sites[0], Counts()
    facts, rows = standing(site.log, cast(Noting, site.reader))[-1]
    write_snapshot(tmp_path / f"{TOPIC}-0.snapshot", facts_with(facts, **changed(facts)), rows)
    owner = restored(site, tmp_path, counts)
    assert counts.outcomes == {"refused": 1}
    assert why in caplog.text
    whole = Reading()
    whole.feed(site.log.records)
    assert what(owner, cast(State, owner.state)) == what(whole, whole.state)
    write_snapshot(tmp_path / f"{TOPIC}-0.snapshot", facts, rows)
    restored(site, tmp_path, counts)
    assert counts.outcomes == {"refused": 1, "used": 1}, "the untouched one is not used either: nothing was tested"


# ---- deletions and the cleaner


class Logged(NamedTuple):
    """A record as read."""

    offset: int
    key: bytes
    value: bytes | None


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


class Compacted:
    """A compacted topic as Kafka keeps it."""

    def __init__(self) -> None:
        self.records: list[Logged] = []
        self.end = 0
        self._cleaned = 0  # up to here every key stands once
        self._deletable: set[int] = set()  # deletions that a pass has met: the next one drops them

    def append(self, rows: list[Row]) -> None:
        for key, value in rows:
            self.records.append(Logged(self.end, key, value))
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


def history(rnd: random.Random) -> tuple[Compacted, list[tuple[SnapshotFacts, dict[bytes, bytes]]], dict[bytes, bytes]]:
    """A log, snapshots of marks, and the rows that are true at its end."""
    log, fold, snapshots = Compacted(), Kept(), []
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


def gone_on(log: Compacted, facts: SnapshotFacts, rows: dict[bytes, bytes]) -> dict[bytes, bytes]:
    fold = Kept()
    fold.rows, fold.positions, fold.epoch, fold.end = dict(rows), facts.positions, facts.epoch, facts.end
    fold.feed([record for record in log.records if record.offset > facts.end])
    return fold.rows


def still_stands(log: Compacted, facts: SnapshotFacts) -> bool:
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
