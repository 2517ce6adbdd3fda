"""`standings replay`: boards of a file or of the log, folded offline, as one JSON object."""

from __future__ import annotations

import asyncio
import shlex
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.errors import CommandError, ExitCode
from cli.replay_progress import shown_progress
from cli.settings import Settings
from cli.shares import processors, workers
from cli.wiring import Say, rules, topic_names
from domain.boards import AttainmentGroup, BadBoardName, BoardName, DocumentGroup, Group
from domain.calendar import bucket_span
from domain.digest import digest
from domain.org import OrgTree
from domain.roster import Roster
from domain.standings import standings
from processors.log_reader import LogReader
from processors.replay import Replayed, ShareFailed, Version, replay_file, replay_log
from processors.topics import TopicNames, TopicsUnfit
from projections.memory import MemoryBoards
from projections.ports import BoardStore, BoardsUnavailable, DocumentsView, Position, Snapshot, SnapshotRequest

DOCUMENTS = ("units", "reps")

FILE_BYTES_PER_PROCESS = 16 << 20
"""A file gets another process for each of these: to start one takes longer than to fold less."""

LOADED = "replay-"
"""The names of versions of boards that a replay loaded begin with it, so that they are known from live ones."""


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """What to replay.

    Attributes:
        file: JSON lines; None = the log.
        boards: to print: UNIT/MEMBERS/METRIC/BUCKET.
        processes: how many; None = as many as there are processors, and fewer for a small file.
        load_prefix: all boards go into Redis under this key prefix; None = nothing is written.
        reopened: as if this year and later ones had not been closed; None = all closes count.
    """

    file: Path | None
    boards: Sequence[str]
    processes: int | None = None
    load_prefix: str | None = None
    reopened: int | None = None


def replay(settings: Settings, request: ReplayRequest, say: Say) -> dict[str, Any]:
    """Fold a file, or else the log; give the named boards and the accounting, and say what was loaded.

    Raises:
        CommandError: a name is not a board's, the log can't be read, a process ended, or the boards can't be written.
    """
    names = [_board_name(text) for text in request.boards]
    try:
        return asyncio.run(_replay(settings, request, names, say))
    except (ShareFailed, TopicsUnfit) as error:
        raise CommandError(str(error)) from error
    except BoardsUnavailable as error:
        raise CommandError(f"the boards can't be written: {error}") from error


def _board_name(text: str) -> BoardName:
    try:
        return BoardName.parse(text)
    except BadBoardName as error:
        raise CommandError(str(error), ExitCode.USAGE) from error


async def _replay(settings: Settings, request: ReplayRequest, names: list[BoardName], say: Say) -> dict[str, Any]:
    if request.load_prefix is None:
        store = MemoryBoards()
        replayed = await _fold(settings, request, store, _groups_of(names), Version())
        say(f"{replayed.read_count} records folded")
        return await _shown(settings, names, store) | {"accounting": replayed.accounting.as_dict()}
    loaded = _load_store(settings, request.load_prefix)
    try:
        version = await _free_version(loaded, request.load_prefix)
        replayed = await _fold(settings, request, loaded, None, version)
        if version.replaces:
            await loaded.drop(version.replaces)
        say(f"{replayed.read_count} records folded, {replayed.entry_count} entries of boards written")
        said = await _shown(settings, names, loaded) | {"accounting": replayed.accounting.as_dict()}
        return said | {"loaded": _how_to_look(settings, request.load_prefix, version.name, replayed)}
    finally:
        await loaded.close()


async def _fold(
    settings: Settings, request: ReplayRequest, store: BoardStore, groups: set[Group] | None, version: Version
) -> Replayed:
    with shown_progress() as progress:
        if request.file is not None:
            work = workers(request.processes or processes_for(_size_of(request.file), processors()))
            return await replay_file(
                request.file, rules(settings), store, groups=groups, workers=work, progress=progress,
                version=version, reopened=request.reopened,
            )  # fmt: skip
        async with LogReader(settings.kafka.bootstrap_servers, topic_names(settings)) as reader:
            return await replay_log(
                reader, TopicNames(settings.kafka.topic_prefix), rules(settings), store, groups=groups,
                workers=workers(request.processes or processors()), progress=progress, version=version,
                reopened=request.reopened,
            )  # fmt: skip


def _size_of(file: Path) -> int:
    return file.stat().st_size if file.is_file() else 0


def processes_for(size: int, processors: int) -> int:
    """How many processes fold a file of so many bytes."""
    return max(1, min(processors, size // FILE_BYTES_PER_PROCESS))


# ---------------------------------------------------------------- loading


def _load_store(settings: Settings, prefix: str) -> BoardStore:
    """The boards under another prefix than the live ones.

    Raises:
        CommandError: the prefixes overlap, so that one could be taken for a part of the other.
    """
    from projections.redis_boards import RedisBoards

    live = settings.redis.prefix
    if not prefix or prefix.startswith(live) or live.startswith(prefix):
        raise CommandError(f"{prefix!r} overlaps with the live boards' prefix {live!r}; take another", ExitCode.USAGE)
    return RedisBoards.at(settings.redis.url, prefix)


async def _free_version(store: BoardStore, prefix: str) -> Version:
    """A new version; it replaces what an earlier replay loaded, and never anything else."""
    current, positions = await store.where()
    if current and not current.startswith(LOADED):
        raise CommandError(f"under {prefix!r} are boards that no replay loaded: they stay; take another prefix")
    newest = max((Position.parse(text).mark for text in positions.values()), default=-1)
    return Version(LOADED + uuid.uuid4().hex, current, newest + 1)


def _how_to_look(settings: Settings, prefix: str, version: str, replayed: Replayed) -> dict[str, Any]:
    """What was written, and a command that shows it."""
    environment = f"STANDINGS_REDIS__PREFIX={shlex.quote(prefix)}"
    return {
        "prefix": prefix,
        "version": version,
        "entries": replayed.entry_count,
        "look": f"{environment} standings api --redis-url {shlex.quote(settings.redis.url)} --port 8751",
    }


# ---------------------------------------------------------------- boards


def _groups_of(names: Sequence[BoardName]) -> set[Group]:
    groups: set[Group] = set(map(DocumentGroup, DOCUMENTS))
    for name in names:
        groups |= {name.group, _goals_group(name)}
    return groups


async def _shown(settings: Settings, names: Sequence[BoardName], store: BoardStore) -> dict[str, Any]:
    snapshot = await store.snapshot(
        SnapshotRequest(
            boards=tuple(names),
            attainments=tuple({_goals_group(name) for name in names}),
            documents=tuple((collection, "") for collection in DOCUMENTS),
        )
    )
    return {"boards": {str(name): board_json(name, snapshot, settings.time_zone) for name in names}}


def board_json(name: BoardName, snapshot: Snapshot, default_zone: str) -> dict[str, Any]:
    """All rows of a board in total order, their number and the digest."""
    view = snapshot.boards[name]
    day = bucket_span(name.bucket)[1]
    tree = OrgTree.from_documents(default_zone, _documents(snapshot.documents["units"]))
    roster = Roster.from_documents(_documents(snapshot.documents["reps"]))

    def display_name(member_id: str) -> str:
        return roster.display_name(member_id) if name.member_kind == "rep" else tree.name(member_id, day)

    rows = standings(name, view.entries, goals=snapshot.attainments[_goals_group(name)], names=display_name)
    return {
        "rows": [row.as_json() for row in rows],
        "member_count": len(rows),
        "digest": digest(name, view.entries),
    }


def _goals_group(name: BoardName) -> AttainmentGroup:
    """Where the targets beside a board's rows come from."""
    return AttainmentGroup(name.member_kind, name.bucket)


def _documents(view: DocumentsView) -> dict[str, str]:
    return view.documents or {}
