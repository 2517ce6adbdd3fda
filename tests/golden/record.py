"""Records a history and its boards: ``python -m tests.golden.record``. The boards are the oracle's.

Run it only for a change of the rules or of the generator; the difference of the recorded file is then the thing to
review.
"""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

from tests.histories.generator import history
from tests.oracle.oracle import Oracle, boards, canonical

FOLDER = Path(__file__).resolve().parent
HISTORY, BOARDS = FOLDER / "history.jsonl", FOLDER / "boards.json"
SEED, SIZE = 20260521, 90


def recorded_lines() -> list[bytes]:
    """The recorded history."""
    return HISTORY.read_bytes().split(b"\n")[:-1]


def summary(digests: dict[str, str], outcomes: dict[str, int]) -> dict[str, Any]:
    """What is recorded: the boards of a year by name, and one digest over all boards."""
    return {
        "all_boards": "sha256:" + hashlib.sha256(canonical(digests).encode()).hexdigest(),
        "board_count": len(digests),
        "digests": {name: digest for name, digest in sorted(digests.items()) if name.endswith("/2026")},
        "outcomes": dict(sorted(outcomes.items())),
    }


def expected(oracle: Oracle) -> dict[str, Any]:
    """The oracle's summary."""
    digests = {name: oracle.digest(name) for name in oracle.all_board_names() if oracle.board(name)}
    return summary(digests, oracle.outcomes)


def main() -> None:
    lines = [line for line in history(random.Random(SEED), SIZE) if b"\n" not in line and len(line) < 4_000]
    HISTORY.write_bytes(b"".join(line + b"\n" for line in lines))
    BOARDS.write_text(json.dumps(expected(boards(lines)), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
