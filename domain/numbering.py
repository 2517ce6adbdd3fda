"""Numbers for things that come again and again: packed columns hold the number, a table the thing."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Thing = TypeVar("Thing", bound=Hashable)


class Numbering(dict[Thing, int], Generic[Thing]):
    """Things to their numbers 0, 1, 2, ... in the order of first sight; a number is never used for another thing.

    Asking by subscript gives an unseen thing the next number, so that the usual look-up runs without a step of Python.

    >>> seen = Numbering[str]()
    >>> seen["a"], seen["b"], seen["a"], seen.things
    (0, 1, 0, ['a', 'b'])
    """

    __slots__ = ("things",)

    def __init__(self) -> None:
        super().__init__()
        self.things: list[Thing] = []

    def __missing__(self, thing: Thing) -> int:
        number = self[thing] = len(self.things)
        self.things.append(thing)
        return number

    def numbers_of(self, things: Iterable[Thing]) -> NDArray[np.uint32]:
        """The number of each thing."""
        return np.fromiter(map(self.__getitem__, things), np.uint32)
