"""Checks the protocol on random histories: ``python -m tests.model --histories 200000 --seed 7 --processes 2``."""

from __future__ import annotations

import argparse
import sys
import time

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.model.checking import Tally, check, replay_command
from tests.model.history import run_history
from tests.model.rules import RULES, rules_without


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.model", description=__doc__)
    parser.add_argument("--histories", type=int, default=5_000, help="how many (5000)")
    parser.add_argument("--seed", type=int, default=0, help="the first one's seed (0)")
    parser.add_argument("--processes", type=int, default=1, help="run in so many processes (1)")
    parser.add_argument("--without", default="", metavar="RULE", choices=list(RULES), help="switch a rule off")
    parser.add_argument("--rules", action="store_true", help="list the rules")
    parser.add_argument("--go-on", action="store_true", help="count wrong histories to the end")
    parser.add_argument("--trace", action="store_true", help="show what happens in each history")
    return parser.parse_args(arguments)


def main(arguments: list[str]) -> int:
    """The exit code: 0 nothing wrong, 1 a history was wrong."""
    told = options(arguments)
    if told.rules:
        for name, rule in RULES.items():
            print(f"{name:22} {rule.says}")
        return 0
    seeds = range(told.seed, told.seed + told.histories)
    if told.trace:
        return int(any(trace(seed, told.without) for seed in seeds))
    started = time.monotonic()
    tally = watch(seeds, told)
    print(f"{tally.histories} histories, {tally.wrong} wrong, {time.monotonic() - started:.0f} s;", end=" ")
    print(", ".join(f"{count} {name}" for name, count in tally.sums.items()))
    if tally.first is None:
        return 0
    print(f"seed {tally.first.seed}: {tally.first.wrong}")
    print(replay_command(tally.first.seed, told.without))
    return 1


def watch(seeds: range, told: argparse.Namespace) -> Tally:
    columns = (TextColumn("histories"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("histories", total=len(seeds))
        return check(
            seeds,
            told.without,
            processes=told.processes,
            go_on=told.go_on,
            progress=lambda tally: bar.update(task, completed=tally.histories),
        )


def trace(seed: int, without: str) -> bool:
    outcome = run_history(seed, rules_without(without), print)
    print(f"seed {seed}: {outcome.wrong or 'nothing is wrong'}")
    return bool(outcome.wrong)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
