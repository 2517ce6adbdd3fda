"""``python -m bench``: measures the worker against its limits and its peers in one run, checked against the oracle.

``--quick`` is done in a few minutes; without it every leg runs, for half an hour or so. With ``--output json`` the last
line of stdout is one JSON object; progress is on stderr. Exit code 1: a leg's boards are not the oracle's.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table as RichTable

from bench import report
from bench.run import FULL, FULL_LEGS, LEGS, QUICK, QUICK_LEGS, Run
from bench.stage import Stage

stderr = Console(stderr=True, highlight=False)


def main() -> int:
    """Run the legs that were asked for, and say what was found."""
    told = _arguments()
    sizes = QUICK if told.quick else FULL
    sizes = sizes._replace(repeat=told.repeat or sizes.repeat, events=told.events or sizes.events)
    names = told.legs or (QUICK_LEGS if told.quick else FULL_LEGS)
    with tempfile.TemporaryDirectory(prefix="standings-bench-") as folder, Stage(Path(folder)) as stage:
        run = Run(stage, sizes, _progress(), told.profile)
        run.go(names)
    if told.output == "table":
        _print(run)
    if told.write_results is not None:
        command = " ".join(["python -m bench", *sys.argv[1:]])
        told.write_results.write_text(report.markdown(run.legs, run.found, run.failed, command), encoding="utf-8")
    if told.output == "json":
        print(json.dumps(report.as_json(run.legs, run.found, run.failed)))
    if wrong := report.differs(run.legs):
        stderr.print(f"not the oracle's boards: {', '.join(wrong)}")
    return 1 if wrong else 0


def _progress() -> Callable[[str], None]:
    started = time.monotonic()

    def say(text: str) -> None:
        stderr.print(f"{time.monotonic() - started:5.0f} s  {text}", markup=False)

    return say


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="the main legs, smaller: a few minutes")
    parser.add_argument("--output", choices=("table", "json"), default="table")
    parser.add_argument("--legs", type=_legs, default=None, help=f"only these, by comma: {', '.join(LEGS)}")
    parser.add_argument("--repeat", type=int, default=None, help="how often the cheap legs run (1 in quick, else 3)")
    parser.add_argument("--events", type=int, default=None, help="sale records of the main backlog")
    parser.add_argument("--profile", type=Path, default=None, help="a folder for profiles of the replay")
    parser.add_argument("--write-results", type=Path, default=None, help="a file for the tables, as Markdown")
    return parser.parse_args()


def _legs(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if unknown := [name for name in names if name not in LEGS]:
        raise argparse.ArgumentTypeError(f"no leg {', '.join(unknown)}; there are {', '.join(LEGS)}")
    return names


def _print(run: Run) -> None:
    console = Console()
    for table in report.tables(run.legs, run.found):
        shown = RichTable(title=table.title, title_justify="left")
        for column in table.columns:
            shown.add_column(column, justify="left" if column == table.columns[0] else "right")
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)
    for name, why in run.failed.items():
        console.print(f"{name}: no figure ({why.splitlines()[0]})", markup=False)
    console.print("0 / 20 contests: contests do not exist yet.")


if __name__ == "__main__":
    sys.exit(main())
