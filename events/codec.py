"""Reads facts from Kafka records and from lines of JSON; the writers of ``events.writing`` are named here too.

A record is *binary mode* (attributes in ``ce_`` headers, value = ``data``) or *structured mode* (value = the whole
event), told apart by ``content-type``; without one, ``ce_`` headers mean binary mode. A line of JSONL is structured
mode. The order of the verdicts is always: size, envelope, type, key, topic, times, data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from events import reasons
from events.envelope import (
    JUDGED,
    STRUCTURED_MEDIA,
    Envelope,
    is_cloudevents_media,
    judge_attributes,
    read_structured,
    said_times_ms,
)
from events.errors import BadOrigin
from events.facts import Fact, Rejected
from events.header_layout import Layouts
from events.instants import instant_ms
from events.judging import READERS
from events.limits import ATTRIBUTE_CHARS_MAX, CACHE_ENTRIES_MAX, LINE_BYTES_MAX, RECORD_BYTES_MAX
from events.origin import ORIGIN_HEADER, Origin
from events.plain_lines import NOT_PLAIN, PlainLines
from events.writing import Outgoing, encode_record, to_line, to_record

__all__ = ["Outgoing", "encode_record", "read_line", "read_record", "to_line", "to_record"]

Headers = Sequence[tuple[str, bytes]]

_READERS_BY_BYTES: Final = {name.encode(): reader for name, reader in READERS.items()}
_new_fact: Final = tuple.__new__  # a named tuple's own constructor takes twice the time
# Sources are few and come with every record: one text for all of them.
_sources: dict[bytes, str] = {}
_layouts: Final = Layouts()
_plain_lines: Final = PlainLines()
_NOT_PLAIN: Final = (LookupError, TypeError, ValueError, msgspec.MsgspecError, RecursionError)


def read_record(topic: str, key: bytes | None, value: bytes | None, headers: Headers, appended_ms: int) -> Fact:
    """The fact that a Kafka record holds.

    The key is the ``partitionkey`` attribute. Structured mode needs the attribute; binary mode needs the Kafka key,
    which also stands in for an absent attribute. Of a repeated header the last one counts.

    Args:
        topic: logical topic that the record stands in: ``sales``, ``targets``, ``reps`` or ``control``.
        key: the record's key.
        value: the record's value.
        headers: the record's headers.
        appended_ms: the broker's append time; the recorded time, unless an origin header names an earlier one.

    Raises:
        Rejected: the record can't count.
    """
    try:
        return _read_plain(topic, key, value, headers, appended_ms)
    except _NOT_PLAIN:
        pass  # not as plain as nearly all are: read with care, which also finds what is wrong
    if value is not None:
        _refuse_too_big(value)
    said = dict(headers)
    fact = _fact(_envelope_of_record(key, value or b"", said), topic, _recorded_ms(said, appended_ms))
    _layouts.learn([name for name, _ in headers])
    return fact


def _read_plain(topic: str, key: bytes | None, value: bytes | None, headers: Headers, appended_ms: int) -> Fact:
    """The common case of binary mode, without a step more than it needs.

    It takes a record only if every verdict on it would be good, so the order of its questions is free.

    Raises:
        LookupError, TypeError, ValueError, msgspec.MsgspecError, RecursionError: not the common case; says nothing
            about the record.
    """
    for layout in _layouts[len(headers)]:
        pick, absent, others, _ = layout
        (
            (name_0, version), (name_1, media), (name_2, type_), (name_3, event_source),
            (name_4, event_id), (name_5, time), (name_6, recordedtime), (name_7, said_key),
        ) = pick((*headers, *absent) if absent else headers)  # fmt: skip
        if (
            name_0 == "ce_specversion"
            and name_1 == "content-type"
            and name_2 == "ce_type"
            and name_3 == "ce_source"
            and name_4 == "ce_id"
            and name_5 == "ce_time"
            and name_6 == "ce_recordedtime"
            and name_7 == "ce_partitionkey"
            and (not others or layout.has_others(headers))
        ):
            break
    else:
        raise LookupError
    reader = _READERS_BY_BYTES[type_]
    source = _sources[event_source]
    if (
        version != b"1.0"
        or media != b"application/json"
        or reader.topic != topic
        or not key
        or (said_key != key and said_key is not None)
        or not value
        or len(value) > RECORD_BYTES_MAX
        or not event_id
        or len(event_id) > ATTRIBUTE_CHARS_MAX
        or not event_id.isascii()
    ):
        raise LookupError
    data, occurred_ms, occurred_at = reader.read_plain(value)
    if time is not None and (text := time.decode()) != occurred_at:
        instant_ms(text)
    if recordedtime is not None and recordedtime != time:
        instant_ms(recordedtime.decode())
    return _new_fact(Fact, (reader.short, source, key.decode(), data, occurred_ms, appended_ms))


def read_line(line: bytes) -> Fact:
    """The fact that a line of JSONL holds; a verdict is the same as if ``emit`` had sent it.

    Recorded time: ``recordedtime``, else ``time``, else the instant it occurred (0 for a type without one).

    Raises:
        Rejected: the line can't count.
    """
    try:
        return _plain_lines.read(line)
    except NOT_PLAIN:
        return _read_line_with_care(line)


def _read_line_with_care(line: bytes) -> Fact:
    if len(line) > LINE_BYTES_MAX:
        raise Rejected(reasons.TOO_BIG, f"{len(line)} bytes, at most {LINE_BYTES_MAX} in a line")
    try:
        envelope = read_structured(line)
    except Rejected:
        _refuse_too_big(line)  # such a line would be sent whole, and its size judged first
        raise
    _refuse_too_big(envelope.data)
    return _fact(envelope, None, None)


def _refuse_too_big(value: bytes) -> None:
    if len(value) > RECORD_BYTES_MAX:
        raise Rejected(reasons.TOO_BIG, f"{len(value)} bytes, at most {RECORD_BYTES_MAX}")


def _fact(envelope: Envelope, topic: str | None, recorded_ms: int | None) -> Fact:
    """The fact of an envelope; in a file there is no topic, and the recorded time is what the event says."""
    reader = READERS[envelope.type]
    if topic is not None and reader.topic != topic:
        raise Rejected(reasons.WRONG_TOPIC, f"{envelope.type} belongs to {reader.topic}, not to {topic}")
    time_ms, recordedtime_ms = said_times_ms(envelope)
    data, occurred_ms = reader.read(envelope.data)
    if recorded_ms is None:
        known = (said for said in (recordedtime_ms, time_ms) if said is not None)
        recorded_ms = next(known, occurred_ms)
    return Fact(reader.short, envelope.source, envelope.key, data, occurred_ms, recorded_ms)


def _envelope_of_record(key: bytes | None, value: bytes, said: dict[str, bytes]) -> Envelope:
    """The envelope of a record in either mode."""
    content_type = (said.get("content-type") or b"").decode("latin-1")
    if is_cloudevents_media(content_type):
        if content_type.split(";")[0].strip().lower() != STRUCTURED_MEDIA:
            raise Rejected(reasons.NOT_CLOUDEVENT, f"content-type: {content_type[:100]!r} is not taken")
        return read_structured(value)
    if not any(name.startswith("ce_") for name in said):
        return read_structured(value)
    attributes = {}
    for name in JUDGED:
        try:
            if (raw := said.get("ce_" + name)) is not None:
                attributes[name] = raw.decode()
        except UnicodeDecodeError as error:
            raise Rejected(reasons.NOT_CLOUDEVENT, f"header ce_{name}: not UTF-8") from error
    envelope = judge_attributes(attributes, value, _key_text(key))
    if not key:
        raise Rejected(reasons.NO_KEY, "the record has no Kafka key")
    _remember_source(envelope.source)
    return envelope


def _key_text(key: bytes | None) -> str | None:
    try:
        return None if key is None else key.decode()
    except UnicodeDecodeError as error:
        raise Rejected(reasons.NO_KEY, "the record's key is not UTF-8") from error


def _remember_source(source: str) -> None:
    if len(_sources) >= CACHE_ENTRIES_MAX:
        _sources.clear()
    _sources[source.encode()] = source


def _recorded_ms(said: dict[str, bytes], appended_ms: int) -> int:
    """An origin header that can't be read is not one of ours, and says nothing."""
    value = said.get(ORIGIN_HEADER)
    try:
        return appended_ms if value is None else Origin.parse(value).appended_ms
    except BadOrigin:
        return appended_ms
