"""How a process keeps its memory: the fold's large arrays, and what looks for garbage."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress
from typing import Final

from domain.row_index import LARGE_BYTES

M_MMAP_THRESHOLD: Final = -3
"""The parameter's number in glibc's ``mallopt(3)``."""

GARBAGE_THRESHOLDS: Final = (50_000, 50, 1_000)
"""Python's own 700 new objects are a few rows; a look at all there is takes a third of a second in the projector."""


def keep_large_arrays_apart() -> None:
    """From here on every array of a MiB has pages of its own, which go back when it is freed; what is free goes back.

    Columns of the ledger and the totals are copied into larger ones as they grow. Once glibc has freed an array, it
    puts all that are no larger among the small things, and what they leave there stays with the process: at five
    million sales a fifth of its memory. A worker asks for it when it has recovered: until then pages that are given
    back only have to be asked for again, which takes an eighth of the time. Elsewhere than on glibc nothing happens.
    """
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        library.malloc_trim(0)


def collect_garbage_seldom() -> None:
    """Have Python look for garbage seldom: rows, records and changes hold no cycles, they go when nobody holds them.

    What a recovery loads and what the boards' writer keeps is looked at again and again otherwise, while records wait.
    """
    gc.set_threshold(*GARBAGE_THRESHOLDS)
