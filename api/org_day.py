"""The organisation on one day, turned round: who stands below a unit, and who belongs to it."""

from __future__ import annotations

from typing import Any

from domain.boards import REP
from domain.org import OrgTree
from domain.roster import Roster


class OrgDay:
    """The tree and the roster of a day, for reading downwards.

    Args:
        tree: the organisation.
        roster: the reps.
        day: ``YYYY-MM-DD``.
    """

    def __init__(self, tree: OrgTree, roster: Roster, day: str) -> None:
        self._tree, self._roster, self.day = tree, roster, day
        self._homes: dict[str, str] = {}  # reps present on the day
        self._reps_at: dict[str, list[str]] = {}
        self._below: dict[str, list[str]] = {}
        self._selling_days: dict[tuple[str, str, str], int] = {}
        for rep_id in roster.rep_ids():
            home = roster.home(rep_id, day)
            if home is not None and roster.present(rep_id, day):
                self._homes[rep_id] = home
                self._reps_at.setdefault(home, []).append(rep_id)
        for unit_id in sorted({*tree.unit_ids(), *self._reps_at}):
            for above, _ in tree.chain(unit_id, day)[1:]:
                self._below.setdefault(above, []).append(unit_id)

    def is_known(self, unit_id: str) -> bool:
        """Whether the unit was ever placed or has others below it."""
        return bool(self._tree.unit_facts(unit_id)) or unit_id in self._below

    def below(self, unit_id: str) -> list[str]:
        """Every unit strictly below, by id."""
        return self._below.get(unit_id, [])

    def children(self, unit_id: str) -> list[str]:
        """The direct children, by id, without those that are closed."""
        return [u for u in self._tree.children(unit_id, self.day) if not self.is_closed(u)]

    def roots(self) -> list[str]:
        """The units without a parent that have a level or something below them, by id."""
        units = {*self._tree.unit_ids(), *self._below}
        return sorted(
            u
            for u in units
            if len(self._tree.chain(u, self.day)) == 1
            and (self._tree.level(u, self.day) is not None or u in self._below)
            and not self.is_closed(u)
        )

    def is_closed(self, unit_id: str) -> bool:
        """Whether the unit is closed on the day."""
        closed_on = self._tree.closed_on(unit_id)
        return closed_on is not None and closed_on <= self.day

    def members(self, unit_id: str, members: str) -> list[str]:
        """The roster of a board: reps present whose home is the unit or below it, or open units of a level below it."""
        if members != REP:
            return [
                u for u in self.below(unit_id) if self._tree.level(u, self.day) == members and not self.is_closed(u)
            ]
        return sorted(rep for home in (unit_id, *self.below(unit_id)) for rep in self._reps_at.get(home, ()))

    def home(self, rep_id: str) -> str | None:
        """The rep's home, also of one who has left."""
        return self._homes.get(rep_id) or self._roster.home(rep_id, self.day)

    def is_present(self, rep_id: str) -> bool:
        """Whether the rep belongs to its home on the day."""
        return rep_id in self._homes

    def joined_on(self, rep_id: str) -> str | None:
        """The first day the rep is known of at a unit."""
        days = [f["data"]["effective_on"] for f in self._roster.rep_facts(rep_id) if f["type"] == "rep.joined.v1"]
        return min(days, default=None)

    def unit_name(self, unit_id: str) -> str:
        """The unit's name, or its id."""
        return self._tree.name(unit_id, self.day)

    def level(self, unit_id: str) -> str | None:
        """The unit's level."""
        return self._tree.level(unit_id, self.day)

    def member_name(self, members: str, member_id: str) -> str:
        """The display name of a rep or a unit."""
        return self._roster.display_name(member_id) if members == REP else self.unit_name(member_id)

    def leader(self, unit_id: str | None) -> dict[str, str] | None:
        """The person responsible for a unit."""
        rep_id = self._tree.leader(unit_id, self.day) if unit_id is not None else None
        return None if rep_id is None else {"rep_id": rep_id, "name": self._roster.display_name(rep_id)}

    def brief(self, unit_id: str) -> dict[str, Any]:
        """Id, name and level."""
        return {"unit_id": unit_id, "name": self.unit_name(unit_id), "level": self.level(unit_id)}

    def path(self, unit_id: str) -> list[str]:
        """The units from the top down to this one."""
        return [unit for unit, _ in reversed(self._tree.chain(unit_id, self.day))]

    def levels_below(self, unit_id: str) -> list[dict[str, Any]]:
        """The levels that have open units below, from the top down, with their number."""
        counts: dict[str, int] = {}
        depths: dict[str, int] = {}
        for below in self.below(unit_id):
            level = self.level(below)
            if level is None or self.is_closed(below):
                continue
            depth = len(self._tree.chain(below, self.day))
            counts[level] = counts.get(level, 0) + 1
            depths[level] = min(depths.get(level, depth), depth)
        return [{"level": level, "unit_count": counts[level]} for level in sorted(counts, key=lambda x: (depths[x], x))]

    def selling_days(self, unit_id: str, first: str, last: str) -> int:
        """Selling days of a unit from the first day to the last."""
        key = (unit_id, first, last)
        if key not in self._selling_days:
            self._selling_days[key] = self._tree.selling_days(unit_id, first, last)
        return self._selling_days[key]

    def describe(self, unit_id: str) -> dict[str, Any]:
        """The unit as the API shows it, without figures."""
        placed = self.is_known(unit_id)
        return {
            "unit_id": unit_id,
            "name": self.unit_name(unit_id) if placed else None,
            "level": self.level(unit_id),
            "time_zone": self._tree.zone(unit_id),
            "closed_on": self._tree.closed_on(unit_id),
            "leader": self.leader(unit_id),
            "path": [self.brief(unit) for unit in self.path(unit_id)],
            "child_count": len(self.children(unit_id)),
            "levels_below": self.levels_below(unit_id),
        }
