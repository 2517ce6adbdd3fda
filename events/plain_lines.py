"""Lines of JSONL without a fault, as nearly all are, read in one pass: envelope and ``data`` together.

It only ever says "yes": what it refuses is read with care (``events.codec``), which names the reason or is more
patient. So it may be stricter than the rules, and is: a line with an extension that it does not know is read with care.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import Annotated, Any, Final, Literal

import msgspec

from events.envelope import JSON_MEDIA, SPEC_VERSION
from events.facts import Fact
from events.instants import instant_ms
from events.limits import ATTRIBUTE_CHARS_MAX, RECORD_BYTES_MAX
from events.registry import EVENT_TYPES, SALES, EventType
from events.structs import checks_of, struct_of

NOT_PLAIN: Final = (msgspec.MsgspecError, ValueError, RecursionError)
"""What reading a line raises that is not plain."""

_Attribute = Annotated[str, msgspec.Meta(min_length=1, max_length=ATTRIBUTE_CHARS_MAX)]
_Key = Annotated[str, msgspec.Meta(min_length=1)]
_Text = str | None
_EXTENSIONS: Final = ("subject", "dataschema", "traceparent", "tracestate", "sequence", "correlationid", "causationid")
"""Attributes that are carried and not looked at; as texts, so that nothing in them can be wrong or deep."""

_TYPE_NAME: Final = b'"type"'
_new_fact: Final = tuple.__new__  # a named tuple's own constructor takes twice the time


class _TypeReader:
    """Reads the plain lines of one event type."""

    __slots__ = ("_checks", "_decode", "_instant_of", "_short")

    def __init__(self, row: EventType) -> None:
        """Derive the struct of a whole line from the row's contract class."""
        fields: list[Any] = [  # defstruct takes (name, type) and (name, type, default)
            ("specversion", Literal[SPEC_VERSION]),
            ("id", _Attribute),
            ("source", _Attribute),
            ("type", Literal[row.type]),
            ("partitionkey", _Key),
            ("data", struct_of(row.contract)),
            ("datacontenttype", Literal[JSON_MEDIA] | None, None),
            *((name, _Text, None) for name in ("time", "recordedtime", *_EXTENSIONS)),
        ]
        line = msgspec.defstruct(
            "Line", fields, kw_only=True, frozen=True, forbid_unknown_fields=True, gc=False, module=__name__
        )
        self._decode: Callable[[bytes], Any] = msgspec.json.Decoder(line).decode
        self._short = row.short
        self._instant_of: Callable[[Any], str] | None = attrgetter(row.instant_field) if row.instant_field else None
        self._checks = tuple(
            (attrgetter(name), check) for name, check in checks_of(row.contract) if name != row.instant_field
        )

    def read(self, text: bytes) -> Fact:
        """The fact of a line.

        Raises:
            NOT_PLAIN: it is not plain, or of another type.
        """
        line = self._decode(text)
        data, time, recorded = line.data, line.time, line.recordedtime
        for value_of, check in self._checks:
            check(value_of(data))
        occurred = None if self._instant_of is None else self._instant_of(data)
        occurred_ms = 0 if occurred is None else instant_ms(occurred)
        time_ms = occurred_ms if time is None or time == occurred else instant_ms(time)
        recorded_ms = time_ms if recorded is None or recorded == time else instant_ms(recorded)
        fact: Fact = _new_fact(Fact, (self._short, line.source, line.partitionkey, data, occurred_ms, recorded_ms))
        return fact


class PlainLines:
    """Reads plain lines of every type; it expects that a line has the type of the one before it."""

    def __init__(self) -> None:
        # An older version is upcast, which takes care anyway.
        self._readers = {row.type.encode(): _TypeReader(row) for row in EVENT_TYPES if row.upcast is None}
        self._recent = next(
            self._readers[row.type.encode()] for row in EVENT_TYPES if row.topic == SALES and row.version
        )

    def read(self, text: bytes) -> Fact:
        """The fact of a line.

        Raises:
            NOT_PLAIN: it is not plain; that says nothing about it.
        """
        if len(text) > RECORD_BYTES_MAX:
            raise ValueError
        recent = self._recent
        try:
            return recent.read(text)
        except NOT_PLAIN:
            other = self._readers.get(_type_in(text))
            if other is None or other is recent:
                raise
        self._recent = other
        return other.read(text)


def _type_in(text: bytes) -> bytes:
    """What seems to be the type of a line.

    >>> _type_in(b'{"type": "dev.standings.rep.left.v1"}')
    b'dev.standings.rep.left.v1'
    """
    start = text.find(b'"', text.find(_TYPE_NAME) + len(_TYPE_NAME)) + 1
    return text[start : text.find(b'"', start)]
