"""Trees that the partitions of a process share: all of them fold the same control stream.

Each step of the stream makes another tree and leaves the one before as it was. Whoever takes the same step from the
same tree gets the same tree, with everything that was derived from it already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from domain.accounting import DEAD_LETTERED
from domain.org import OrgTree
from events.facts import Fact

STEPS_KEPT: Final = 4
"""Partitions take their steps side by side, so the last few are enough."""


class Step(NamedTuple):
    """A step along the control stream.

    Attributes:
        before: the tree that it starts from.
        facts: what it folds; None for a record that could not be read.
        after: the tree that it leads to.
        outcomes: what became of each fact.
    """

    before: OrgTree
    facts: tuple[Fact | None, ...]
    after: OrgTree
    outcomes: tuple[str, ...]

    def is_from(self, tree: OrgTree, facts: Sequence[Fact | None]) -> bool:
        """Whether it is the step by these very facts from that very tree."""
        same = self.before is tree and len(self.facts) == len(facts)
        return same and all(mine is other for mine, other in zip(self.facts, facts, strict=True))


_steps: deque[Step] = deque(maxlen=STEPS_KEPT)


@lru_cache(maxsize=STEPS_KEPT)
def empty_tree(default_zone: str) -> OrgTree:
    """The tree before the first record. Not to be changed: see `step`.

    Raises:
        ValueError: the zone does not exist.
    """
    return OrgTree(default_zone)


def step(tree: OrgTree, facts: Sequence[Fact | None]) -> Step:
    """Fold control facts in log order into another tree. Neither tree may be changed by anybody, ever."""
    for known in _steps:
        if known.is_from(tree, facts):
            return known
    after = tree.copy()
    outcomes = tuple([DEAD_LETTERED if fact is None else after.apply(fact) for fact in facts])
    made = Step(tree, tuple(facts), after, outcomes)
    _steps.append(made)
    return made
