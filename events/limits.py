"""Every bound of the contract, in one place."""

from __future__ import annotations

from typing import Final

RECORD_BYTES_MAX: Final = 65_536
"""Bytes of a record's value; a longer one is refused unread."""

LINE_BYTES_MAX: Final = 4 * RECORD_BYTES_MAX
"""Bytes of a line of JSONL: a value and room for its envelope."""

DEPTH_MAX: Final = 16
"""How deep arrays and objects may nest. The deepest event needs three."""

ID_CHARS_MAX: Final = 64
"""Characters (code points) of a string in ``data``, unless a field says otherwise."""

ATTRIBUTE_CHARS_MAX: Final = 256
"""Characters of the CloudEvents attributes ``id`` and ``source``."""

TOPIC_CHARS_MAX: Final = 249
"""Characters of a Kafka topic's name."""

DETAIL_CHARS_MAX: Final = 300
"""Characters of a rejection's detail."""

REVISION_MAX: Final = 2**31 - 1
LINE_MAX: Final = 2**31 - 1
AMOUNT_MINOR_MAX: Final = 10**11
QUANTITY_MAX: Final = 10**6
TARGET_VALUE_MAX: Final = 9 * 10**12
PARTITION_MAX: Final = 2**31 - 1
OFFSET_MAX: Final = 2**63 - 1
CALENDAR_DAYS_MAX: Final = 1_000
"""Days in one list of ``calendar.set``."""

YEAR_MIN: Final = 1970
YEAR_MAX: Final = 9998
"""Years of instants, buckets and closed periods: 9999 has no day after its last."""

FUTURE_MS_MAX: Final = 24 * 3_600_000
"""How far ``occurred_at`` may lie after the recorded time."""

CACHE_ENTRIES_MAX: Final = 65_536
"""Entries of a memo table; a full one is emptied."""
