"""A file of events, folded by several shares: each folds the lines of its keys, and all know the organisation.

1. Each share looks at its part of the file and notes whose every line seems to be (`LineIndex`).
2. They meet; now all know how many lines each bucket of keys has, and deal the buckets so that nobody has more to do.
3. Each reads the lines that name no rep, among them the control facts: those are folded first, in the order of their
   recorded times, so that what the organisation says and which years are closed is known before any sale.
4. Each folds the lines of its buckets, in the order of the file.
5. A line that turns out to say something of another bucket, or of the organisation, is a *stray*. They meet again, and
   everyone reads all strays.
6. A close judges sales by their recorded times, which a file may hold in any order. So sales that were recorded after
   a close took effect wait until all others are folded; those after a second close wait longer.

Every line is folded and accounted by exactly one share, whatever it is; and what is folded in which order does not
depend on how many shares there are.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from domain.accounting import DEAD_LETTERED
from domain.boards import Group
from domain.closing import NO_YEAR, ClosedTooLate, Closing, refuse_early_close, refuse_late_control
from domain.org import PERIOD_CLOSED
from domain.partition import PartitionState, Rules
from domain.rows import pack, unpack
from events.codec import read_line
from events.facts import Fact, Rejected
from events.limits import CACHE_ENTRIES_MAX
from events.registry import BY_SHORT, CONTROL, SALES
from processors.line_index import (
    EVERYONE,
    KEY_BUCKETS,
    Chunk,
    FileChanged,
    LineIndex,
    Place,
    bucket_of,
    deal,
    line_at,
)
from processors.parts import tell_parts
from processors.shares import Advanced, ShareFailed, Talk

LOOK, FOLD = "look", "fold"
"""Stages; both count bytes."""

ACCOUNTANT = 0
"""The share that accounts what belongs to nobody: lines that can't be read, and control facts."""

SETTLED_RECORDS = 50_000
"""So many sales are merged and settled at once at most: what waits is in memory."""


@dataclass(frozen=True, slots=True)
class FileShare:
    """One of several that fold a file.

    Attributes:
        number: which, from 0.
        count: how many.
        file: the file.
        size: its length in bytes when the replay began; what is appended later is not read.
        folder: where all of them keep their indexes.
        rules: of the deployment.
        groups: the groups wanted; None = all.
        reopened: leave out the closes of this year and of later ones; None = all closes count.
    """

    number: int
    count: int
    file: Path
    size: int
    folder: Path
    rules: Rules
    groups: frozenset[Group] | None
    reopened: int | None = None

    async def run(self, talk: Talk) -> None:
        """See `Share.run`."""
        try:
            with self.file.open("rb") as file:
                await self._run(talk, file)
        except (ClosedTooLate, FileChanged, OSError) as error:
            raise ShareFailed(f"{self.file}: {error}") from error

    async def _run(self, talk: Talk, file: BinaryIO) -> None:
        indexes, counts = await self._look(talk, file)
        owners = deal(counts, self.count)
        fold = LineFold(self.number, self.rules, owners, lambda place: line_at(file, place), reopened=self.reopened)
        done = fold.read_for_all(place for index in indexes for place in index.places(EVERYONE))
        await talk.tell(Advanced(FOLD, done if self.number == ACCOUNTANT else 0, fold.read_count))
        for index in indexes:
            for chunk in index.chunks():
                told = fold.read_count
                done = fold.fold_chunk(chunk, file)
                await talk.tell(Advanced(FOLD, done, fold.read_count - told))
        strays = [unpack(said) for said in await talk.meet(pack(fold.strays))]
        told = fold.read_count
        fold.read_for_all(sorted(Place(*place) for found in strays for place in found))
        fold.fold_waiting()
        await talk.tell(Advanced(FOLD, 0, fold.read_count - told))
        offsets = {"lines": fold.read_count - 1} if fold.read_count else {}
        await tell_parts(talk, fold.state, self.groups, offsets, fold.read_count)

    async def _look(self, talk: Talk, file: BinaryIO) -> tuple[list[LineIndex], list[int]]:
        """The index of each part of the file, and the lines by bucket of keys in all of them."""
        begin, end = (self.size * part // self.count for part in (self.number, self.number + 1))
        told = 0
        for index in LineIndex.write(self._path(self.number), file, begin, end, size=self.size):
            await talk.tell(Advanced(LOOK, index.end - max(index.start, told)))
            told = index.end
        heard = [unpack(said) for said in await talk.meet(pack((index.start, index.counts.tolist())))]
        indexes = [LineIndex(self._path(part), start) for part, (start, _) in enumerate(heard)]
        return indexes, np.sum([counts for _, counts in heard], axis=0)[:KEY_BUCKETS].tolist()

    def _path(self, part: int) -> Path:
        return self.folder / f"lines-{part}"


class LineFold:
    """What one share makes of lines.

    Args:
        number: of the share.
        rules: of the deployment.
        owners: the share of each bucket of keys.
        line_at: reads a line again.
        reopened: leave out the closes of this year and of later ones.

    Attributes:
        state: what was folded.
        read_count: lines accounted here.
        strays: lines that turned out to be somebody else's, or everybody's.
    """

    def __init__(
        self,
        number: int,
        rules: Rules,
        owners: bytes,
        line_at: Callable[[Place], bytes],
        *,
        reopened: int | None = None,
    ) -> None:
        self.state = PartitionState(number, rules)
        self.read_count = 0
        self.strays: list[Place] = []
        self._line_at = line_at
        self._mine = np.zeros(256, np.bool_)
        self._mine[: len(owners)] = np.frombuffer(owners, np.uint8) == number
        self._buckets = _Buckets()
        self._settled_count = 0
        self._closes = FileCloses(reopened)
        self._waiting: dict[int, array[int]] = {}  # by the year that is closed to them: start and length of lines

    def fold_chunk(self, chunk: Chunk, file: BinaryIO) -> int:
        """Fold the lines of a chunk that are of this share's buckets; returns their bytes."""
        wanted = self._mine[chunk.buckets]
        seemed, buckets, closes = chunk.buckets.tobytes(), self._buckets, bool(self._closes)
        for number, line in chunk.lines(file, wanted):
            try:
                fact = read_line(line)
            except Rejected:
                self._refuse()
                continue
            key_of = _KEY_OF.get(fact.type)
            if key_of is None or buckets[key_of(fact.data)] != seemed[number]:
                self.strays.append(chunk.place(number))
            elif closes and (year := self._closed_to(fact)):
                self._wait(year, chunk.place(number))
            else:
                self._apply(fact)
        if self.read_count - self._settled_count >= SETTLED_RECORDS:
            self._settle()
        return int(chunk.lengths[wanted].sum()) + int(wanted.sum())

    def read_for_all(self, places: Iterable[Place]) -> int:
        """Read lines that every share reads: all fold the control facts, before each folds its own of the others.

        Returns:
            Bytes of these lines.
        """
        control: list[tuple[int, Place, Fact]] = []
        done = 0
        for place in places:
            done += place.length + 1
            try:
                fact = read_line(self._line_at(place))
            except Rejected:
                if self.state.partition == ACCOUNTANT:
                    self._refuse()
                continue
            if (key_of := _KEY_OF.get(fact.type)) is None:
                control.append((fact.recorded_ms, place, fact))
            elif self._mine[self._buckets[key_of(fact.data)]]:
                self._wait(NO_YEAR, place)  # what waits is only where it stands: there may be many
        if control:
            self._control(control)
        for start, length in _pairs(self._waiting.pop(NO_YEAR, array("q"))):
            fact = read_line(self._line_at(Place(start, length)))
            if year := self._closed_to(fact):
                self._wait(year, Place(start, length))
            else:
                self._apply(fact)
        return done

    def _control(self, control: list[tuple[int, Place, Fact]]) -> None:
        """Fold control facts in the order of their recorded times: a file has no other."""
        control.sort(key=lambda known: (known[0], known[2].type == PERIOD_CLOSED, known[1]))
        self._closes.learn(control)
        self.state.control([self._closes.judged(recorded_ms, place, fact) for recorded_ms, place, fact in control])
        if self.state.partition == ACCOUNTANT:
            self.read_count += len(control)

    def fold_waiting(self) -> None:
        """Fold the sales that were recorded after a close, when all that were recorded before it are folded."""
        for year in sorted(self._waiting):
            for start, length in _pairs(self._waiting.pop(year)):
                self._apply(read_line(self._line_at(Place(start, length))))
                if self.read_count - self._settled_count >= SETTLED_RECORDS:
                    self._settle()

    def _closed_to(self, fact: Fact) -> int:
        """The last year closed to a sale or void when it was recorded."""
        return self.state.tree.closing.year_for(fact.recorded_ms) if fact.type in _SALE_TYPES else NO_YEAR

    def _wait(self, year: int, place: Place) -> None:
        self._waiting.setdefault(year, array("q")).extend(place)

    def _apply(self, fact: Fact) -> None:
        self.read_count += 1
        try:
            self.state.apply(fact)
        except Rejected:
            self.state.account(DEAD_LETTERED)

    def _refuse(self) -> None:
        self.read_count += 1
        self.state.account(DEAD_LETTERED)

    def _settle(self) -> None:
        """Merge and settle what was taken, so that it no longer waits in memory."""
        self._settled_count = self.read_count
        self.state.outcomes()
        self.state.refused()  # accounted; nobody asks which


class FileCloses:
    """The closes of a file; what stands before what is told by recorded times alone, not by places.

    Args:
        reopened: leave out the closes of this year and of later ones.
    """

    def __init__(self, reopened: int | None) -> None:
        self._reopened = reopened
        self._known: list[tuple[int, Place, int]] = []

    def __bool__(self) -> bool:
        return bool(self._known)

    def learn(self, control: Iterable[tuple[int, Place, Fact]]) -> None:
        """Take in the closes among control facts."""
        for recorded_ms, place, fact in control:
            if fact.type == PERIOD_CLOSED and (self._reopened is None or fact.data.year < self._reopened):
                try:
                    refuse_early_close(fact)
                except Rejected:
                    continue
                self._known.append((recorded_ms, place, fact.data.year))
        self._known.sort()

    def judged(self, recorded_ms: int, place: Place, fact: Fact) -> Fact | None:
        """The fact, or None if it can't count: it comes too late, or is a close that is left out."""
        if fact.type == PERIOD_CLOSED:
            return fact if (recorded_ms, place, fact.data.year) in self._known else None
        closing = Closing()
        for closed_ms, _, year in self._known:
            if closed_ms < recorded_ms:
                closing.add(year, closed_ms)
        try:
            refuse_late_control(fact, closing)
        except Rejected:
            return None
        return fact


class _Buckets(dict[str, int]):
    """Keys to their buckets, remembered."""

    def __missing__(self, key: str) -> int:
        if len(self) >= CACHE_ENTRIES_MAX:
            self.clear()
        bucket = self[key] = bucket_of(key)
        return bucket


_KEY_OF: Final[dict[str, Callable[[Any], str]]] = {
    short: attrgetter(row.key_field) for short, row in BY_SHORT.items() if row.topic != CONTROL
}
"""The right key of a fact of this type; control facts have none: they are for all."""

_SALE_TYPES: Final = frozenset(short for short, row in BY_SHORT.items() if row.topic == SALES)


def _pairs(numbers: array[int]) -> Iterator[tuple[int, int]]:
    return zip(numbers[::2], numbers[1::2], strict=True)
