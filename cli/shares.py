"""How many processes fold a log or a file."""

from __future__ import annotations

import os

from processors.replay_processes import run_in_processes
from processors.shares import ALONE, Workers


def workers(processes: int) -> Workers:
    """So many processes; one is this one."""
    return ALONE if processes == 1 else Workers(processes, run_in_processes)


def processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
