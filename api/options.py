"""What the read API needs to be told. Plain values: the composition root turns settings into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

PAGE_FOLDER = Path(__file__).parent / "page"


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """Options of one API process.

    Attributes:
        default_zone: IANA zone of units for which no placement names one.
        base_currency: ISO 4217 code that amounts are in.
        cors_origins: exact origins whose pages may read; empty = only our own page.
        snapshots_max: boards kept ranked in memory.
        snapshot_age_max_seconds: after this a kept board is read again even if nobody said that it changed.
        snapshot_age_min_seconds: a board that changes all the time is read again only this often.
        read_timeout_seconds: how long a read of the store may take.
        push_interval_seconds: least time between two deltas of a stream.
        heartbeat_seconds: a silent stream says this often that it is still there.
        streams_max: open streams.
        stop_seconds: how long a stop waits for answers under way.
        page_folder: static files served at ``/``; it may be empty or absent.
        build_version: shown by OpenAPI.
    """

    default_zone: str = "Asia/Shanghai"
    base_currency: str = "CNY"
    cors_origins: tuple[str, ...] = ()
    snapshots_max: int = 256
    snapshot_age_max_seconds: float = 1.0
    snapshot_age_min_seconds: float = 0.25
    read_timeout_seconds: float = 5.0
    push_interval_seconds: float = 1.0
    heartbeat_seconds: float = 15.0
    streams_max: int = 1_000
    stop_seconds: float = 1.0
    page_folder: Path = PAGE_FOLDER
    build_version: str = "0"
