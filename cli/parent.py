"""A process of `up` ends when `up` is gone, however that ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time

PARENT_VARIABLE = "STANDINGS_PARENT_PID"
LOOK_SECONDS = 1.0


def end_with_parent() -> None:
    """Starts to watch the parent if `up` is the parent and the system does not do it for us, as Linux does."""
    parent_pid = os.environ.get(PARENT_VARIABLE)
    if parent_pid is None or sys.platform.startswith("linux"):
        return
    threading.Thread(target=_watch, args=(int(parent_pid),), name="parent-watch", daemon=True).start()


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(LOOK_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)
