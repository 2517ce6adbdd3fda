"""What an owner has folded since its last flush. It exists in memory alone, and is never recovered."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from processors.engine.workshop import Chunk
from processors.redirects import Redirect


@dataclass(slots=True)
class Pending:
    """What the next flush closes.

    Attributes:
        chunks: to acknowledge.
        redirects: records to send on, before the mark that passes their originals.
        record_count: records folded.
        redirect_bytes: weight of the redirects.
        since: when the first of these records was folded; None = there is none.
    """

    chunks: list[Chunk] = field(default_factory=list)
    redirects: list[Redirect] = field(default_factory=list)
    record_count: int = 0
    redirect_bytes: int = 0
    since: float | None = None

    def fold(self, record_count: int, now: float) -> None:
        """Records were folded."""
        self.record_count += record_count
        if self.since is None:
            self.since = now

    def redirect(self, redirects: Sequence[Redirect]) -> None:
        """Records are to be sent on."""
        self.redirects += redirects
        self.redirect_bytes += sum(redirect.weight for redirect in redirects)

    def age(self, now: float) -> float:
        """Seconds that the oldest record has waited."""
        return 0.0 if self.since is None else now - self.since


def acknowledge(chunks: Iterable[Chunk]) -> None:
    """Let go of chunks: what they hold is durable, or a seek repeats them."""
    for chunk in chunks:
        chunk.ack()


def acknowledge_landed(chunks: Iterable[Chunk], batch: asyncio.Future[Any]) -> None:
    """Let go of the chunks of a batch once it has landed."""
    if not batch.cancelled() and batch.exception() is None:
        acknowledge(chunks)
