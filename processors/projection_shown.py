"""One changelog partition on its way to the boards: what is shown, what has been read since, and up to which mark."""

from __future__ import annotations

import json

from domain.entries import DocumentEntry, Entry
from domain.rows import ACCOUNTING, entries
from processors.engine.changelog import LEDGER, ChangelogFold, ChangelogRecord
from projections.changes import changes_of_rows
from projections.ports import NEW, GroupChange, Position


class Shown(ChangelogFold):
    """Folds a partition from a shown mark on and keeps the rows since then, one a key.

    A flush goes from one mark that counted to another. What a compacted prefix merges elsewhere (rows whose own mark is
    gone, at a claim or at a fenced mark) waits for the next one: under the old mark a board would skip it. Rows are
    kept instead of the entries they set: a row keeps every scope that it ever listed, so a later one covers an earlier.

    Attributes:
        start: position text that the boards are known to show.
        target: position text of the last mark that counted; equal to start when there is nothing to show.
        recorded_ms: recorded time of the newest fact that this fold has brought onto the boards; 0 = not known.
        read_ms: the same of what was read up to the target.
    """

    def __init__(self, text: str = NEW) -> None:
        super().__init__()
        self.mark, self.epoch, self.positions = Position.parse(text)
        self.end = self.mark
        self.start = self.target = text
        self.recorded_ms = self.read_ms = 0
        self._rows: dict[bytes, bytes] = {}
        self._undecided: dict[bytes, bytes] = {}

    @property
    def size(self) -> int:
        """Rows to show; no group has more changed entries than that."""
        return len(self._rows)

    @property
    def pending(self) -> bool:
        """Whether the boards are behind the last mark that counted."""
        return self.target != self.start

    def put(self, key: bytes, value: bytes | None) -> None:
        """Keep a row; in the order of the log, so that the last of several that set the same entry stays the last."""
        if value is not None and not key.startswith(LEDGER):
            self._undecided.pop(key, None)
            self._undecided[key] = value

    def _mark(self, record: ChangelogRecord) -> None:
        counted = self.counted
        super()._mark(record)
        if self.counted > counted:
            self.target = str(Position(self.mark, self.epoch, self.positions))
            for key, value in self._undecided.items():
                self._rows.pop(key, None)
                self._rows[key] = value
                if key.startswith(ACCOUNTING):
                    self.read_ms = max(self.read_ms, *map(_recorded_ms, entries(key, value)))
            self._undecided.clear()

    def changes(self) -> list[GroupChange]:
        """What the rows between start and target set on the boards."""
        return changes_of_rows(list(self._rows.items()))

    def shown(self) -> None:
        """The boards show the target."""
        self.start, self.recorded_ms = self.target, self.read_ms
        self._rows.clear()

    def advance(self, text: str) -> bool:
        """Go on from where another projector has moved the boards; False if that is not between start and target.

        Entries are absolute, as of the target; those of rows before the new start are written again, the same.
        """
        mark = Position.parse(text).mark
        if not Position.parse(self.start).mark < mark <= Position.parse(self.target).mark:
            return False
        self.start = text
        if text == self.target:
            self.shown()  # by another projector
        return True


def _recorded_ms(entry: Entry) -> int:
    """Recorded time of the newest fact that a document of the accounting counts; 0 = none."""
    return int(json.loads(entry.text)["recorded_ms"]) if isinstance(entry, DocumentEntry) else 0
