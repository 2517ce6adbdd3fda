"""Header layouts: where a sender puts the attributes among a record's headers.

A sender writes the same header names in the same order on every record. Once seen, the values are taken out by
position and the names only compared, which costs half of a dictionary and its look-ups.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Any, Final, NamedTuple

from events.envelope import JUDGED
from events.origin import ORIGIN_HEADER

Header = tuple[str, bytes | None]

TAKEN: Final = (
    "ce_specversion", "content-type", "ce_type", "ce_source", "ce_id", "ce_time", "ce_recordedtime", "ce_partitionkey",
)  # fmt: skip
"""The headers that the short path takes, in its order; a sender may leave out the last three."""

_NEEDED: Final = frozenset(TAKEN[:5])
_UNFIT: Final = {"ce_" + name for name in JUDGED}.difference(TAKEN) | {ORIGIN_HEADER}

HEADERS_MAX: Final = 32
LAYOUTS_MAX: Final = 4
"""Layouts remembered for one number of headers; when there are more, all are forgotten."""


class Layout(NamedTuple):
    """One order of header names.

    Attributes:
        pick: takes the pairs of `TAKEN`, in that order, out of the headers followed by the absent ones.
        absent: a pair without a value for each of `TAKEN` that the sender leaves out.
        others: (index, name) of the headers that nobody looks at.
        names: all names.
    """

    pick: Callable[[Sequence[Header]], Any]  # eight pairs
    absent: tuple[Header, ...]
    others: tuple[tuple[int, str], ...]
    names: tuple[str, ...]

    def has_others(self, headers: Sequence[Header]) -> bool:
        """Whether the headers that nobody looks at are the same ones as ever."""
        return all(headers[index][0] == name for index, name in self.others)


def layout_of(names: Sequence[str]) -> Layout | None:
    """The layout of these header names; None if a record with them is not for the short path."""
    places = {name: index for index, name in enumerate(names)}
    if len(names) > HEADERS_MAX or len(places) < len(names) or not places.keys() >= _NEEDED or _UNFIT & places.keys():
        return None
    others = tuple((index, name) for name, index in places.items() if name not in TAKEN)
    absent = [name for name in TAKEN if name not in places]
    places |= {name: len(names) + index for index, name in enumerate(absent)}
    pick = itemgetter(*[places[name] for name in TAKEN])
    return Layout(pick, tuple((name, None) for name in absent), others, tuple(names))


class Layouts(dict[int, list[Layout]]):
    """The layouts met so far, by number of headers."""

    def learn(self, names: Sequence[str]) -> None:
        """Remember a layout, unless it is known or not for the short path."""
        known = self.get(len(names), [])
        if any(layout.names == tuple(names) for layout in known):
            return
        layout = layout_of(names)
        if layout is not None:
            self[len(names)] = [*known, layout] if len(known) < LAYOUTS_MAX else [layout]
