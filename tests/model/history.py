"""One history: what happens, step by step, from a seed; and whether everything stayed true."""

from __future__ import annotations

import logging
import math
import random
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from domain.cells import Cell
from processors.engine.control import ControlRecord
from tests.model import facts
from tests.model.broker import LAG_SECONDS
from tests.model.oracle import NAMES, TARGETS, Board
from tests.model.parts import Rules
from tests.model.projectors import Marks, ProjectorProcess
from tests.model.sites import Site

STEP_COUNT = 90
EVENING_TURNS_MAX = 400
NIGHT_SECONDS = LAG_SECONDS + 400.0


class Wrong(BaseException):
    """Something is not true: the history ends here."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came out of a history.

    Attributes:
        seed: the history.
        wrong: what was wrong first, in words; "" = everything stayed true.
        counted: batches that counted.
        rejected: batches that did not.
        reclaimed: partitions taken back in place.
        rebuilt: times that a changelog could not be trusted any more, and everything was made anew.
        shown: moves of a position.
        built: versions swapped in.
        refused: moves and swaps refused.
    """

    seed: int
    wrong: str = ""
    counted: int = 0
    rejected: int = 0
    reclaimed: int = 0
    rebuilt: int = 0
    shown: int = 0
    built: int = 0
    refused: int = 0


class World:
    """A history's stage."""

    def __init__(self, seed: int, rules: Rules, trace: Callable[[str], None] | None = None) -> None:
        self.random = random.Random(seed)
        self.rules = rules
        self.fates = rules.fates(self.random)
        self.now = 1_000.0
        self.placed = facts.control(self.random)
        self.control = [ControlRecord(i, cast(Any, fact), None) for i, fact in enumerate(self.placed)]
        self.control_known = 0
        self.night_at = math.inf
        self.stale = False
        self.rebuilt = self.reclaimed = 0
        self.versions = 0
        self.boards = rules.boards(self)
        self.found = ""
        self.rejected = self.counted = 0
        self._trace = trace
        self.sites = [Site(self, partition) for partition in range(facts.PARTITIONS)]
        for site in self.sites:
            site.begin()
        self.projectors = [ProjectorProcess(self), ProjectorProcess(self)]

    def trace(self, *what: Any) -> None:
        if self._trace is not None:
            self._trace(f"{self.now:7.0f} " + " ".join(map(str, what)))

    def wrong(self, what: str, error: BaseException | None = None) -> None:
        if error is not None:
            what += "\n" + "".join(traceback.format_exception(error))
        self.found = self.found or what
        raise Wrong

    def new_version(self) -> str:
        self.versions += 1
        return f"v{self.versions}"

    def board(self, board: Board, marks: Marks) -> dict[str, Any]:
        """What is true of a board at a mark of each partition."""
        sums: dict[str, tuple[int, int]] = {}
        for site, mark in zip(self.sites, marks, strict=True):
            positions = site.marks.get(mark)
            if positions is None:
                self.wrong(f"a board names {mark} of partition {site.partition}, which is no mark that counts")
                return {}
            true = site.truth(positions)
            if board in true.documents:
                sums |= cast(Any, true.documents[board])
            for member, (total, count) in true.boards.get(board, {}).items():
                known = sums.get(member, (0, 0))
                sums[member] = known[0] + total, known[1] + count
        if board in (TARGETS, NAMES):
            return sums
        return {member: Cell(total, 0, 0, count) for member, (total, count) in sums.items()}

    # ---- the history
    def run(self) -> None:
        for _ in range(STEP_COUNT):
            self.now += 1.0
            dice = self.random.random()
            if dice < 0.04:
                self.control_known = min(self.control_known + 1, facts.CONTROL_COUNT)
            elif dice < 0.04 + self.fates.night and self.night_at == math.inf:
                self.dusk()
            elif dice < 0.1:
                self.random.choice(self.sites).log.clean(self.now)
            if self.now >= self.night_at:
                self.night()
            self.sites[self.random.random() < 0.5].happen()
            if self.stale:
                self.operate()
            self.project()
            if self.found:
                raise Wrong
            self.fate_of_boards()
        self.finish()

    def project(self) -> None:
        at = self.random.randrange(2)
        projector = self.projectors[at]
        dice = self.random.random()
        if dice < self.fates.projector_killed:
            projector.process.bury()
            self.projectors[at] = projector = ProjectorProcess(self)
        elif dice < self.fates.projector_killed + 0.01:
            projector.frozen_until = self.now + self.random.randrange(10, 150)
        if projector.frozen_until <= self.now:
            projector.process.step((0, 2, 9)[int(self.random.random() * 3)])

    def _project(self, steps_max: int) -> None:
        for projector in self.projectors:
            projector.process.step(self.random.randrange(steps_max))
        if self.found:
            raise Wrong

    def fate_of_boards(self) -> None:
        dice = self.random.random()
        if dice < self.fates.set_back:
            self.boards.set_back(self.random)
        elif dice < self.fates.set_back + self.fates.emptied:
            self.boards.empty()
        elif self.random.random() < self.fates.saved:
            self.boards.save()

    def dusk(self) -> None:
        """A night is coming. Perhaps the boards are lost now, and whoever builds them anew sleeps until the morning."""
        self.night_at = self.now + self.random.randrange(self.fates.evening)
        if self.random.random() < self.fates.emptied_at_dusk:
            self.boards.empty()
        self._project(30)
        for projector in self.projectors:
            if self.random.random() < self.fates.asleep:
                projector.frozen_until = self.night_at + 1.0

    def night(self) -> None:
        """A long time passes: longer than the compaction lag. Perhaps nobody is up."""
        everybody_down = self.random.random() < 0.25
        self.trace("evening", "everybody is down" if everybody_down else "")
        for site in self.sites:
            while site.late and self.random.random() < 0.8:
                site.land_late()
            if everybody_down:
                site.end()
            elif not self.stale:
                self._evening(site)
        self.trace("night")
        self.now += NIGHT_SECONDS
        self.night_at = math.inf
        for site in self.sites:
            site.log.clean(self.now)
        if self.random.random() < 0.5:  # projectors are up before workers
            self._project(60)

    def _evening(self, site: Site) -> None:
        """Whoever owns the partition has had time to notice what was written beside it, without any work."""
        for _ in range(EVENING_TURNS_MAX):
            if site.owner.settled:
                if site.reader.fenced:
                    self.wrong(f"partition {site.partition}: not said again: {site.reader.fenced}")
                return
            self.now += 1
            site.owner.turn()
            if self.found:
                raise Wrong
            if site.owner.process.dead:
                site.buried(site.owner)
                if self.stale:
                    return
                site.begin()
        self.wrong(f"partition {site.partition}: its owner has not noticed that somebody else has written")

    def operate(self) -> None:
        """What an operator does about a changelog that can't be trusted: everything is rebuilt from the sources."""
        self.trace("operator")
        self.stale = False
        self.rebuilt += 1
        for projector in self.projectors:
            projector.process.bury()
        self.boards.another_log()
        for site in self.sites:
            site.end()
            self.counted += site.reader.counted
            self.rejected += site.reader.rejected
            site.start_log()
            site.begin()
        self.projectors = [ProjectorProcess(self), ProjectorProcess(self)]

    # ---- the end
    def finish(self) -> None:
        """Faults end: everything is applied and shown."""
        self.trace("the faults end")
        self.control_known = facts.CONTROL_COUNT
        self.fates.end()
        for projector in self.projectors:
            projector.way.faulty = False
            projector.frozen_until = 0.0
        for site in self.sites:
            site.end()
            site.late.clear()
        for site in self.sites:
            site.begin()
        for _ in range(20):
            if all(self._finish(site) for site in self.sites):
                break
        else:
            self.wrong(f"not everything is applied: {[site.reader.positions for site in self.sites]}")
        for site in self.sites:
            fresh = self.rules.reading()
            fresh.feed(site.log.records)
            site.check_state(fresh.state, fresh.positions, "read from its start at the end")
            owner = site.owner.owner
            site.check_state(owner.state, owner.taken, "in the owner's memory at the end")
        self._show()
        if self.random.random() < self.fates.lost_at_last:  # nothing new will come that could remind a projector
            if self.random.choice((True, False)):
                self.boards.empty()
            else:
                self.boards.set_back(self.random)
            self._show()

    def _finish(self, site: Site) -> bool:
        for _ in range(400):
            if site.done:
                return True
            if site.owner.process.dead:
                site.buried(site.owner)
                if self.stale:
                    self.operate()
                    return False
                site.begin()
            self.now += 1
            site.owner.turn()
            if self.found:
                raise Wrong
        return site.done

    def _show(self) -> None:
        ends = {site.partition: max(site.marks) for site in self.sites}
        for _ in range(4_000):
            self.now += 0.5
            for projector in self.projectors:
                projector.process.step(4)
            if self.found:
                raise Wrong
            version = self.boards._versions.get(self.boards._current)
            if version is not None and {p: int(text.split("|")[0]) for p, text in version.pos.items()} == ends:
                break
        else:
            self.wrong(f"not everything is shown: {version and version.pos}, {ends}")
        self.boards.check()

    def outcome(self, seed: int) -> Outcome:
        for site in self.sites:
            self.counted += site.reader.counted
            self.rejected += site.reader.rejected
        boards = self.boards
        return Outcome(
            seed,
            self.found,
            counted=self.counted,
            rejected=self.rejected,
            reclaimed=self.reclaimed,
            rebuilt=self.rebuilt,
            shown=boards.moves,
            built=boards.swaps,
            refused=boards.refused,
        )

    def end(self) -> None:
        for site in self.sites:
            site.end()
        for projector in self.projectors:
            projector.process.bury()


def run_history(seed: int, rules: Rules, trace: Callable[[str], None] | None = None) -> Outcome:
    """Run one history."""
    logging.disable(logging.WARNING)
    world = World(seed, rules, trace)
    try:
        world.run()
    except Wrong:
        pass
    except Exception as error:
        world.found = world.found or "".join(traceback.format_exception(error))
    finally:
        logging.disable(logging.NOTSET)
        world.end()
    return world.outcome(seed)
