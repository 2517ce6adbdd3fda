"""What the boards must say at any offsets: the oracle, moved forward partition by partition.

A partition's oracle is ``tests.oracle`` over the partition's own prefix. Between two stops only lines that changed are
credited again, where the oracle's own `credit` puts them; all are, when the tree changed. Only watched boards are kept.
That it ends where the oracle from scratch ends is checked whenever it is used.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.source_log import CONTROL, SOURCES, SourceLog, Vector
from tests.oracle.oracle import Cell, Oracle, Row, add

BASE_CURRENCY, DEFAULT_ZONE = "CNY", "Asia/Shanghai"
NOTHING: Vector = (-1, -1, -1, -1)
PROBE = "the rep of a line"

Scoped = tuple[str, str, str]
Whole = tuple[str, str]
Places = list[tuple[dict[str, Cell], str]]
"""Watched cells that a line counts in, and as which member; `PROBE` stands for its rep."""
AsOf = tuple[Vector, ...]
"""A vector for each partition."""


class NotInOrder(AssertionError):  # noqa: N818 - what is wrong with an answer
    """Two as_of of a partition of which neither is a prefix of the other: one of them was never a state."""


@dataclass(frozen=True)
class Watched:
    """The boards that are looked at, and what they are made of."""

    boards: tuple[str, ...]
    scoped: frozenset[Scoped] = field(init=False)
    whole: frozenset[Whole] = field(init=False)

    def __post_init__(self) -> None:
        parts = [board.rsplit("/", 3) for board in self.boards]
        object.__setattr__(self, "scoped", frozenset((u, m, b) for u, m, metric, b in parts if not is_goal(metric)))
        object.__setattr__(self, "whole", frozenset(("rep" if m == "rep" else "unit", b) for _, m, _, b in parts))


def is_goal(metric: str) -> bool:
    """Whether it is a metric of attainment."""
    return metric.startswith("attainment-")


@dataclass
class Stop:
    """A partition's part of the watched boards at a vector.

    Attributes:
        scoped: cells of sales boards.
        whole: cells that attainment is made of.
        targets: (kind, member, bucket, metric) to the target.
        stands: attainment board to the members that stand on it.
    """

    scoped: dict[Scoped, dict[str, Cell]] = field(default_factory=dict)
    whole: dict[Whole, dict[str, Cell]] = field(default_factory=dict)
    targets: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    stands: dict[str, dict[str, int]] = field(default_factory=dict)


class PartOracle(Oracle):
    """One partition's oracle, moved forward."""

    def __init__(self, watched: Watched) -> None:
        super().__init__(BASE_CURRENCY, DEFAULT_ZONE)
        self._watched = watched
        self._touched: set[tuple[Any, ...]] = set()
        self._credited: dict[tuple[Any, ...], tuple[tuple[Any, ...], Places]] = {}
        self._places: dict[tuple[str, int], Places] = {}  # of a unit and an instant, as the tree stands
        self._paths: dict[tuple[Any, ...], Places] = {}  # of a day and a chain with its levels, for good
        self._chains: dict[Any, list[str]] = {}
        self._zones: dict[str, str] = {}
        self._placements: dict[Any, dict[str, Any]] = {}
        self._cells: dict[Scoped | Whole, dict[str, Cell]] = {key: {} for key in watched.scoped}
        self._cells |= {key: {} for key in watched.whole}
        self.settle()

    # ---- the oracle's answers, remembered as long as the tree stands
    def fact(self, line: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        key, rank = super().fact(line)
        self._touched.add(key)
        return key, rank

    def chain(self, unit: str | None, day: Any) -> list[str]:
        if (known := self._chains.get((unit, day))) is None:
            known = self._chains[unit, day] = super().chain(unit, day)
        return known

    def zone(self, unit: str) -> str:
        if (known := self._zones.get(unit)) is None:
            known = self._zones[unit] = super().zone(unit)
        return known

    def placement(self, unit: str, day: Any) -> dict[str, Any]:
        if (known := self._placements.get((unit, day))) is None:
            known = self._placements[unit, day] = super().placement(unit, day)
        return known

    # ---- moving forward
    def stop(self) -> Stop:
        """Bring the watched boards up to the lines taken so far."""
        kinds = {key[0] for key in self._touched}
        if not kinds <= {"line", "void"}:
            everything = self.best
            self.best = {key: rank for key, rank in everything.items() if key[0] not in ("line", "void")}
            self.settle()  # the tree, homes and targets alone
            self.best = everything
        lines = {("line", *key[1:]) for key in self._touched if key[0] in ("line", "void")}
        if "unit.placed.v1" in kinds:
            for known in (self._chains, self._zones, self._placements, self._places):
                known.clear()
            lines = {key for key in self.best if key[0] == "line"}
        for key in lines:
            self._credit_again(key)
        self._touched.clear()
        return self._copied()

    def _credit_again(self, key: tuple[Any, ...]) -> None:
        """Take back what a line added, and add what it says now, where it counts now."""
        old, rank = self._credited.get(key), self.best.get(key)
        counts = rank is not None and ("void", *key[1:]) not in self.best
        new = (rank, self._places_of(rank[2], rank[1])) if rank is not None and counts else None
        if old is not None and new is not None and old[0] == new[0] and old[1] is new[1]:
            return
        for credited, sign in ((old, -1), (new, 1)):
            if credited is not None:
                (_, _, _, amount, quantity, *_, returns), places = credited
                cell = sign * amount, sign * quantity, -sign if returns else sign, sign
                for cells, member in places:
                    add(cells, key[4] if member is PROBE else member, cell)
        if new is None:
            self._credited.pop(key, None)
        else:
            self._credited[key] = new

    def _places_of(self, unit: str, occurred: int) -> Places:
        """The watched cells that a line counts in: those into which the oracle credits a probe."""
        known = self._places.get((unit, occurred))
        if known is None:
            day = self.day(unit, occurred)
            path = day, *((member, self.placement(member, day)["level"]) for member in self.chain(unit, day))
            if (known := self._paths.get(path)) is None:
                known = self._paths[path] = self._probed(unit, occurred)
            self._places[unit, occurred] = known
        return known

    def _probed(self, unit: str, occurred: int) -> Places:
        self.scoped, self.whole, self.effective = defaultdict(dict), defaultdict(dict), []
        self.credit(PROBE, (0, occurred, unit, 1, 1, "", "", "", ""))
        credited: dict[Any, dict[str, Cell]] = {**self.scoped, **self.whole}
        return [(self._cells[key], member) for key, cells in credited.items() if key in self._cells for member in cells]

    def _copied(self) -> Stop:
        watched = self._watched
        stop = Stop(
            {key: dict(self._cells[key]) for key in watched.scoped},
            {key: dict(self._cells[key]) for key in watched.whole},
            {key: target for key, target in self.targets.items() if (key[0], key[2]) in watched.whole},
        )
        for board in watched.boards:
            unit, members, metric, bucket = board.rsplit("/", 3)
            if is_goal(metric):
                rows = self.attainment(unit, members, metric.removeprefix("attainment-"), bucket)
                stop.stands[board] = {member: target for _, member, _, target in rows if target is not None}
        return stop


class WholeOracle(Oracle):
    """The watched boards at one as_of: the partitions' parts added up."""

    def __init__(self, stops: Iterable[Stop]) -> None:
        super().__init__(BASE_CURRENCY, DEFAULT_ZONE)
        self.targets: dict[tuple[str, str, str, str], int] = {}
        self._stands: dict[str, dict[str, int]] = defaultdict(dict)
        for stop in stops:
            for scope, cells in stop.scoped.items():
                _add_all(self.scoped[scope], cells)
            for kind, cells in stop.whole.items():
                _add_all(self.whole[kind], cells)
            self.targets.update(stop.targets)
            for board, members in stop.stands.items():
                self._stands[board].update(members)

    def attainment(self, unit: str, members: str, metric: str, bucket: str) -> list[tuple[int, str, Cell, int | None]]:
        rows = []
        for member, target in self._stands[f"{unit}/{members}/attainment-{metric}/{bucket}"].items():
            total, cell = self.progress("rep" if members == "rep" else "unit", member, bucket, metric)
            rows.append((total * 1_000_000 // target, member, cell, target))
        return rows  # type: ignore[return-value]

    def progress(self, kind: str, member: str, bucket: str, metric: str) -> tuple[int, Cell]:
        """A member's whole total and cell."""
        cell = self.whole.get((kind, bucket), {}).get(member, (0, 0, 0, 0))
        return cell[("revenue", "quantity", "count").index(metric)], cell


def _add_all(into: dict[str, Cell], cells: Mapping[str, Cell]) -> None:
    for member, cell in cells.items():
        add(into, member, cell)


class Truth:
    """What the watched boards must say at each as_of that was answered.

    Args:
        log: everything, read to its end.
        boards: the watched ones.
    """

    def __init__(self, log: SourceLog, boards: Collection[str]) -> None:
        self._log = log
        self._watched = Watched(tuple(boards))
        self._stops: dict[tuple[int, Vector], Stop] = {}
        self._whole: dict[AsOf, WholeOracle] = {}
        self.vector_count = 0

    def prepare(self, answered: Iterable[AsOf]) -> None:
        """Fold every partition once, stopping at every vector that an answer named.

        Raises:
            NotInOrder: two vectors of a partition are no prefixes of each other.
        """
        vectors: dict[int, set[Vector]] = defaultdict(set)
        for as_of in answered:
            for partition, at in enumerate(as_of):
                vectors[partition].add(at)
        self.vector_count = sum(map(len, vectors.values()))
        for partition, found in vectors.items():
            self._fold(partition, sorted(found))

    def _fold(self, partition: int, stops: list[Vector]) -> None:
        oracle, last = PartOracle(self._watched), NOTHING
        for stop in stops:
            if any(new < old for new, old in zip(stop, last, strict=True)):
                raise NotInOrder(f"partition {partition}: {last} and {stop}")
            if any(at > end for at, end in zip(stop, self._log.ends(partition), strict=True)):
                raise NotInOrder(f"partition {partition}: {stop} is ahead of the log {self._log.ends(partition)}")
            for number, source in enumerate((*SOURCES, CONTROL)):
                lines = self._log.lines[source, partition if source != CONTROL else 0]
                for line in lines[last[number] + 1 : stop[number] + 1]:
                    if line is not None:
                        oracle.take(line)
            self._stops[partition, stop] = oracle.stop()
            last = stop

    def at(self, as_of: AsOf) -> WholeOracle:
        """The boards at an as_of that was prepared."""
        if as_of not in self._whole:
            self._whole[as_of] = WholeOracle(self._stops[partition, at] for partition, at in enumerate(as_of))
        return self._whole[as_of]

    def board(self, name: str, as_of: AsOf) -> list[Row]:
        """A watched board's rows."""
        return self.at(as_of).board(name)


def oracle_of(log: SourceLog) -> Oracle:
    """Everything that was ever said, as one oracle from scratch; away records count where they were forwarded to."""
    oracle = Oracle(BASE_CURRENCY, DEFAULT_ZONE)
    for lines in log.lines.values():
        for line in lines:
            if line is not None:
                oracle.take(line)
    oracle.settle()
    return oracle
