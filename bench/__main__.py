"""``python -m bench``: measures consume, consume + decode, the worker and replay, from one run, against the oracle.

Options: ``--events N`` (1,000,000), ``--reps N`` (10,000), ``--quick`` (100,000 events), ``--output table|json``,
``--profile FOLDER`` (profiles of the replay, whose fold is the worker's). The last line of stdout is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.checks import changelog_digests_now, oracle_digests
from bench.stage import load, measure_worker
from bench.workload import Workload, organisation, sales
from cli.embedded import EmbeddedKafka
from processors.topics import TopicNames

PARTITIONS = 12
QUICK_EVENTS = 100_000
NAMES = TopicNames("bench")
stderr = Console(stderr=True)


def main() -> int:
    """Run every leg once; 1 if a leg's boards are not the oracle's."""
    told = _arguments()
    workload = Workload(events=QUICK_EVENTS if told.quick else told.events, reps=told.reps)
    with tempfile.TemporaryDirectory(prefix="standings-bench-") as folder:
        legs, truth = _run(workload, Path(folder), told.profile)
    l2 = next(leg for leg in legs if leg["name"] == "decode")
    for leg in legs:
        leg["per_cpu_second"] = leg["events"] / leg["cpu_seconds"]
        leg["us_per_event"] = 1e6 * leg["cpu_seconds"] / leg["events"]
        leg["over_l2"] = leg["per_cpu_second"] / (l2["events"] / l2["cpu_seconds"])
        digests = leg.pop("digests", None)
        leg["equals_oracle"] = None if digests is None else digests == truth
    if told.output == "table":
        _print(workload, legs)
    print(json.dumps({"events": workload.events, "reps": workload.reps, "legs": legs}))
    return 0 if all(leg["equals_oracle"] is not False for leg in legs) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--reps", type=int, default=10_000)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--profile", type=Path, default=None)
    return parser.parse_args()


def _run(workload: Workload, folder: Path, profile: Path | None) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """(legs, digests of the oracle)."""
    stderr.print(f"making {workload.events} events of {workload.reps} reps")
    lines = [*organisation(), *sales(workload)]
    kafka = EmbeddedKafka(folder / "kafka")
    kafka.start()
    try:
        servers = kafka.bootstrap_servers
        stderr.print("loading them into Kafka")
        load(servers, NAMES, PARTITIONS, lines)
        legs = []
        for leg in ("consume", "decode"):
            stderr.print(f"measuring {leg}")
            legs.append(_leg(leg, servers))
        stderr.print("measuring worker")
        worker = measure_worker(servers, NAMES, workload.events, folder)
        worker["digests"] = changelog_digests_now(servers, NAMES, PARTITIONS)
        stderr.print("measuring replay")
        legs += [worker, _leg("replay", servers)]
        if profile is not None:
            profile.mkdir(parents=True, exist_ok=True)
            stderr.print("profiling replay")
            _leg("replay", servers, str(profile / "replay.prof"))
    finally:
        kafka.stop()
    stderr.print("asking the oracle")
    return legs, oracle_digests(lines)


def _leg(name: str, servers: str, *more: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.legs", name, servers, NAMES.prefix, *more], stdout=subprocess.PIPE, check=True
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def _print(workload: Workload, legs: list[dict[str, Any]]) -> None:
    machine = f"{platform.machine()}, Python {platform.python_version()}, faust-streaming {version('faust-streaming')}"
    table = Table(title=f"{workload.events:,} events, {workload.reps:,} reps ({machine})")
    for column in ("leg", "events/CPU s", "µs/event", "of consume + decode", "wall s", "RSS MB", "equals oracle"):
        table.add_column(column, justify="left" if column == "leg" else "right")
    for leg in legs:
        table.add_row(
            leg["name"],
            f"{leg['per_cpu_second']:,.0f}",
            f"{leg['us_per_event']:.2f}",
            f"{leg['over_l2']:.2f}",
            f"{leg['wall_seconds']:.1f}",
            str(leg["peak_rss_mb"]),
            {True: "yes", False: "NO", None: ""}[leg["equals_oracle"]],
        )
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
