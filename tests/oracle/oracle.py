"""O1: every board from the whole log, from scratch, in plain Python.

Written from docs/reference/semantics.md alone; it imports nothing of the product. Slow on purpose: no state is kept
between two calls, nothing is updated by difference, nothing is cached beyond one call.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from tests.oracle.closing import Said, Years, refuse_early, zone_of
from tests.oracle.schema import Bad, days_of, instant_ms, read, recorded_ms

Cell = tuple[int, int, int, int]
Row = tuple[int, str, int, Cell, int | None]
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
METRICS = ("revenue", "quantity", "count")
DAY_MS = 86_400_000
TEXTS = ("product_id", "category", "channel", "returns")


def canonical(value: object) -> str:
    """RFC 8785 for texts, integers, null, lists and objects with plain ASCII names."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def buckets_of(day: dt.date) -> list[str]:
    year, week, _ = day.isocalendar()
    return [day.isoformat(), f"{year:04}-W{week:02}", f"{day:%Y-%m}", f"{day:%Y}-Q{(day.month + 2) // 3}", f"{day:%Y}"]


class Oracle:
    """What a set of lines means.

    Attributes:
        outcomes: how many lines had which outcome, in the order in which the lines were given.
        dead: why lines were refused.
    """

    def __init__(self, base_currency: str, default_zone: str) -> None:
        self.base_currency, self.default_zone = base_currency, default_zone
        self.years: Years | None = None  # only known when every line is: see `boards`
        self.outcomes: Counter[str] = Counter()
        self.dead: list[str] = []
        self.best: dict[tuple[Any, ...], tuple[Any, ...]] = {}  # key of a fact -> the greatest rank seen
        self.scoped: dict[tuple[str, str, str], dict[str, Cell]] = defaultdict(dict)  # (unit, members, bucket)
        self.whole: dict[tuple[str, str], dict[str, Cell]] = defaultdict(dict)  # (kind, bucket)
        self.effective: list[tuple[str, str, dt.date, Cell]] = []  # (rep, unit, day, what the line adds)

    # ---- 1. facts
    def take(self, line: bytes | str | dict[str, Any]) -> None:
        try:
            key, rank = self.fact(line)
        except Bad as bad:
            self.refuse(str(bad))
            return
        known = self.best.get(key)
        if known is None or rank > known:
            self.best[key] = rank
            self.outcomes["superseded" if key[0] == "line" and ("void", *key[1:]) in self.best else "applied"] += 1
        else:
            self.outcomes["duplicate" if rank == known else "superseded"] += 1

    def refuse(self, why: str) -> None:
        self.dead.append(why)
        self.outcomes["dead_lettered"] += 1

    def fact(self, line: bytes | str | dict[str, Any]) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        kind, source, data, envelope = read(line)
        recorded = recorded_ms(data, envelope)
        match kind:
            case "period.closed.v1":
                refuse_early(data["year"], recorded)
                return (kind, data["year"]), ()
            case "sale.recorded.v1":
                occurred = instant_ms(data["occurred_at"])
                if data["currency"] != self.base_currency:
                    raise Bad("currency_unknown")
                if occurred - recorded > DAY_MS:
                    raise Bad("in_the_future")
                rank: tuple[Any, ...] = (
                    data["revision"],
                    occurred,
                    data["unit_id"],
                    data["amount_minor"],
                    data["quantity"],
                )
                texts = tuple(data[name] or "" for name in TEXTS)
                return ("line", source, data["sale_id"], data["line"], data["rep_id"]), rank + texts
            case "sale.voided.v1":
                return ("void", data["sale_source"] or source, data["sale_id"], data["line"], data["rep_id"]), ()
            case "target.set.v1" | "target.withdrawn.v1":
                subject = data["subject"]
                rank = (data["revision"], int(kind == "target.withdrawn.v1"), canonical(data))
                return ("target", subject["type"], subject["id"], data["bucket"], data["metric"]), rank
        owner = data["rep_id"] if kind.startswith("rep.") else data["unit_id"]
        return (kind, owner, data["effective_on"]), (data["revision"], canonical(data))

    # ---- 2. and 3. zones and trees
    def settle(self) -> None:
        """Everything read: arrange the winning org and rep facts, then add up the lines."""
        self.placements: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.homes: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.targets: dict[tuple[str, str, str, str], int] = {}
        for key, rank in self.best.items():
            if key[0] == "unit.placed.v1":
                self.placements[key[1]].append(json.loads(rank[1]))
            elif key[0] == "rep.joined.v1":
                self.homes[key[1]].append(json.loads(rank[1]))
            elif key[0] == "target" and not rank[1] and (value := json.loads(rank[2])["value"]) > 0:
                self.targets[key[1], key[2], key[3], key[4]] = value
        for facts in (*self.placements.values(), *self.homes.values()):
            facts.sort(key=lambda fact: fact["effective_on"])
        for key, rank in self.best.items():
            if key[0] == "line" and ("void", *key[1:]) not in self.best:
                self.credit(key[4], rank)

    def zone(self, unit: str) -> str:
        return zone_of(unit, self.placements) or self.default_zone

    def day(self, unit: str, occurred: int) -> dt.date:
        zone = self.years.frozen_zone(unit, occurred) if self.years else None
        return (EPOCH + dt.timedelta(milliseconds=occurred)).astimezone(ZoneInfo(zone or self.zone(unit))).date()

    def placement(self, unit: str, day: dt.date) -> dict[str, Any]:
        past = [p for p in self.placements.get(unit, ()) if p["effective_on"] <= day.isoformat()]
        return past[-1] if past else {"parent_id": None, "level": None}

    def chain(self, unit: str | None, day: dt.date) -> list[str]:
        units: list[str] = []
        while unit is not None and unit not in units and len(units) < 32:
            units.append(unit)
            unit = self.placement(unit, day)["parent_id"]
        return units

    def home(self, rep: str, day: dt.date) -> str | None:
        past = [fact["unit_id"] for fact in self.homes.get(rep, ()) if fact["effective_on"] <= day.isoformat()]
        return past[-1] if past else None

    # ---- 4. cells
    def credit(self, rep: str, rank: tuple[Any, ...]) -> None:
        _, occurred, unit, amount, quantity, *_, returns = rank
        day = self.day(unit, occurred)
        cell: Cell = (amount, quantity, -1 if returns else 1, 1)
        self.effective.append((rep, unit, day, cell))
        chain = self.chain(unit, day)
        for bucket in buckets_of(day):
            add(self.whole["rep", bucket], rep, cell)
            for place, member in enumerate(chain):
                add(self.scoped[member, "rep", bucket], rep, cell)
                add(self.whole["unit", bucket], member, cell)
                level = self.placement(member, day)["level"]
                if level is not None and level != "rep":
                    for scope in chain[place + 1 :]:
                        add(self.scoped[scope, level, bucket], member, cell)

    # ---- 5. boards
    def board(self, name: str) -> list[Row]:
        """The rows of a board in total order: (rank, member, score, cell, target on attainment boards)."""
        unit, members, metric, bucket = name.rsplit("/", 3)
        scores: list[tuple[int, str, Cell, int | None]]
        if metric.startswith("attainment-"):
            scores = self.attainment(unit, members, metric.removeprefix("attainment-"), bucket)
        else:
            part = METRICS.index(metric)
            cells = self.scoped.get((unit, members, bucket), {})
            scores = [(cell[part], member, cell, None) for member, cell in cells.items() if cell[3] > 0]
        scores.sort(key=lambda row: (-row[0], row[1].encode()))
        better = Counter(row[0] for row in scores)
        ranks, above = {}, 0
        for score in sorted(better, reverse=True):
            ranks[score], above = above + 1, above + better[score]
        return [(ranks[score], member, score, cell, target) for score, member, cell, target in scores]

    def attainment(self, unit: str, members: str, metric: str, bucket: str) -> list[tuple[int, str, Cell, int | None]]:
        last, kind = days_of(bucket)[1], "rep" if members == "rep" else "unit"
        rows: list[tuple[int, str, Cell, int | None]] = []
        for (of, member, when, what), target in self.targets.items():
            if (of, when, what) != (kind, bucket, metric):
                continue
            if kind == "rep":
                stands = unit in self.chain(self.home(member, last), last)
            else:
                stands = self.placement(member, last)["level"] == members and unit in self.chain(member, last)[1:]
            if stands:
                cell = self.whole.get((kind, bucket), {}).get(member, (0, 0, 0, 0))
                rows.append((cell[METRICS.index(metric)] * 1_000_000 // target, member, cell, target))
        return rows

    def digest(self, name: str) -> str:
        """What anyone with the log computes again."""
        rows = [
            [str(rank), member, str(score), [str(part) for part in cell], None if target is None else str(target)]
            for rank, member, score, cell, target in self.board(name)
        ]
        return "sha256:" + hashlib.sha256(canonical([name, rows]).encode()).hexdigest()

    def all_board_names(self) -> list[str]:
        """Every board that lists anybody, sorted."""
        names = [f"{unit}/{members}/{metric}/{bucket}" for (unit, members, bucket) in self.scoped for metric in METRICS]
        for kind, member, bucket, metric in self.targets:
            last = days_of(bucket)[1]
            if kind == "rep":
                members, above = "rep", self.chain(self.home(member, last), last)
            else:
                members, above = self.placement(member, last)["level"], self.chain(member, last)[1:]
            if members is not None and (kind == "rep") == (members == "rep"):
                names += [f"{unit}/{members}/attainment-{metric}/{bucket}" for unit in above]
        return sorted(set(names))

    # ---- 6. outcomes
    @property
    def read(self) -> int:
        """Lines read; every one of them has exactly one outcome."""
        return self.outcomes.total()

    @property
    def dead_lettered(self) -> int:
        """Lines that no order of the log could make count."""
        return self.outcomes["dead_lettered"]


def add(cells: dict[str, Cell], member: str, cell: Cell) -> None:
    old = cells.get(member, (0, 0, 0, 0))
    cells[member] = (old[0] + cell[0], old[1] + cell[1], old[2] + cell[2], old[3] + cell[3])


def said_of(oracle: Oracle, line: bytes | str | dict[str, Any]) -> Said | None:
    try:
        kind, _, data, envelope = read(line)
        return Said(kind, *oracle.fact(line), data, recorded_ms(data, envelope))
    except Bad:
        return None


def boards(
    lines: Iterable[bytes | str | dict[str, Any]], base_currency: str = "CNY", default_zone: str = "Asia/Shanghai"
) -> Oracle:
    """What the whole log means; lines that are no events of ours are counted as dead letters and ignored."""
    oracle = Oracle(base_currency, default_zone)
    said = [line for line in lines if not isinstance(line, bytes | str) or line.strip()]
    oracle.years = Years([said_of(oracle, line) for line in said], default_zone)
    for line, late in zip(said, oracle.years.late, strict=True):
        if late:
            oracle.refuse("too_late")
        else:
            oracle.take(line)
    oracle.settle()
    return oracle
