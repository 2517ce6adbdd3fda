"""`standings replay`: boards of a file or of the log, folded offline, as one JSON object."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.errors import CommandError, ExitCode
from cli.settings import Settings
from cli.wiring import Say, rules, topic_names
from domain.boards import AttainmentGroup, BadBoardName, BoardName, DocumentGroup, Group
from domain.calendar import bucket_span
from domain.digest import digest
from domain.org import OrgTree
from domain.roster import Roster
from domain.standings import standings
from processors.log_reader import LogReader
from processors.replay import Replayed, replay_lines, replay_log
from processors.topics import TopicNames, TopicsUnfit
from projections.memory import MemoryBoards
from projections.ports import DocumentsView, Snapshot, SnapshotRequest

DOCUMENTS = ("units", "reps")
TOLD_RECORDS = 100_000


def replay(settings: Settings, file: Path | None, boards: Sequence[str], say: Say) -> dict[str, Any]:
    """Fold a file, or else the log, and give the named boards and the accounting.

    Raises:
        CommandError: a name is not a board's, or the log can't be read.
    """
    names = [_board_name(text) for text in boards]
    return asyncio.run(_replay(settings, file, names, say))


def _board_name(text: str) -> BoardName:
    try:
        return BoardName.parse(text)
    except BadBoardName as error:
        raise CommandError(str(error), ExitCode.USAGE) from error


async def _replay(settings: Settings, file: Path | None, names: list[BoardName], say: Say) -> dict[str, Any]:
    store, progress = MemoryBoards(), Progress(say)
    groups: set[Group] = set()
    for name in names:
        groups |= {name.group, _goals_group(name)}
    groups.update(map(DocumentGroup, DOCUMENTS))
    if file is not None:
        with file.open("rb") as lines:
            replayed = await replay_lines(lines, rules(settings), store, groups=groups, progress=progress.read)
    else:
        replayed = await _replay_kafka(settings, store, groups, progress)
    say(f"{replayed.read_count} records folded")
    snapshot = await store.snapshot(
        SnapshotRequest(
            boards=tuple(names),
            attainments=tuple({_goals_group(name) for name in names}),
            documents=tuple((collection, "") for collection in DOCUMENTS),
        )
    )
    shown = {str(name): board_json(name, snapshot, settings.time_zone) for name in names}
    return {"boards": shown, "accounting": replayed.accounting.as_dict()}


async def _replay_kafka(settings: Settings, store: MemoryBoards, groups: set[Group], progress: Progress) -> Replayed:
    names = TopicNames(settings.kafka.topic_prefix)
    try:
        async with LogReader(settings.kafka.bootstrap_servers, topic_names(settings)) as reader:
            return await replay_log(reader, names, rules(settings), store, groups=groups, progress=progress.read)
    except TopicsUnfit as error:
        raise CommandError(str(error)) from error


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


class Progress:
    """Says now and then how many records were folded."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._count = self._told = 0

    def read(self, count: int) -> None:
        """So many more."""
        self._count += count
        if self._count - self._told >= TOLD_RECORDS:
            self._told = self._count
            self._say(f"{self._count} records …")
