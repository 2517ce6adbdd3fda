"""Reads of the store: what each answer needs, in one atomic step, shared and kept for as long as it is right."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

from api.board_snapshot import BoardRead, BoardSnapshot, as_of_json
from api.directory import REPS, UNITS, Directory, nearest_day
from api.hot_cache import Ages, HotCache
from api.limits import COLLECTIONS_MAX
from api.options import ApiOptions
from api.problems import Problem
from domain.boards import AttainmentGroup, BoardName, DocumentGroup
from domain.calendar import bucket_kind, bucket_span
from domain.cells import Cell
from projections.ports import AttainmentView, BoardReader, BoardsUnavailable, Snapshot, SnapshotRequest

log = logging.getLogger(__name__)

TARGETS = "targets"
ACCOUNTING = "accounting"
AsOf = dict[int, dict[str, int]]

_DIRECTORY_GROUPS = (str(DocumentGroup(UNITS)), str(DocumentGroup(REPS)))


@dataclass(frozen=True, slots=True)
class Goals:
    """Totals and targets of a kind in a bucket, with the version that they were read at."""

    version: str
    view: AttainmentView


@dataclass(frozen=True, slots=True)
class TargetDocuments:
    """The target documents: id to JSON text."""

    version: str
    tag: str
    as_of: AsOf
    documents: dict[str, str]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a board is read with, on a day."""

    name: BoardName
    today: str
    boards: tuple[BoardName, ...]
    attainments: tuple[AttainmentGroup, ...]

    @property
    def groups(self) -> list[str]:
        """The names of the groups that the board's answers depend on."""
        return [*(str(board.group) for board in self.boards), *map(str, self.attainments), *_DIRECTORY_GROUPS]


def plan(name: BoardName, today: str) -> Plan:
    """The board, its members' and units' targets, and today's cells if today is a part of its bucket."""
    first, last = bucket_span(name.bucket)
    has_close = bucket_kind(name.bucket) != "day" and first <= today <= last
    boards, attainments = [name], {AttainmentGroup(name.member_kind, name.bucket), AttainmentGroup("unit", name.bucket)}
    if has_close and name.is_attainment:
        attainments.add(AttainmentGroup(name.member_kind, today))
    elif has_close:
        boards.append(BoardName(name.unit_id, name.members, name.metric, today))
    return Plan(name, today, tuple(boards), tuple(sorted(attainments)))


class Reads:
    """Everything that endpoints read.

    Args:
        options: ages, limits, zone.
        reader: the store.
        clock: the present instant, aware.

    Attributes:
        is_following: set once the store's announcements are heard.
    """

    def __init__(self, options: ApiOptions, reader: BoardReader, clock: Callable[[], datetime]) -> None:
        self.options = options
        self.clock = clock
        self.directory = Directory(options.default_zone)
        self.is_following = asyncio.Event()
        self._reader = reader
        self._store_version = ""
        self._directory_as_of: AsOf = {}
        ages = Ages(options.snapshot_age_max_seconds, options.snapshot_age_min_seconds)
        now = _loop_time
        self.boards: HotCache[BoardName, BoardSnapshot] = HotCache(
            self._load_board, lambda n: self._plan(n).groups, entries_max=options.snapshots_max, ages=ages, now=now
        )
        self._goals: HotCache[AttainmentGroup, Goals] = HotCache(
            self._load_goals, lambda g: (str(g),), entries_max=options.snapshots_max, ages=ages, now=now
        )
        self._targets: HotCache[str, TargetDocuments] = HotCache(
            self._load_targets,
            lambda c: (str(DocumentGroup(c)),),
            entries_max=COLLECTIONS_MAX,
            ages=ages,
            now=now,
        )
        self._names: HotCache[str, str] = HotCache(
            self._load_names, lambda _: _DIRECTORY_GROUPS, entries_max=1, ages=ages, now=now
        )

    # ---- what endpoints ask for
    async def board(self, name: BoardName) -> BoardSnapshot:
        """A board, ranked.

        Raises:
            Problem: ``rebuilding``; ``store-unreachable`` if no earlier read of it is kept.
        """
        return await self.boards.get(name)

    async def goals(self, group: AttainmentGroup) -> Goals:
        """Totals and targets of a kind in a bucket."""
        return await self._goals.get(group)

    async def targets(self) -> TargetDocuments:
        """The histories of all targets."""
        return await self._targets.get(TARGETS)

    async def names(self) -> Directory:
        """The directory, up to date."""
        await self._names.get("")
        return self.directory

    def directory_state(self) -> tuple[str, AsOf]:
        """Version and offsets of the directory."""
        return digest(self._store_version, [self._directory_as_of], self.directory.tag), self._directory_as_of

    async def has_version(self) -> bool:
        """Whether the store has anything to show; False also when it can't be reached."""
        try:
            await self._ask(SnapshotRequest())
        except Problem:
            return False
        return True

    def today(self, unit_id: str) -> str:
        """The business day in the unit's zone."""
        return self.directory.today(unit_id, self.clock())

    # ---- what changed
    async def follow(self) -> None:
        """Mark what the store announces as changed, until cancelled."""
        while True:
            try:
                async for version, groups in self._reader.changed():
                    self._heard(version, groups)
            except BoardsUnavailable:
                self._heard("", [])
            except Exception:  # a fault of ours: boards are read again by age alone until the next attempt
                log.exception("the store's announcements can't be followed")
            await asyncio.sleep(self.options.snapshot_age_max_seconds)

    def _heard(self, version: str, groups: Sequence[str]) -> None:
        self.is_following.set()
        for cache in (self.boards, self._goals, self._targets, self._names):
            if version != self._store_version or not groups:
                cache.anything_changed()
            else:
                cache.groups_changed(groups)

    # ---- loading
    async def _ask(self, request: SnapshotRequest) -> Snapshot:
        """One atomic read.

        Raises:
            Problem: ``rebuilding`` or ``store-unreachable``.
        """
        try:
            async with asyncio.timeout(self.options.read_timeout_seconds):
                snapshot = await self._reader.snapshot(request)
        except (BoardsUnavailable, TimeoutError) as error:
            raise Problem("store-unreachable", "The board store does not answer.") from error
        if not snapshot.version:
            raise Problem("rebuilding", "The boards are being rebuilt from the log.")
        self._store_version = snapshot.version
        self.directory.adopt(snapshot.documents)
        if UNITS in snapshot.documents:
            self._directory_as_of = snapshot.documents[UNITS].as_of
        return snapshot

    def _plan(self, name: BoardName) -> Plan:
        return plan(name, self.today(name.unit_id))

    async def _load_board(self, name: BoardName, kept: BoardSnapshot | None) -> BoardSnapshot:
        try:
            if not self.directory.is_read:  # the day depends on the unit's zone
                await self._names.get("")
            planned = self._plan(name)
            documents = (*self.directory.known, (ACCOUNTING, ""))
            request = SnapshotRequest(planned.boards, planned.attainments, documents)
            snapshot = await self._ask(request)
        except Problem as problem:
            if kept is not None and problem.kind == "store-unreachable":
                return kept.in_state("stale")
            raise
        views = [
            *(snapshot.boards[b].as_of for b in planned.boards),
            *(snapshot.attainments[a].as_of for a in planned.attainments),
        ]
        version = digest(snapshot.version, views, str(name), self.directory.tag, planned.today)
        if kept is not None and kept.read.version == version:
            return kept.in_state("live")
        return BoardSnapshot(
            BoardRead(
                name=name,
                version=version,
                snapshot=snapshot,
                org=self.directory.on(nearest_day(name.bucket, planned.today)),
                today=planned.today,
                time_zone=self.directory.tree.zone(name.unit_id),
                day_cells=_day_cells(planned, snapshot),
                currency=self.options.base_currency,
                recorded_ms=_recorded_ms(snapshot),
                read_at=self.clock(),
            )
        )

    async def _load_goals(self, group: AttainmentGroup, kept: Goals | None) -> Goals:
        snapshot = await self._ask(SnapshotRequest(attainments=(group,), documents=self.directory.known))
        view = snapshot.attainments[group]
        version = digest(snapshot.version, [view.as_of], self.directory.tag)
        return kept if kept is not None and kept.version == version else Goals(version, view)

    async def _load_targets(self, collection: str, kept: TargetDocuments | None) -> TargetDocuments:
        known = "" if kept is None else kept.tag
        snapshot = await self._ask(SnapshotRequest(documents=((collection, known), *self.directory.known)))
        view = snapshot.documents[collection]
        documents = view.documents if view.documents is not None or kept is None else kept.documents
        return TargetDocuments(digest(snapshot.version, [view.as_of], view.tag), view.tag, view.as_of, documents or {})

    async def _load_names(self, _key: str, _kept: str | None) -> str:
        await self._ask(SnapshotRequest(documents=self.directory.known))
        return self.directory.tag


def _recorded_ms(snapshot: Snapshot) -> int:
    """The newest recorded time of a fact on the boards, in UTC milliseconds; 0 if nothing was folded."""
    documents = snapshot.documents[ACCOUNTING].documents or {}
    return max((int(msgspec.json.decode(text).get("recorded_ms", 0)) for text in documents.values()), default=0)


def _day_cells(planned: Plan, snapshot: Snapshot) -> dict[str, Cell]:
    """Today's cells of a board's members, empty if today is not a part of its bucket or the whole of it."""
    if planned.name.is_attainment:
        today = AttainmentGroup(planned.name.member_kind, planned.today)
        is_part = today in planned.attainments and planned.name.bucket != planned.today
        return dict(snapshot.attainments[today].whole) if is_part else {}
    if len(planned.boards) == 1:
        return {}
    return {entry.member_id: entry.cell for entry in snapshot.boards[planned.boards[1]].entries}


def digest(store_version: str, as_of: Sequence[AsOf], *others: str) -> str:
    """A short name for the state that an answer depends on."""
    text = msgspec.json.encode([store_version, [as_of_json(vector) for vector in as_of], others])
    return hashlib.sha256(text).hexdigest()[:16]


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
