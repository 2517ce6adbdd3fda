"""How much goes wrong in a history, and what: some histories have a lot of one kind."""

from __future__ import annotations

import random
from collections.abc import Callable


class Fates:
    """Chances of a step, if nothing else is said.

    Attributes:
        frozen: that an owner is cut off, and lives on as a zombie.
        killed: that an owner is killed.
        rebalanced: that a worker is assigned its partition again.
        night: that a night is coming.
        projector_killed: that a projector is killed.
        saved: that a copy of the boards is made.
        set_back: that the boards become an older copy of themselves.
        set_back_at_swap: the same right before a swap.
        emptied: that the boards are lost.
        evening: steps from dusk to the night, at most.
        emptied_at_dusk: that they are lost before a night.
        lost_at_last: that they are lost or set back when everything is shown, after all other faults.
        asleep: that a projector sleeps through a night.
        fetches: that a worker fetches a chunk, when it can do something.
        chunk: at most so many records of a source.
        portions: how many records a projector may be given at once.
        lost_chunks: that a fetched chunk is lost before it comes to the owner: somebody empties a queue.
    """

    def __init__(self, rnd: random.Random) -> None:
        self.frozen = rnd.choice((0.005, 0.03))
        self.killed = rnd.choice((0.005, 0.03))
        self.rebalanced = rnd.choice((0.01, 0.05))
        self.night = rnd.choice((0.004, 0.012, 0.03))
        self.projector_killed = rnd.choice((0.005, 0.02))
        self.saved = 0.02
        self.set_back = rnd.choice((0.003, 0.02))
        self.set_back_at_swap = 5 * self.set_back
        self.emptied = rnd.choice((0.001, 0.006))
        self.evening, self.emptied_at_dusk = 40, 0.4
        self.lost_at_last = 0.2
        self.asleep = 0.5
        self.fetches, self.chunk = rnd.choice(((0.4, 7), (0.08, 3)))
        self.portions: tuple[int, int, int] = rnd.choice(((0, 2, 5), (0, 12, 60)))
        self.lost_chunks = 0.01

    def end(self) -> None:
        """No more faults, and no more slowness."""
        self.saved = self.set_back = self.set_back_at_swap = self.emptied = self.lost_chunks = 0.0
        self.fetches, self.chunk, self.portions = 0.5, 9, (20, 60, 60)


class LongNights(Fates):
    """Boards are lost at dusk, and whoever builds them anew sleeps in the middle of it."""

    def __init__(self, rnd: random.Random) -> None:
        super().__init__(rnd)
        self.night, self.evening, self.emptied_at_dusk, self.asleep = 0.1, 60, 0.9, 1.0
        self.portions, self.fetches, self.chunk = (0, 1, 3), 0.12, 3


class Restores(Fates):
    """Older copies of the boards come back, often in the middle of a build."""

    def __init__(self, rnd: random.Random) -> None:
        super().__init__(rnd)
        self.night, self.emptied_at_dusk, self.asleep = 0.1, 0.3, 0.3
        self.saved, self.set_back, self.set_back_at_swap, self.emptied = 0.1, 0.01, 0.7, 0.05
        self.portions, self.fetches, self.chunk = (0, 2, 5), 0.06, 2


class Rivals(Fates):
    """One projector sleeps and rebuilds what the other one goes on with."""

    def __init__(self, rnd: random.Random) -> None:
        super().__init__(rnd)
        self.night, self.evening, self.emptied_at_dusk, self.asleep = 0.1, 20, 0.0, 0.5
        self.portions, self.fetches, self.chunk = (0, 2, 5), 0.2, 3


def lossless(fates: Callable[[random.Random], Fates]) -> Callable[[random.Random], Fates]:
    """The same, and no chunk is lost: what a rule about chunks prevents is seen by itself."""

    def made(rnd: random.Random) -> Fates:
        some = fates(rnd)
        some.lost_chunks = 0.0
        return some

    return made


def any_fates(rnd: random.Random) -> Fates:
    """Mostly a bit of everything."""
    dice = rnd.random()
    if dice < 0.7:
        return Fates(rnd)
    return LongNights(rnd) if dice < 0.8 else Restores(rnd) if dice < 0.9 else Rivals(rnd)
