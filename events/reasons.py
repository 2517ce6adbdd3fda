"""Why a record can't count: the stable codes of ``Rejected.reason`` and of the dead letters."""

from __future__ import annotations

from typing import Final

NOT_JSON: Final = "not_json"
NOT_CLOUDEVENT: Final = "not_cloudevent"
UNKNOWN_TYPE: Final = "unknown_type"
UNKNOWN_VERSION: Final = "unknown_version"
WRONG_TOPIC: Final = "wrong_topic"
NO_KEY: Final = "no_key"
MISSING_FIELD: Final = "missing_field"
UNKNOWN_FIELD: Final = "unknown_field"
WRONG_TYPE: Final = "wrong_type"
OUT_OF_RANGE: Final = "out_of_range"
TOO_BIG: Final = "too_big"
TOO_DEEP: Final = "too_deep"
CURRENCY_UNKNOWN: Final = "currency_unknown"
IN_THE_FUTURE: Final = "in_the_future"
NOT_HOME: Final = "not_home"
TOO_LATE: Final = "too_late"
SKIPPED: Final = "skipped"

MEANINGS: Final[dict[str, str]] = {
    NOT_JSON: "the value (or line) is not JSON in UTF-8",
    NOT_CLOUDEVENT: "specversion, id, source or type is missing or malformed, or a time is not RFC 3339",
    UNKNOWN_TYPE: "no event of this type is known",
    UNKNOWN_VERSION: "the event is known, its version is not",
    WRONG_TOPIC: "the type belongs to another topic",
    NO_KEY: "no partitionkey, or no key on the Kafka record",
    MISSING_FIELD: "a required field of data is absent",
    UNKNOWN_FIELD: "data holds a field that its version does not have",
    WRONG_TYPE: "a field of data has another JSON type",
    OUT_OF_RANGE: "a value is outside its bounds, or its text does not say what it must",
    TOO_BIG: "the value is longer than 65,536 bytes",
    TOO_DEEP: "arrays and objects nest deeper than 16",
    CURRENCY_UNKNOWN: "the currency is not the base currency",
    IN_THE_FUTURE: "occurred_at is more than 24 hours after the recorded time, or the closed year is not over",
    NOT_HOME: "the record is away from its key's partition, even after it was forwarded",
    TOO_LATE: "it touches a year that was closed before it was recorded",
    SKIPPED: "an operator told the workers to pass this record",
}
"""Reason to its meaning, for people."""
