"""The order of a board and the ranks in it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol, TypeVar, assert_never

TiePolicy = Literal["competition", "dense", "ordinal"]
"""Equal scores share a rank and the next one counts everyone better (1, 1, 3), counts better scores (1, 1, 2), or is
broken by the order (1, 2, 3)."""


class Scored(Protocol):
    """A member with a score."""

    @property
    def member_id(self) -> str:
        """Who."""
        ...

    @property
    def score(self) -> int:
        """How much; more is better."""
        ...


AnyScored = TypeVar("AnyScored", bound=Scored)


def order(entries: Iterable[AnyScored]) -> list[AnyScored]:
    """The total order: score descending, member_id ascending by its UTF-8 bytes."""
    return sorted(entries, key=lambda entry: (-entry.score, entry.member_id.encode()))


def ranks(scores: Sequence[int], policy: TiePolicy = "competition") -> list[int]:
    """The rank of each of the scores, which are in descending order.

    >>> ranks([9, 7, 7, 3]), ranks([9, 7, 7, 3], "dense"), ranks([9, 7, 7, 3], "ordinal")
    ([1, 2, 2, 4], [1, 2, 2, 3], [1, 2, 3, 4])

    Raises:
        ValueError: the scores are not in descending order.
    """
    given: list[int] = []
    last: int | None = None
    for position, score in enumerate(scores, start=1):
        if last is not None and score > last:
            raise ValueError("the scores are not in descending order")
        given.append(given[-1] if score == last and policy != "ordinal" else _next_rank(policy, position, given))
        last = score
    return given


def _next_rank(policy: TiePolicy, position: int, given: list[int]) -> int:
    """The rank of a score that is worse than all before it, or that shares with none."""
    match policy:
        case "competition" | "ordinal":
            return position
        case "dense":
            return given[-1] + 1 if given else 1
        case _:
            assert_never(policy)
