"""The recorded history gives the recorded boards: by the oracle, and by the product."""

from __future__ import annotations

import json
import random

from tests.golden.record import BOARDS, expected, recorded_lines, summary
from tests.histories.live import straight, stumbling
from tests.oracle.oracle import boards


def test_the_oracle_gives_the_recorded_boards() -> None:
    assert expected(boards(recorded_lines())) == json.loads(BOARDS.read_text(encoding="utf-8"))


async def test_the_product_gives_the_recorded_boards() -> None:
    recorded = json.loads(BOARDS.read_text(encoding="utf-8"))
    for live in (await straight(recorded_lines()), await stumbling(recorded_lines(), random.Random(1), 3)):
        assert summary(await live.digests(), live.outcomes) == recorded
