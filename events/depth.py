"""How deep JSON nests, found without parsing it.

Parsers recurse: whether they get through a bomb of brackets would depend on the stack that happens to be left.
"""

from __future__ import annotations

import re
from typing import Final

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
