"""Every limit of the read API, in one place."""

from __future__ import annotations

PAGE_ROWS_DEFAULT = 100
PAGE_ROWS_MAX = 1_000
"""Rows in one answer."""

RADIUS_DEFAULT = 5
RADIUS_MAX = 100
"""Rows on each side of a member in the window around it."""

IDS_MAX = 100
"""Chosen members in one request."""

WINDOW_ROWS_MAX = 100
"""Rows that a stream covers."""

SEARCH_CHARS_MAX = 64
SEARCH_RESULTS_DEFAULT = 20
SEARCH_RESULTS_MAX = 50

TARGET_BYTES_MAX = 8_192
"""Path and query of a request."""

CURSOR_CHARS_MAX = 1_024

DAYS_CACHED_MAX = 16
"""Days of which the directory keeps the whole tree and roster."""

STREAM_QUEUE_MAX = 8
"""Frames that wait for a slow client before they are replaced by one snapshot."""

COLLECTIONS_MAX = 1
"""Collections of documents kept besides the directory: the targets."""
