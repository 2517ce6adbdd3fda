"""The reading side of boards in Redis: everything a reader asks for comes from one script, at one instant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from typing import Any

from redis.asyncio import Redis

from domain.attainment import attainment_ppm
from domain.boards import AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from domain.ranking import order
from projections.keys import Keys, glob_escape, parse_board, parse_group, revenue_board
from projections.ports import (
    AttainmentView,
    BoardEntry,
    BoardsUnavailable,
    BoardView,
    DocumentsView,
    GroupDump,
    Snapshot,
    SnapshotRequest,
)
from projections.redis_calls import Call, asking, call, call_all
from projections.texts import (
    DOUBLE_EXACT_MAX,
    Flat,
    as_of,
    compact,
    pairs,
    parse_cell,
    parse_targets,
    parse_values,
    scores,
)

SCAN_COUNT = 1_000
DUMPS_AT_ONCE = 64
PING_SECONDS = 5.0
SILENT_PINGS_MAX = 3
RECONNECT_SECONDS = 0.5


class RedisReader:
    """`BoardReader` on Redis."""

    def __init__(self, client: Redis, prefix: str) -> None:
        self._client = client
        self._keys = Keys(prefix)

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        """See `BoardReader.snapshot`."""
        groups = list(dict.fromkeys(name.group for name in request.boards if not name.is_attainment))
        ranked = [name for name in request.boards if name.is_attainment]
        by_revenue = {name.group for name in request.boards if name.metric == "revenue"}
        asked = {
            "groups": [
                [str(g), g in by_revenue and str(revenue_board(g))] for g in groups if isinstance(g, BoardGroup)
            ],
            "boards": [[str(name.group), str(name)] for name in ranked],
            "attainments": [str(group) for group in request.attainments],
            "documents": [[str(DocumentGroup(collection)), tag] for collection, tag in request.documents],
        }
        text = await call(self._client, Call("read", [self._keys.current], [self._keys.prefix, compact(asked)]))
        reply = json.loads(text)
        if not reply["version"]:
            return Snapshot("")
        pos = _by_partition(reply["pos"])
        stored = dict(zip(groups, reply["groups"], strict=False))
        boards = {
            name: _sales_board(name, pos, *stored[name.group]) for name in request.boards if not name.is_attainment
        }
        boards |= {name: _attainment_board(name, pos, *row) for name, row in zip(ranked, reply["boards"], strict=False)}
        return Snapshot(
            reply["version"],
            boards,
            {g: _attainment(g, pos, *row) for g, row in zip(request.attainments, reply["attainments"], strict=False)},
            {
                collection: DocumentsView(
                    collection, as_of(pos, _by_partition(later)), tag, None if flat is False else dict(pairs(flat))
                )
                for (collection, _), (later, tag, flat) in zip(request.documents, reply["documents"], strict=False)
            },
        )

    async def groups(self) -> tuple[str, list[Group]]:
        """See `BoardReader.groups`."""
        with asking():
            version = str(await self._client.get(self._keys.current) or "")
            stem = self._keys.stem(version) + "own:"
            found: set[str] = set()
            if version:
                async for key in self._client.scan_iter(match=glob_escape(stem) + "*", count=SCAN_COUNT):
                    found.add(str(key).removeprefix(stem))
        return version, [parse_group(text) for text in sorted(found)]

    async def dump(self, version: str, groups: Sequence[Group]) -> list[GroupDump | None]:
        """See `BoardReader.dump`."""
        keys, out = self._keys, list[GroupDump | None]()
        for i in range(0, len(groups), DUMPS_AT_ONCE):
            some = groups[i : i + DUMPS_AT_ONCE]
            calls = [
                Call("dump", [keys.pos(version)], [keys.stem(version), str(group), _set_of(group)]) for group in some
            ]
            texts = await call_all(self._client, calls)
            out += [_dump(group, *json.loads(text)) if text else None for group, text in zip(some, texts, strict=True)]
        return out

    async def changed(self) -> AsyncIterator[tuple[str, list[str]]]:
        """See `BoardReader.changed`. Never ends by itself; a connection that no longer answers is replaced."""
        while True:
            try:
                async for announced in self._announced():
                    yield announced
            except BoardsUnavailable:
                await asyncio.sleep(RECONNECT_SECONDS)

    async def _announced(self) -> AsyncIterator[tuple[str, list[str]]]:
        with asking():
            async with self._client.pubsub() as subscription:
                await subscription.subscribe(self._keys.changes)
                silent = 0
                while True:
                    message = await subscription.get_message(timeout=PING_SECONDS)
                    if message is None:
                        silent += 1
                        if silent > SILENT_PINGS_MAX:
                            raise TimeoutError("the subscription does not answer")
                        await subscription.ping()
                        continue
                    silent = 0
                    if message["type"] == "subscribe":  # also when the client reconnects by itself
                        yield "", []
                    elif message["type"] == "message":
                        version, names = json.loads(message["data"])
                        yield version, names

    async def close(self) -> None:
        """Close connections."""
        with asking():
            await self._client.aclose()


def _by_partition(flat: Flat) -> dict[int, str]:
    return {int(p): text for p, text in pairs(flat)}


def _set_of(group: Group) -> str:
    return str(revenue_board(group)) if isinstance(group, BoardGroup) else ""


def _cells(flat: Flat) -> dict[str, Cell]:
    return {member: parse_cell(text) for member, text in pairs(flat)}


def _sales_board(name: BoardName, pos: dict[int, str], later: Flat, cells: Flat, ranked: Flat) -> BoardView:
    held = _cells(cells)
    if name.metric == "revenue":
        entries = [BoardEntry(member, score, held.get(member, EMPTY), None) for member, score in scores(ranked)]
    else:
        entries = [
            BoardEntry(member, getattr(cell, name.metric), cell, None)
            for member, cell in held.items()
            if cell.lines > 0
        ]
        entries = order(entries)
    return BoardView(name, as_of(pos, _by_partition(later)), tuple(entries))


def _attainment_board(
    name: BoardName, pos: dict[int, str], later: Flat, ranked: Flat, cells: Sequence[Any], targets: Sequence[Any]
) -> BoardView:
    entries = []
    beyond = False
    for (member, score), cell_text, held in zip(scores(ranked), cells, targets, strict=False):
        cell = parse_cell(cell_text) if cell_text else EMPTY
        target = parse_values(held).get(name.sales_metric) if held else None
        if abs(score) > DOUBLE_EXACT_MAX and target:
            score, beyond = attainment_ppm(getattr(cell, name.sales_metric), target), True
        entries.append(BoardEntry(member, score, cell, target))
    if beyond:
        entries = order(entries)
    return BoardView(name, as_of(pos, _by_partition(later)), tuple(entries))


def _attainment(group: AttainmentGroup, pos: dict[int, str], later: Flat, cells: Flat, targets: Flat) -> AttainmentView:
    held = {member: parse_values(text) for member, text in pairs(targets)}
    return AttainmentView(group, as_of(pos, _by_partition(later)), _cells(cells), held)


def _dump(
    group: Group, pos: Flat, later: Flat, sets: Any, cells: Flat, parts: Flat, targets: Flat, texts: Flat
) -> GroupDump:
    ranked = {
        parse_board(name): {member: 0.0 - float(score) for member, score in pairs(flat)} for name, flat in sets if flat
    }
    of_rep = (isinstance(group, BoardGroup) and group.members == "rep") or (
        isinstance(group, AttainmentGroup) and group.kind == "rep"
    )
    if of_rep:  # the fifth number of a rep's cell is its partition
        by_partition = {(member, int(text.split(" ")[4])): parse_cell(text) for member, text in pairs(cells)}
    else:
        by_partition = {
            (field.partition("\0")[2], int(field.partition("\0")[0])): parse_cell(text) for field, text in pairs(parts)
        }
    return GroupDump(
        group,
        as_of(_by_partition(pos), _by_partition(later)),
        ranked,
        _cells(cells),
        by_partition,
        {member: parse_targets(text) for member, text in pairs(targets)},
        dict(pairs(texts)),
    )
