"""What the engine needs from outside and what it raises: where the fold, the metrics and the clock plug in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from events.facts import Fact
from processors.engine.control import ControlStream
from processors.engine.writer import ChangelogWriter
from processors.redirects import Redirect


class ForeignWrite(Exception):  # noqa: N818 - somebody else's deed, not an error of ours
    """Somebody else wrote to a partition that we own: only recovery can tell what counts."""


class StaleChangelog(Exception):  # noqa: N818
    """Compaction may have dropped valid rows: the changelog must be rebuilt from the sources."""


class ChunkMissed(Exception):  # noqa: N818 - what happened, as above
    """A chunk came whose predecessor did not: what lies between them would never be counted."""


def refuse_gap(where: str, taken: int, after: int) -> None:
    """Refuse a chunk that follows a later offset than the last one taken.

    Raises:
        ChunkMissed: it does.
    """
    if after > taken:
        raise ChunkMissed(f"{where}: after {taken} came a chunk that follows {after}")


class FoldFailed(Exception):  # noqa: N818
    """A record tripped over a fault of ours.

    Attributes:
        where: the record, as TOPIC-PARTITION@OFFSET.
    """

    def __init__(self, where: str, error: Exception) -> None:
        super().__init__(f"{where}: {error!r}")
        self.where = where


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

    def reclaimed(self) -> None:
        """A partition was taken back in place."""


class FlushDue(NamedTuple):
    """When a flush is due, whichever comes first.

    Attributes:
        records: records pending.
        seconds: age of the oldest pending record.
        bytes: weight of the pending state rows and redirects, estimated.
    """

    records: int
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class FlushLimits:
    """When to flush: soon while a partition is up to date, and with patience while it is behind.

    A record that many others wait behind is not late because of its flush, and a flush that covers more of them writes
    each of their state rows once. So the limits of time and bytes grow in a straight line from the live ones to those
    for `behind_records` records, and shrink again as the partition catches up.

    Attributes:
        records_max: records of a flush, always.
        seconds: age of the oldest pending record, live.
        bytes_max: weight of a flush, live.
        behind_records: so many records behind, and patience grows no more.
        behind_seconds: age of the oldest pending record, then.
        behind_bytes_max: weight of a flush, then. Far below a state batch's bytes, as weights are estimates, and few
            enough that several partitions' batches are on their way at once (``writer.FLYING_BYTES_MAX``).
        piece_records: records reduced between two looks at the limits.
        fenced_age_seconds_max: a batch that did not count and is older than this when an owner first meets it may have
            cost valid rows: the changelog topic's compaction lag.
        heartbeat_seconds: an owner that has written nothing for so long writes a mark: by that it notices a foreign
            write, long before the compaction lag is over.
    """

    records_max: int = 20_000
    seconds: float = 0.1
    bytes_max: int = 4 << 20
    behind_records: int = 10_000
    behind_seconds: float = 2.5
    behind_bytes_max: int = 16 << 20
    piece_records: int = 1_000
    fenced_age_seconds_max: float = 3_600.0
    heartbeat_seconds: float = 60.0

    def at(self, behind: int) -> FlushDue:
        """When a flush is due in a partition for which so many records are known to wait.

        >>> FlushLimits().at(0)
        FlushDue(records=20000, seconds=0.1, bytes=4194304)
        """
        share = min(1.0, behind / self.behind_records)
        seconds = self.seconds + share * max(0.0, self.behind_seconds - self.seconds)
        more_bytes = int(share * max(0, self.behind_bytes_max - self.bytes_max))
        return FlushDue(self.records_max, seconds, self.bytes_max + more_bytes)


class Folded(NamedTuple):
    """What became of some records of a source.

    Attributes:
        record_count: how many there were.
        last: offset of the last one; -1 if there was none.
        redirects: the records to send on.
    """

    record_count: int
    last: int
    redirects: list[Redirect]


Reduce = Callable[[Any, str, Iterable[Any]], Folded]
"""(state, source name, records) -> what to send on; folds the others into the state."""


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
        flushed: told of a state whose flush was made.
        lost: told at once, and once, by an owner that has met a foreign write; None = the process stops.
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
    flushed: Callable[[Any], None] = lambda state: None
    lost: Callable[[Any, ForeignWrite], None] | None = None

    def check_age(self, partition: int, fenced: Mapping[bytes, int]) -> None:
        """Look whether the rows of a changelog partition may still be trusted.

        Args:
            partition: which.
            fenced: keys of batches that did not count, to their append time in UTC ms.

        Raises:
            StaleChangelog: the oldest of them is older than the compaction lag.
        """
        if not fenced:
            return
        age_seconds = (self.now_ms() - min(fenced.values())) / 1000
        if age_seconds > self.limits.fenced_age_seconds_max:
            raise StaleChangelog(
                f"partition {partition}: a batch that did not count is {age_seconds:.0f} s old, older than the "
                "compaction lag, so rows may be missing. Stop all workers and projectors, delete the changelog topic "
                "and the boards in Redis, run 'standings topics ensure' and start again: the state is rebuilt from the "
                "sources"
            )
