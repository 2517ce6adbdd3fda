"""Canonical JSON (RFC 8785): one text for one value, so that texts can be compared and hashed."""

from __future__ import annotations

from collections.abc import Mapping
from json.encoder import encode_basestring
from typing import Any

import msgspec
from pydantic import BaseModel

# JSON values are recursive; a precise alias would not narrow any further than isinstance does here.
Json = Any


def canonical_json(value: Json) -> bytes:
    """The RFC 8785 text of a value made of str, int, bool, None, list, tuple and dict, in UTF-8.

    Members are sorted by UTF-16 code units. Integers are written in full, above 2^53 too (where RFC 8785 stops).

    >>> canonical_json({"b": [1, None], "a": "é"}).decode()
    '{"a":"é","b":[1,null]}'

    Raises:
        TypeError: another type, floats included.
        UnicodeEncodeError: a lone surrogate.
    """
    return _text(value).encode()


def _text(value: Json) -> str:
    match value:
        case str():
            return _string(value)
        case None:
            return "null"
        case True:
            return "true"
        case False:
            return "false"
        case int():
            return int.__repr__(value)
        case list() | tuple():
            return "[" + ",".join(map(_text, value)) + "]"
        case dict():
            names = sorted(value, key=lambda name: name.encode("utf-16-be"))
            return "{" + ",".join(f"{_string(name)}:{_text(value[name])}" for name in names) + "}"
        case _:
            raise TypeError(f"{type(value).__name__} has no canonical JSON here")


def _string(text: str) -> str:
    """RFC 8785, 3.2.2.2: short escapes where JSON has them, four hex digits for other controls, all else as it is."""
    return encode_basestring(text)


def plain(data: Json) -> Json:
    """A contract object, or the struct the codec reads it into, as plain dicts, lists and values, with defaults."""
    if isinstance(data, BaseModel):
        return data.model_dump(mode="json")
    if isinstance(data, Mapping):
        return dict(data)
    return msgspec.to_builtins(data)


def canonical_data(data: Json) -> str:
    """The canonical text of a contract object, every optional field filled in (absent = null, defaults written out).

    Of two facts with one key and revision, the greater text counts (docs/reference/semantics.md, 1).
    """
    return _text(plain(data))
