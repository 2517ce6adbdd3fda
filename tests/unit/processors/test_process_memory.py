"""Large arrays are given back when they are freed, though smaller things were made meanwhile."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

GROW = """
import os, sys
import numpy as np
from processors.process_memory import keep_large_arrays_apart

def resident_mb():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20

if sys.argv[1] == "apart":
    keep_large_arrays_apart()
np.ones(3 << 20)  # freed: from here on glibc takes arrays up to its 24 MiB for small things
before, small = resident_mb(), []
for size in range(4, 24):
    column = np.ones(size << 17)
    small.append([bytes(2_000 + place) for place in range(200)])
    del column
if sys.argv[1] == "afterwards":
    keep_large_arrays_apart()
print(resident_mb() - before)
"""


def grown_mb(how: str) -> int:
    """What is left of columns of 4 to 23 MiB, one after the other, among 8 MB of small things."""
    done = subprocess.run([sys.executable, "-c", GROW, how], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc keeps them")
def test_what_large_arrays_took_goes_back() -> None:
    assert grown_mb("apart") < 20
    assert grown_mb("afterwards") < 20, "what is free already goes back, too"
    assert grown_mb("among small things") > 20, "glibc gives them back by itself: nothing need be asked of it"
