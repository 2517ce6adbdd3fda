"""Many histories, in several processes: how many, and which is the first wrong one."""

from __future__ import annotations

import gc
import multiprocessing
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

from tests.model.history import Outcome, run_history
from tests.model.rules import rules_without

BLOCK = 25
"""Histories handed to a process at once."""


@dataclass(slots=True)
class Tally:
    """What came out of some histories.

    Attributes:
        histories: how many there were.
        wrong: how many were wrong.
        first: the first wrong one; None = there was none.
        sums: what happened in all of them together, by the name in `Outcome`.
    """

    histories: int
    wrong: int
    first: Outcome | None
    sums: dict[str, int]

    @classmethod
    def of(cls, outcomes: list[Outcome]) -> Tally:
        wrong = [outcome for outcome in outcomes if outcome.wrong]
        names = [field.name for field in fields(Outcome) if field.name not in ("seed", "wrong")]
        sums = {name: sum(getattr(outcome, name) for outcome in outcomes) for name in names}
        return cls(len(outcomes), len(wrong), wrong[0] if wrong else None, sums)

    def add(self, other: Tally) -> None:
        self.histories += other.histories
        self.wrong += other.wrong
        self.first = self.first or other.first
        for name, count in other.sums.items():
            self.sums[name] = self.sums.get(name, 0) + count


def check(
    seeds: range,
    without: str = "",
    *,
    processes: int = 1,
    go_on: bool = False,
    progress: Callable[[Tally], None] = lambda _: None,
) -> Tally:
    """Run the histories of some seeds, until one is wrong.

    Args:
        seeds: which.
        without: a rule to switch off; "" = none.
        processes: run in so many processes.
        go_on: count wrong ones to the end.
        progress: told what has come out so far.
    """
    total = Tally(0, 0, None, {})
    for tally in _blocks(seeds, without, processes):
        total.add(tally)
        progress(total)
        if total.first is not None and not go_on:
            break
    return total


def _blocks(seeds: range, without: str, processes: int) -> Iterator[Tally]:
    blocks = [(seeds[i : i + BLOCK], without) for i in range(0, len(seeds), BLOCK)]
    if processes == 1:
        yield from map(_block, blocks)
        return
    with multiprocessing.get_context("spawn").Pool(processes, _begin) as pool:
        yield from pool.imap(_block, blocks)


def _begin() -> None:
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)  # a history leaves much behind, and nothing of it lives long


def _block(told: tuple[range, str]) -> Tally:
    seeds, without = told
    rules = rules_without(without)
    return Tally.of([run_history(seed, rules) for seed in seeds])


def replay_command(seed: int, without: str = "") -> str:
    """What shows a history step by step."""
    off = f" --without {without}" if without else ""
    return f"python -m tests.model --histories 1 --seed {seed}{off} --trace"
