"""What the engine needs from outside and what it raises: where the fold, the metrics and the clock plug in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from events.facts import Fact
from processors.engine.control import ControlStream
from processors.engine.writer import ChangelogWriter
from processors.redirects import Redirect


class ForeignWrite(Exception):  # noqa: N818 - somebody else's deed, not an error of ours
    """Somebody else wrote to a partition that we own: only recovery can tell what counts."""


class StaleChangelog(Exception):  # noqa: N818
    """Compaction may have dropped valid rows: the changelog must be rebuilt from the sources."""


class FoldFailed(Exception):  # noqa: N818
    """A record tripped over a fault of ours; the message names it as TOPIC-PARTITION@OFFSET."""


class PartitionCore(Protocol):
    """The state of one partition as the engine sees it (see ``domain.partition.PartitionState``)."""

    @property
    def weight(self) -> int:
        """Bytes of the next flush, roughly."""

    def control(self, facts: Sequence[Fact | None]) -> None:
        """Fold control records in log order."""

    def load(self, key: bytes, value: bytes | None) -> None:
        """Take a state row of the changelog."""

    def plant(self, facts: Sequence[Fact | None]) -> None:
        """Build the tree of a control prefix, after every row is loaded."""

    def again(self, key: bytes) -> bytes | None:
        """What to say about a key whose row did not count."""

    def flush(self) -> tuple[bytes | None, list[tuple[bytes, bytes]]]:
        """(ledger blob, other rows) since the last flush."""


class Chunk(Protocol):
    """A delivered chunk that waits for its flush: a Faust event."""

    def ack(self) -> bool:
        """Acknowledge it: what it holds is durable."""


class Observer(Protocol):
    """Who wants to know what the engine does: metrics."""

    def landed(self, seconds: float) -> None:
        """A state batch landed, so long after it was handed over."""

    def redirected(self, redirect: Redirect) -> None:
        """A record was sent on."""

    def fenced(self) -> None:
        """Recovery met a batch that did not count."""


@dataclass(frozen=True, slots=True)
class FlushLimits:
    """When a flush is due, whichever comes first.

    Attributes:
        records_max: records pending.
        seconds: age of the oldest pending record.
        bytes_max: weight of the pending state rows and redirects, estimated.
        piece_records: records reduced between two looks at the limits.
        fenced_age_seconds_max: a batch that did not count and is older than this when an owner first meets it may have
            cost valid rows: the changelog topic's compaction lag.
    """

    records_max: int = 20_000
    seconds: float = 0.1
    bytes_max: int = 4 << 20
    piece_records: int = 1_000
    fenced_age_seconds_max: float = 3_600.0


Reduce = Callable[[Any, str, Sequence[Any]], list[Redirect]]
"""(state, source name, records) -> the records to send on; folds the others into the state."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What the owners of a worker share.

    Attributes:
        core: partition -> a new, empty state.
        reduce: folds source records.
        control: the control stream.
        control_accountant: the partition whose owner sends unreadable control records to the dead letters.
        writer: appends to the changelog.
        limits: when to flush.
        observer: metrics.
        die: stop the process at once; never returns.
        clock: monotonic seconds.
        now_ms: UTC milliseconds.
    """

    core: Callable[[int], PartitionCore]
    reduce: Reduce
    control: ControlStream
    control_accountant: int
    writer: ChangelogWriter
    limits: FlushLimits
    observer: Observer
    die: Callable[[BaseException], Any]
    clock: Callable[[], float]
    now_ms: Callable[[], int]
