"""What a text is before it is read: JSON at all, and not too deep.

Parsers recurse: whether they get through a bomb of brackets would depend on the stack that happens to be left, so depth
is found without one.
"""

from __future__ import annotations

import json
import re
from typing import Final, NoReturn

from events import reasons
from events.facts import Rejected
from events.limits import DEPTH_MAX

_STRING_OR_BRACKET: Final = re.compile(rb'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def depth(text: bytes) -> int:
    """The deepest nesting of arrays and objects; of text that is not JSON, how deep a parser would get at most.

    >>> depth(b'{"a": [[], "[[["]}')
    3
    """
    deepest = level = 0
    for part in _STRING_OR_BRACKET.findall(text):
        if part in (b"[", b"{"):
            level += 1
            deepest = max(deepest, level)
        elif part in (b"]", b"}"):
            level -= 1
    return deepest


def refuse_too_deep(text: bytes) -> None:
    """Pass text that nests no deeper than the limit.

    Raises:
        Rejected: ``too_deep``.
    """
    # Counting all brackets is far cheaper than finding their depth, and settles it for every real event.
    if text.count(b"[") + text.count(b"{") > DEPTH_MAX and depth(text) > DEPTH_MAX:
        raise Rejected(reasons.TOO_DEEP, f"arrays and objects nest deeper than {DEPTH_MAX}")


def refuse_not_json(text: bytes) -> None:
    """Pass text that is JSON in UTF-8, whatever its size and numbers.

    Other parsers are no judge of this: they take NaN, or stop at the first thing they did not want.

    Raises:
        Rejected: ``not_json``.
    """
    try:
        # Numbers stay text: their size is no question of JSON.
        json.loads(text.decode(), parse_constant=_no_constant, parse_int=str, parse_float=str)
    except ValueError as error:
        raise Rejected(reasons.NOT_JSON, str(error)) from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
