"""How often Python looks for garbage in cycles: seldom, where much is made and little of it is in cycles."""

from __future__ import annotations

import gc

YOUNG_OBJECTS = 50_000
"""So many new ones are kept before those among them are looked at; Python's own 700 would be a few records."""

COLLECTIONS = 20
"""Of the young before the middle-aged are looked at, and of those before the old."""


def collect_seldom() -> None:
    """Tell Python so. Records, rows and changes hold no cycles: they go when nobody holds them any more.

    It took a third of the time of packing changes. What is in cycles (tasks that failed, mostly) waits a little longer.
    """
    gc.set_threshold(YOUNG_OBJECTS, COLLECTIONS, COLLECTIONS)
