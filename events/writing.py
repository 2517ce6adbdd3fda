"""Writes events: Kafka records in binary mode and lines of JSONL, from objects or from lines that are already JSON."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import msgspec

from events.contract import Contract
from events.envelope import JSON_MEDIA, SPEC_VERSION, members, read_structured
from events.facts import Rejected
from events.limits import LINE_BYTES_MAX
from events.registry import BY_TYPE, SALES, EventType, event_type

_NOT_HEADERS: Final = frozenset({"data", "data_base64", "datacontenttype"})
_NULL: Final = msgspec.Raw(b"null")
_JSON_MEDIA_RAW: Final = msgspec.Raw(msgspec.json.encode(JSON_MEDIA))
_decode_text: Final = msgspec.json.Decoder(str).decode


class Outgoing(NamedTuple):
    """A record to send.

    Attributes:
        topic: logical topic.
        key: the record's key; None = any partition.
        value: the record's value.
        headers: the record's headers.
    """

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


def to_record(line: bytes) -> Outgoing:
    """A line of JSONL as the record that ``emit`` sends. Never raises and never judges ``data``.

    A line that is no CloudEvent of a known type with a ``partitionkey`` goes to the sales topic unchanged and unkeyed;
    the reader there says why it can't count. Any other goes in binary mode, ``data`` byte for byte.
    """
    try:
        if len(line) > LINE_BYTES_MAX:
            return Outgoing(SALES, None, line, [])
        envelope = read_structured(line)
        attributes = members(line)
    except Rejected:
        return Outgoing(SALES, None, line, [])
    headers = [
        ("ce_" + name, _header_value(raw))
        for name, raw in attributes.items()
        if name not in _NOT_HEADERS and raw != _NULL
    ]
    content_type = attributes.get("datacontenttype", _NULL)
    headers.append(("content-type", _header_value(_JSON_MEDIA_RAW if content_type == _NULL else content_type)))
    return Outgoing(BY_TYPE[envelope.type].topic, envelope.key.encode(), envelope.data, headers)


def _header_value(raw: msgspec.Raw) -> bytes:
    """A text as it is; numbers and truth values (which extensions may have) as their JSON."""
    try:
        return _decode_text(raw).encode()
    except (msgspec.MsgspecError, ValueError):
        return bytes(raw)


def encode_record(
    type: str | EventType,
    data: Any,
    *,
    id: str,
    source: str,
    time: str | None = None,
    partitionkey: str | None = None,
    recordedtime: str | None = None,
    **extensions: str,
) -> Outgoing:
    """An event as a Kafka record in binary mode.

    Args:
        type: short or full type.
        data: a contract object, its struct, or a mapping (checked against the contract).
        id: with ``source``, what makes the event one of its kind.
        source: who sends it, such as ``/pos/store-042``.
        time: when it happened, RFC 3339.
        partitionkey: default: as the type says (a sale's rep_id).
        recordedtime: when it was recorded, RFC 3339.
        extensions: other CloudEvents attributes, such as ``subject`` or ``traceparent``.

    Raises:
        KeyError: unknown type.
        pydantic.ValidationError: ``data`` breaks the contract.
    """
    row = _row(type)
    checked = _checked(row, data)
    key = partitionkey or row.key_of(checked)
    said = {"time": time, "partitionkey": key, "recordedtime": recordedtime, **extensions}
    headers = [("ce_" + name, value.encode()) for name, value in _attributes(row, id, source, said).items()]
    headers.append(("content-type", JSON_MEDIA.encode()))
    return Outgoing(row.topic, key.encode(), _data_json(checked), headers)


def to_line(
    type: str | EventType,
    data: Any,
    *,
    id: str,
    source: str,
    time: str | None = None,
    partitionkey: str | None = None,
    recordedtime: str | None = None,
    **extensions: str,
) -> bytes:
    """An event as a line of JSONL, without a line end. Arguments and errors as for ``encode_record``."""
    row = _row(type)
    checked = _checked(row, data)
    key = partitionkey or row.key_of(checked)
    said = {"time": time, "partitionkey": key, "recordedtime": recordedtime, **extensions}
    event: dict[str, Any] = {**_attributes(row, id, source, said), "datacontenttype": JSON_MEDIA}
    event["data"] = msgspec.Raw(_data_json(checked))
    return msgspec.json.encode(event)


def _row(type: str | EventType) -> EventType:
    row = type if isinstance(type, EventType) else event_type(type)
    if row is None:
        raise KeyError(type)
    return row


def _checked(row: EventType, data: Any) -> Contract:
    """The data as an object of the row's contract class."""
    if isinstance(data, row.contract):
        return data
    return row.contract.model_validate_json(msgspec.json.encode(data))


def _attributes(row: EventType, id: str, source: str, said: dict[str, str | None]) -> dict[str, str]:
    attributes = {"specversion": SPEC_VERSION, "id": id, "source": source, "type": row.type}
    return attributes | {name: value for name, value in said.items() if value is not None}


def _data_json(data: Contract) -> bytes:
    """Absent optional fields are left out, as people write them."""
    return data.model_dump_json(exclude_none=True).encode()
