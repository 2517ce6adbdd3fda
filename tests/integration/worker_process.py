"""A worker as a process of its own: ``python -m tests.integration.worker_process '{"bootstrap_servers": …}'``.

The argument is JSON: the fields of `WorkerOptions` as texts and numbers, ``limits`` as an object, and ``ready_file``,
which is written when the worker is ready; it holds the worker's metrics of that moment. ``snapshots``: an object, the
policy.
"""

from __future__ import annotations

import json
import logging
import sys
from functools import partial
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from domain.partition import PartitionState, Rules
from events.facts import Fact
from processors.engine.local_state import SnapshotPolicy
from processors.engine.workshop import FlushLimits
from processors.worker import WorkerOptions, run_worker


class Tripping(PartitionState):
    """A state with a fault: it trips over a sale of quantity 13."""

    def apply(self, fact: Fact) -> None:
        assert fact.type != "sale.recorded.v1" or fact.data.quantity != 13, "thirteen"
        super().apply(fact)


def main(told: dict[str, Any]) -> int:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    ready_file = Path(told.pop("ready_file"))
    registry = CollectorRegistry()
    if "snapshots" in told:
        told["snapshots"] = SnapshotPolicy(**told["snapshots"])
    options = WorkerOptions(
        rules=Rules("CNY", "Asia/Shanghai"),
        data_dir=Path(told.pop("data_dir")),
        limits=FlushLimits(**told.pop("limits", {})),
        **told,
    )

    def ready() -> None:
        part = ready_file.with_suffix(".part")
        part.write_bytes(generate_latest(registry))
        part.replace(ready_file)

    return run_worker(options, on_ready=ready, registry=registry, state=partial(Tripping, retires=True))


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
