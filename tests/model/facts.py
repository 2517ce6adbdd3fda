"""The facts of a history's sources: few keys, many collisions."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import NamedTuple

PARTITIONS = 2
REPS = (("p", "q"), ("x", "y"))  # a rep's facts are all in one partition
UNITS = "abc"  # a unit's sales are in both
REGIONS = "EW"
HOME = "E"
DAYS = "12"
MONTH = "m"
ROOT = "root"


class Sale(NamedTuple):
    """Of one sale the greatest counts; a voided one counts nothing."""

    sale_id: str
    revision: int
    voided: bool
    unit: str
    day: str
    amount: int


class Target(NamedTuple):
    """Of a rep's targets the greatest counts."""

    rep: str
    revision: int
    value: int


class Named(NamedTuple):
    """Of a rep's names the greatest counts."""

    rep: str
    revision: int
    name: str


class Placed(NamedTuple):
    """A control fact: a unit's sales, past and coming, count for this region; of a unit's the greatest counts."""

    unit: str
    revision: int
    region: str


class SourceRecord(NamedTuple):
    """A record of a source; without a fact it is poison."""

    offset: int
    fact: Sale | Target | Named | None


SIZES = {"sales": 16, "targets": 3, "reps": 3}
CONTROL_COUNT = 5


def sources(rnd: random.Random, partition: int) -> dict[str, list[SourceRecord]]:
    """What the sources of a partition hold in the end."""
    reps = REPS[partition]

    def sale() -> Sale:
        return Sale(
            rnd.choice("12345"),
            rnd.randrange(6),
            rnd.random() < 0.15,
            rnd.choice(UNITS),
            rnd.choice(DAYS),
            rnd.choice((1, 10, 100, -10)),
        )

    made: dict[str, Sequence[Sale | Target | Named | None]] = {
        "sales": [sale() if rnd.random() < 0.93 else None for _ in range(SIZES["sales"])],
        "targets": [Target(rnd.choice(reps), rnd.randrange(9), rnd.randrange(99)) for _ in range(SIZES["targets"])],
        "reps": [Named(rnd.choice(reps), rnd.randrange(9), rnd.choice("AB")) for _ in range(SIZES["reps"])],
    }
    return {source: [SourceRecord(i, fact) for i, fact in enumerate(facts)] for source, facts in made.items()}


def control(rnd: random.Random) -> list[Placed]:
    """The control stream."""
    return [Placed(rnd.choice(UNITS), rnd.randrange(9), rnd.choice(REGIONS)) for _ in range(CONTROL_COUNT)]
