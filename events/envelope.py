"""The CloudEvents envelope: attributes from a line of JSON (structured mode) or from Kafka headers (binary mode).

Both are judged alike and in one order: attributes, type, key. An attribute that is null is absent; extensions that are
not named here are carried and never judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, NamedTuple

import msgspec

from events import reasons
from events.errors import BadInstant
from events.facts import Rejected
from events.instants import instant_ms
from events.json_text import refuse_not_json, refuse_too_deep
from events.limits import ATTRIBUTE_CHARS_MAX
from events.registry import BY_TYPE, is_known_name

SPEC_VERSION: Final = "1.0"
CLOUDEVENTS_MEDIA: Final = "application/cloudevents"
STRUCTURED_MEDIA: Final = "application/cloudevents+json"
JSON_MEDIA: Final = "application/json"
JUDGED: Final = frozenset(
    {"specversion", "id", "source", "type", "time", "recordedtime", "datacontenttype", "partitionkey"}
)
"""The attributes that this package looks at; all others are only carried."""

_PLAIN_MEDIA: Final = frozenset({None, JSON_MEDIA})
_ABSENT: Final = msgspec.Raw(b"")


class Envelope(NamedTuple):
    """An event with sound attributes, a known type and a key; its ``data`` is not judged yet.

    Attributes:
        type: full CloudEvents type.
        source: who sent it.
        key: the partition key.
        time: when it happened, as the sender says; RFC 3339 text, unread.
        recordedtime: when the sender recorded it; RFC 3339 text, unread.
        data: the JSON of ``data``; empty if there is none.
    """

    type: str
    source: str
    key: str
    time: str | None
    recordedtime: str | None
    data: bytes


class _Line(msgspec.Struct, gc=False, frozen=True):
    """A structured event without faults, as nearly all are."""

    specversion: str
    id: Annotated[str, msgspec.Meta(min_length=1, max_length=ATTRIBUTE_CHARS_MAX)]
    source: Annotated[str, msgspec.Meta(min_length=1, max_length=ATTRIBUTE_CHARS_MAX)]
    type: str
    partitionkey: Annotated[str, msgspec.Meta(min_length=1)]
    time: str | None = None
    recordedtime: str | None = None
    datacontenttype: str | None = None
    data: msgspec.Raw = _ABSENT


_decode_text: Final = msgspec.json.Decoder(str | None).decode
_decode_line: Final = msgspec.json.Decoder(_Line).decode
_decode_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def read_structured(text: bytes) -> Envelope:
    """The envelope of a structured event.

    Raises:
        Rejected: ``too_deep``, ``not_json``, ``not_cloudevent``, ``unknown_type``, ``unknown_version`` or ``no_key``.
    """
    refuse_too_deep(text)
    try:
        line = _decode_line(text)
    except (msgspec.MsgspecError, ValueError):
        return _envelope_of_members(members(text))
    if line.specversion != SPEC_VERSION or line.type not in BY_TYPE or line.datacontenttype not in _PLAIN_MEDIA:
        return _envelope_of_members(members(text))
    if not text.isascii():
        _refuse_bad_utf8(text)
    return Envelope(line.type, line.source, line.partitionkey, line.time, line.recordedtime, bytes(line.data))


def members(text: bytes) -> dict[str, msgspec.Raw]:
    """The members of a JSON object, each as its own JSON; of a name given twice the last one counts.

    Raises:
        Rejected: ``too_deep``, ``not_json``, or ``not_cloudevent`` if it is JSON but no object.
    """
    refuse_too_deep(text)
    _refuse_bad_utf8(text)
    try:
        return _decode_members(text)
    except msgspec.ValidationError as error:
        refuse_not_json(text)
        raise Rejected(reasons.NOT_CLOUDEVENT, "a CloudEvent is a JSON object") from error
    except (msgspec.MsgspecError, ValueError) as error:
        raise Rejected(reasons.NOT_JSON, str(error)) from error


def _refuse_bad_utf8(text: bytes) -> None:
    """Parsers only look at the strings they keep."""
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise Rejected(reasons.NOT_JSON, f"not UTF-8: {error}") from error


def _envelope_of_members(raw: dict[str, msgspec.Raw]) -> Envelope:
    attributes = {name: _plain_value(raw[name]) for name in JUDGED & raw.keys()}
    return judge_attributes(attributes, bytes(raw.get("data", _ABSENT)))


def _plain_value(raw: msgspec.Raw) -> Any:
    """Text as text, null as None; anything else stays raw, and is no text."""
    try:
        return _decode_text(raw)
    except (msgspec.MsgspecError, ValueError):
        return raw


def judge_attributes(attributes: Mapping[str, Any], data: bytes, kafka_key: str | None = None) -> Envelope:
    """The envelope of these attributes.

    Args:
        attributes: name to value as JSON types; ``datacontenttype`` under that name.
        data: the JSON of ``data``.
        kafka_key: stands in for an absent ``partitionkey``.

    Raises:
        Rejected: ``not_cloudevent``, ``unknown_type``, ``unknown_version`` or ``no_key``.
    """
    if attributes.get("specversion") != SPEC_VERSION:
        raise Rejected(reasons.NOT_CLOUDEVENT, 'specversion: must be "1.0"')
    for name in ("id", "source"):
        value = attributes.get(name)
        if not isinstance(value, str) or not 1 <= len(value) <= ATTRIBUTE_CHARS_MAX:
            raise Rejected(reasons.NOT_CLOUDEVENT, f"{name}: must be a text of 1 to {ATTRIBUTE_CHARS_MAX} characters")
    event_type = attributes.get("type")
    if not isinstance(event_type, str) or not event_type:
        raise Rejected(reasons.NOT_CLOUDEVENT, "type: must be a text")
    for name in ("time", "recordedtime", "datacontenttype"):
        if not isinstance(attributes.get(name), str | None):
            raise Rejected(reasons.NOT_CLOUDEVENT, f"{name}: must be a text")
    if is_cloudevents_media(attributes.get("datacontenttype") or JSON_MEDIA):
        raise Rejected(reasons.NOT_CLOUDEVENT, "datacontenttype: an event inside an event is not taken")
    if event_type not in BY_TYPE:
        reason = reasons.UNKNOWN_VERSION if is_known_name(event_type) else reasons.UNKNOWN_TYPE
        raise Rejected(reason, f"type: {event_type[:100]!r}")
    key = attributes.get("partitionkey") or kafka_key
    if not isinstance(key, str) or not key:
        raise Rejected(reasons.NO_KEY, "partitionkey: must be a text that is not empty")
    return Envelope(event_type, attributes["source"], key, attributes.get("time"), attributes.get("recordedtime"), data)


def is_cloudevents_media(media_type: str) -> bool:
    """Whether a content type says that the value is a whole CloudEvent, in whatever format."""
    return media_type.strip().lower().startswith(CLOUDEVENTS_MEDIA)


def said_times_ms(envelope: Envelope) -> tuple[int | None, int | None]:
    """``time`` and ``recordedtime`` in UTC milliseconds; None where absent.

    Raises:
        Rejected: ``not_cloudevent`` if one is there but no RFC 3339 instant.
    """
    return _said_ms("time", envelope.time), _said_ms("recordedtime", envelope.recordedtime)


def _said_ms(name: str, text: str | None) -> int | None:
    try:
        return None if text is None else instant_ms(text)
    except BadInstant as error:
        raise Rejected(reasons.NOT_CLOUDEVENT, f"{name}: {error}") from error
