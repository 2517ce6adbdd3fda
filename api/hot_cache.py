"""A bounded cache of values read from the store: kept until somebody says they changed, or until they are old.

Requests for the same key share one read. Nothing here knows what the values are.
"""

from __future__ import annotations

import asyncio
import math
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Ages:
    """How old a kept value may get, in seconds.

    Attributes:
        max_seconds: read again after this, whatever was announced.
        min_seconds: not read again before this, whatever was announced.
    """

    max_seconds: float
    min_seconds: float


@dataclass(slots=True)
class _Slot(Generic[V]):
    """One key: the value, and what is known about it."""

    value: V | None = None
    read_at: float = 0.0
    groups: frozenset[str] = frozenset()
    dirty: asyncio.Event = field(default_factory=asyncio.Event)
    reading: asyncio.Task[V] | None = None


class HotCache(Generic[K, V]):
    """Values by key, least recently used dropped first.

    Args:
        load: reads a key's value; gets the kept value, which it may return again.
        groups_of: the names of the groups whose change makes a key's value old.
        entries_max: keys kept.
        ages: bounds of a value's age.
        now: seconds of a clock that never goes back.
    """

    def __init__(
        self,
        load: Callable[[K, V | None], Awaitable[V]],
        groups_of: Callable[[K], Collection[str]],
        *,
        entries_max: int,
        ages: Ages,
        now: Callable[[], float],
    ) -> None:
        self._load = load
        self._groups_of = groups_of
        self._entries_max = entries_max
        self._ages = ages
        self._now = now
        self._slots: OrderedDict[K, _Slot[V]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._slots)

    async def get(self, key: K) -> V:
        """The value of a key, kept or read; whatever ``load`` raises is raised to all who wait for that read."""
        slot = self._slot(key)
        if slot.value is not None and self._is_fresh(slot):
            return slot.value
        if slot.reading is None:
            slot.reading = asyncio.create_task(self._read(key, slot))
            slot.reading.add_done_callback(_retrieve)
        return await asyncio.shield(slot.reading)

    def _slot(self, key: K) -> _Slot[V]:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot()
            while len(self._slots) > self._entries_max:
                self._slots.popitem(last=False)
        self._slots.move_to_end(key)
        return slot

    def _is_fresh(self, slot: _Slot[V]) -> bool:
        age = self._now() - slot.read_at
        if age >= self._ages.max_seconds:
            return False
        return not slot.dirty.is_set() or age < self._ages.min_seconds

    async def _read(self, key: K, slot: _Slot[V]) -> V:
        slot.groups = frozenset(self._groups_of(key))
        slot.dirty.clear()  # before the read: a change during it makes the value old again
        try:
            value = await self._load(key, slot.value)
            slot.groups = frozenset(self._groups_of(key))
            slot.value, slot.read_at = value, self._now()
            return value
        except BaseException:
            slot.read_at = -math.inf  # the next one to ask reads again
            raise
        finally:
            slot.reading = None

    def groups_changed(self, groups: Iterable[str]) -> None:
        """Mark every value old that depends on one of the groups."""
        changed = set(groups)
        for slot in self._slots.values():
            if not changed.isdisjoint(slot.groups):
                slot.dirty.set()

    def anything_changed(self) -> None:
        """Mark every value old."""
        for slot in self._slots.values():
            slot.dirty.set()

    async def wait_until_old(self, key: K) -> None:
        """Wait until a key's value is announced as changed, or as long as a value may be kept."""
        try:
            await asyncio.wait_for(self._slot(key).dirty.wait(), self._ages.max_seconds)
        except TimeoutError:
            return


def _retrieve(task: asyncio.Task[V]) -> None:
    """Look at a failed read even if all who asked for it have gone, so that the loop does not report it as lost."""
    if not task.cancelled():
        task.exception()
