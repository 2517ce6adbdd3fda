"""A projector as a process of its own: ``python -m tests.integration.projector_process '{"bootstrap_servers": …}'``.

The argument is JSON: the fields of `ProjectorOptions`, the board store's ``url`` and ``prefix``, and ``ready_file``,
which is written when the projector is ready.
"""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

from processors.projector import ProjectorOptions, run_projector
from projections.redis_boards import RedisBoards


def main(told: dict[str, Any]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    ready_file = Path(told.pop("ready_file"))
    boards = RedisBoards.at(told.pop("url"), told.pop("prefix"))

    def on_ready() -> None:
        ready_file.write_text("ready")

    return run_projector(ProjectorOptions(**told), boards, on_ready=on_ready)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
