"""A ranked board as of one read of the store: its rows, its envelope, its unit. Immutable; rows are encoded once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import msgspec

from api.figures import Period, target_of, text, unit_figures
from api.org_day import OrgDay
from domain.boards import REP, AttainmentGroup, BoardName
from domain.cells import Cell
from domain.ranking import TiePolicy
from domain.standings import Standing, per_day, previous_ranks, standings
from projections.ports import AttainmentView, BoardEntry, Snapshot

State = Literal["live", "stale"]


@dataclass(frozen=True, slots=True)
class BoardRead:
    """What one atomic read gave for a board, and what it is seen with.

    Attributes:
        name: the board.
        version: opaque; changes with anything that the answers depend on but the state.
        snapshot: the store's answer.
        org: tree and roster of the board's roster day.
        today: business day in the zone of the board's unit.
        time_zone: that zone.
        day_cells: today's cells of the members, empty if today is not in the bucket.
        currency: ISO 4217 code of amounts.
        recorded_ms: recorded time of the newest fact folded, UTC milliseconds; 0 if there is none.
        read_at: when it was read.
    """

    name: BoardName
    version: str
    snapshot: Snapshot
    org: OrgDay
    today: str
    time_zone: str
    day_cells: dict[str, Cell]
    currency: str
    recorded_ms: int
    read_at: datetime

    @property
    def goals(self) -> AttainmentView:
        """Whole cells and targets of the members."""
        return self.snapshot.attainments[AttainmentGroup(self.name.member_kind, self.name.bucket)]

    @property
    def unit_goals(self) -> AttainmentView:
        """Whole cells and targets of units."""
        return self.snapshot.attainments[AttainmentGroup("unit", self.name.bucket)]


class BoardSnapshot:
    """The rows and the envelope of a board.

    Args:
        read: what the store gave.
        state: ``stale`` when the store could not be asked again since.
    """

    def __init__(self, read: BoardRead, state: State = "live") -> None:
        self.read = read
        self.state: State = state
        self.name = read.name
        self.entries: Sequence[BoardEntry] = read.snapshot.boards[read.name].entries
        self._standings: dict[TiePolicy, list[Standing]] = {}
        self._previous: dict[TiePolicy, dict[str, int | None]] = {}
        self._rows: dict[tuple[TiePolicy, int], msgspec.Raw] = {}

    def in_state(self, state: State) -> BoardSnapshot:
        """The same board in a state."""
        return self if state == self.state else BoardSnapshot(self.read, state)

    @property
    def version(self) -> str:
        """Names what an answer depends on: offsets, names, today, and whether the board is stale."""
        return self.read.version if self.state == "live" else f"{self.read.version}-{self.state}"

    @cached_property
    def positions(self) -> dict[str, int]:
        """Member to its place in the order."""
        return {entry.member_id: at for at, entry in enumerate(self.entries)}

    @cached_property
    def keys(self) -> list[tuple[int, str]]:
        """The key of every row, ascending in the board's order."""
        return [(-entry.score, entry.member_id) for entry in self.entries]

    @cached_property
    def period(self) -> Period:
        """The bucket as seen today."""
        return Period.of(self.read.org, self.name.unit_id, self.name.bucket, self.read.today)

    @cached_property
    def roster(self) -> list[str]:
        """Who belongs to the board, with or without a row."""
        return self.read.org.members(self.name.unit_id, self.name.members)

    @cached_property
    def absent(self) -> list[tuple[str, str]]:
        """(home unit, member) of the roster without a row, in that order; the home of a unit is empty."""
        org, is_rep = self.read.org, self.name.members == REP
        return sorted(((org.home(m) or "") if is_rep else "", m) for m in self.roster if m not in self.positions)

    # ---- rows
    def standings(self, policy: TiePolicy = "competition") -> list[Standing]:
        """Every row of the board, ranked."""
        if policy not in self._standings:
            self._standings[policy] = standings(
                self.name, self.entries, goals=self.read.goals, names=self._display_name, policy=policy
            )
        return self._standings[policy]

    def previous_rank(self, member_id: str, policy: TiePolicy = "competition") -> int | None:
        """The member's rank on the daily close."""
        if policy not in self._previous:
            self._previous[policy] = previous_ranks(self.name, self.entries, self.read.day_cells, policy)
        return self._previous[policy][member_id]

    def is_tied(self, at: int) -> bool:
        """Whether another member has the same score as the one at this place."""
        score = self.entries[at].score
        return any(0 <= other < len(self.entries) and self.entries[other].score == score for other in (at - 1, at + 1))

    def row(self, at: int, policy: TiePolicy = "competition") -> msgspec.Raw:
        """The row at a place, encoded."""
        found = self._rows.get((policy, at))
        if found is None:
            found = self._rows[policy, at] = msgspec.Raw(msgspec.json.encode(self._row(at, policy)))
        return found

    def _row(self, at: int, policy: TiePolicy) -> dict[str, Any]:
        standing, days_left = self.standings(policy)[at], self.period.selling_days_left
        body = standing.as_json()
        return {
            "rank": body.pop("rank"),
            "previous_rank": self.previous_rank(standing.member_id, policy),
            "is_tied": self.is_tied(at),
            **body,
            "gap_above_per_day": text(per_day(standing.gap_above, days_left)),
            "required_per_day": text(per_day(standing.remaining, days_left)),
            **self._place(standing.member_id),
        }

    def absent_row(self, member_id: str) -> dict[str, Any]:
        """The row of a member of the roster without a line here."""
        org, is_rep = self.read.org, self.name.members == REP
        return {
            "rank": None,
            "member_id": member_id,
            "member_kind": self.name.member_kind,
            "display_name": self._display_name(member_id),
            **self._place(member_id),
            "joined_on": org.joined_on(member_id) if is_rep else None,
        }

    def _display_name(self, member_id: str) -> str:
        return self.read.org.member_name(self.name.members, member_id)

    def _place(self, member_id: str) -> dict[str, Any]:
        """A rep's home, or a unit itself, with the person responsible."""
        org = self.read.org
        unit_id = org.home(member_id) if self.name.members == REP else member_id
        return {
            "unit_id": unit_id,
            "unit_name": None if unit_id is None else org.unit_name(unit_id),
            "leader": org.leader(unit_id),
        }

    # ---- envelope
    @cached_property
    def head(self) -> dict[str, Any]:
        """The envelope, without what depends on the page."""
        read, name = self.read, self.name
        return {
            "board": str(name),
            "unit_id": name.unit_id,
            "members": name.members,
            "metric": name.metric,
            "bucket": name.bucket,
            "currency": read.currency,
            "state": self.state,
            "provisional": self.period.phase == "ended",
            "version": self.version,
            "as_of": as_of_json(read.snapshot.boards[name].as_of),
            "targets_as_of": as_of_json(read.goals.as_of),
            "recorded_through": instant_of(read.recorded_ms) if read.recorded_ms else None,
            "generated_at": instant(read.read_at),
            "member_count": len(self.entries),
            "roster_count": len(self.roster),
            "absent_count": len(self.absent),
            "no_target_count": self._no_target_count,
            "period": self.period.as_json(read.time_zone),
            "unit": {**read.org.describe(name.unit_id), "figures": self._figures},
        }

    @property
    def _no_target_count(self) -> int:
        if self.name.is_attainment:
            return 0
        goals, metric = self.read.goals, self.name.sales_metric
        return sum(target_of(goals, entry.member_id, metric) is None for entry in self.entries)

    @property
    def _figures(self) -> dict[str, Any]:
        read = self.read
        return unit_figures(read.org, self.name.unit_id, self.name.sales_metric, read.unit_goals, self.period)


def as_of_json(as_of: dict[int, dict[str, int]]) -> dict[str, dict[str, int]]:
    """A vector of offsets for JSON, in a fixed order."""
    return {str(p): dict(sorted(as_of[p].items())) for p in sorted(as_of)}


def instant_of(ms: int) -> str:
    """UTC milliseconds as RFC 3339."""
    return instant(datetime.fromtimestamp(ms / 1000, UTC))


def instant(at: datetime) -> str:
    """An instant as RFC 3339 in UTC, to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
