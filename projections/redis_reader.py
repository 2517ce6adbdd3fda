"""The reading side of boards in Redis: everything a reader asks for comes from one script, at one instant."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from redis.asyncio import Redis

from domain.attainment import attainment_ppm
from domain.boards import AttainmentGroup, BoardGroup, BoardName, DocumentGroup, Group
from domain.cells import EMPTY, Cell
from domain.ranking import order
from domain.rows import Reach
from projections.keys import Keys, glob_escape, parse_board, parse_group, revenue_board, written_with
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
    cell_of,
    compact,
    pairs,
    parse_cells,
    parse_parts,
    parse_reach,
    parse_targets,
    parse_values,
    parse_whole,
    partition_of,
    scores,
    summed,
)

SCAN_COUNT = 1_000

BUSY = "busy"
"""A group that is written in slices can't be read until the last."""

BUSY_SECONDS = (0.01, 0.02, 0.05, *(0.1,) * 20, 0.0)
"""How long to wait after each attempt; after the last the boards are said to be rebuilt."""

DUMPS_AT_ONCE = 64
PING_SECONDS = 5.0
SILENT_PINGS_MAX = 3
RECONNECT_SECONDS = 0.5


class RedisReader:
    """`BoardReader` on Redis.

    Args:
        client: asked for everything.
        prefix: what every key begins with.
        busy_seconds: how long to wait after each attempt to read what is half written.
    """

    def __init__(self, client: Redis, prefix: str, *, busy_seconds: Sequence[float] = BUSY_SECONDS) -> None:
        self._client = client
        self._keys = Keys(prefix)
        self._busy_seconds = busy_seconds

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        """See `BoardReader.snapshot`."""
        # Revenue, quantity and count are ranked from the same cells: one read for the three.
        asked_sets = {name: _set_read_for(name) for name in request.boards}
        sets = list(dict.fromkeys(asked_sets.values()))
        asked = {
            "boards": [[str(written_with(name.group)), str(name), name.is_attainment] for name in sets],
            "attainments": [str(group) for group in request.attainments],
            "documents": [[str(DocumentGroup(collection)), tag] for collection, tag in request.documents],
        }
        reply = await self._read(compact(asked))
        if not reply["version"]:
            return Snapshot("")
        pos = _by_partition(reply["pos"])
        reaches = {n: parse_reach(held) for n, held in zip(*reply["reaches"], strict=True)}
        stored = dict(zip(sets, reply["boards"], strict=False))
        return Snapshot(
            reply["version"],
            {name: _board(name, pos, stored[of], reaches) for name, of in asked_sets.items()},
            {g: _attainment(g, pos, *row) for g, row in zip(request.attainments, reply["attainments"], strict=False)},
            {
                collection: DocumentsView(
                    collection, as_of(pos, _by_partition(later)), tag, None if flat is False else dict(pairs(flat))
                )
                for (collection, _), (later, tag, flat) in zip(request.documents, reply["documents"], strict=False)
            },
        )

    async def _read(self, asked: str) -> Any:  # what the script answers
        """Read in one step; waits while something asked for is half written."""
        read = Call("read", [self._keys.current], [self._keys.prefix, asked])
        for seconds in self._busy_seconds:
            reply = json.loads(await call(self._client, read))
            if reply != BUSY:
                return reply
            await asyncio.sleep(seconds)
        return {"version": ""}

    async def groups(self) -> tuple[str, list[Group]]:
        """See `BoardReader.groups`."""
        with asking():
            version = str(await self._client.get(self._keys.current) or "")
            stem = self._keys.stem(version) + "own:"
            found: set[str] = set()
            if version:
                async for key in self._client.scan_iter(match=glob_escape(stem) + "*", count=SCAN_COUNT):
                    found.add(str(key).removeprefix(stem))
            written = [parse_group(text) for text in found]
            sales = await self._sales_groups(version, [g for g in written if isinstance(g, AttainmentGroup)])
        return version, sorted([*written, *sales], key=str)

    async def _sales_groups(self, version: str, groups: Sequence[AttainmentGroup]) -> list[Group]:
        """The board groups whose boards were ever written."""
        async with self._client.pipeline(transaction=False) as pipe:
            for group in groups:
                pipe.smembers(self._keys.boards(version, group))
            listed = await pipe.execute() if groups else []
        names = [
            parse_board(f"{name}/{group.bucket}") for group, names in zip(groups, listed, strict=True) for name in names
        ]
        return [name.group for name in names if not name.is_attainment]

    async def dump(self, version: str, groups: Sequence[Group]) -> list[GroupDump | None]:
        """See `BoardReader.dump`."""
        keys, out = self._keys, list[GroupDump | None]()
        for i in range(0, len(groups), DUMPS_AT_ONCE):
            some = groups[i : i + DUMPS_AT_ONCE]
            calls = [
                Call("dump", [keys.pos(version)], [keys.stem(version), str(written_with(group)), _set_of(group)])
                for group in some
            ]
            texts = await self._dumped(calls)
            with asking():  # a number means the same reach as long as the version lives
                reaches = await self._client.hgetall(keys.reaches(version))
            known = {str(number): parse_reach(str(text)) for number, text in reaches.items()}
            out += [
                _dump(group, known, *json.loads(text)) if text else None
                for group, text in zip(some, texts, strict=True)
            ]
        return out

    async def _dumped(self, calls: Sequence[Call]) -> list[str]:
        """The answers to dumps; those of groups that are half written are asked for again."""
        texts: list[str] = await call_all(self._client, calls)
        for seconds in self._busy_seconds:
            busy = [at for at, text in enumerate(texts) if text == f'"{BUSY}"']
            if not busy:
                break
            await asyncio.sleep(seconds)
            for at, text in zip(busy, await call_all(self._client, [calls[at] for at in busy]), strict=True):
                texts[at] = text
        return ["" if text == f'"{BUSY}"' else text for text in texts]

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


def _wholes(flat: Flat) -> dict[str, Cell]:
    return {member: parse_whole(text) for member, text in pairs(flat)}


def _set_read_for(name: BoardName) -> BoardName:
    """The sorted set that a board is read from: sales boards of a group share the one of revenue."""
    return revenue_board(name.group) if isinstance(name.group, BoardGroup) else name


def _board(name: BoardName, pos: dict[int, str], row: Sequence[Any], reaches: Mapping[str, Reach]) -> BoardView:
    if name.is_attainment:
        return _attainment_board(name, pos, *row)
    later, ranked, texts = row
    entries = []
    for (member, score), text in zip(scores(ranked), texts, strict=False):
        if not text:
            cell = EMPTY
        elif text.startswith("+"):
            cell = cell_of(parse_cells(text), name.unit_id, name.members, reaches)
        else:  # one reach: the cell is the same on all boards of the member
            [(_, cell)] = parse_cells(text)
        entries.append(
            BoardEntry(member, score if name.metric == "revenue" else getattr(cell, name.metric), cell, None)
        )
    return BoardView(
        name, as_of(pos, _by_partition(later)), tuple(entries if name.metric == "revenue" else order(entries))
    )


def _attainment_board(
    name: BoardName, pos: dict[int, str], later: Flat, ranked: Flat, cells: Sequence[Any], targets: Sequence[Any]
) -> BoardView:
    entries = []
    beyond = False
    for (member, score), cell_text, held in zip(scores(ranked), cells, targets, strict=False):
        cell = parse_whole(cell_text) if cell_text else EMPTY
        target = parse_values(held).get(name.sales_metric) if held else None
        if abs(score) > DOUBLE_EXACT_MAX and target:
            score, beyond = attainment_ppm(getattr(cell, name.sales_metric), target), True
        entries.append(BoardEntry(member, score, cell, target))
    if beyond:
        entries = order(entries)
    return BoardView(name, as_of(pos, _by_partition(later)), tuple(entries))


def _attainment(group: AttainmentGroup, pos: dict[int, str], later: Flat, cells: Flat, targets: Flat) -> AttainmentView:
    held = {member: parse_values(text) for member, text in pairs(targets)}
    return AttainmentView(group, as_of(pos, _by_partition(later)), _wholes(cells), held)


def _dump(
    group: Group,
    reaches: Mapping[str, Reach],
    pos: Flat,
    later: Flat,
    sets: Any,
    cells: Flat,
    parts: Flat,
    targets: Flat,
    texts: Flat,
) -> GroupDump:
    ranked = {
        parse_board(name): {member: 0.0 - float(score) for member, score in pairs(flat)} for name, flat in sets if flat
    }

    def cell(held: Sequence[tuple[str, Cell]]) -> Cell:
        return cell_of(held, group.unit_id, group.members, reaches) if isinstance(group, BoardGroup) else summed(held)

    whole = {member: cell(parse_cells(text)) for member, text in pairs(cells)}
    written = written_with(group)
    if isinstance(written, AttainmentGroup) and written.kind == "rep":
        by_partition = {(member, partition_of(text)): whole[member] for member, text in pairs(cells)}
    else:
        by_partition = {
            (member, partition): cell(part)
            for member, text in pairs(parts)
            for partition, part in parse_parts(text).items()
        }
    return GroupDump(
        group,
        as_of(_by_partition(pos), _by_partition(later)),
        ranked,
        whole,
        {at: part for at, part in by_partition.items() if part != EMPTY},
        {member: parse_targets(text) for member, text in pairs(targets)},
        dict(pairs(texts)),
    )
