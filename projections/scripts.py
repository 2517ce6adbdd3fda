"""The Lua scripts: each is one atomic step in Redis."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from projections.keys import LUA_PRELUDE

_PARTS = {
    "step": ("fields", "common", "members", "attainment", "step"),
    "parts": ("fields", "parts"),
    "read": ("fields", "view", "read"),
    "dump": ("fields", "view", "dump"),
}
"""Scripts of several files, in order; every other one is a file of its own."""


@cache
def script(name: str) -> str:
    """The text of a script: the parts of key names, then its files."""
    folder = files("projections") / "lua"
    parts = _PARTS.get(name, (name,))
    return LUA_PRELUDE + "\n".join((folder / f"{part}.lua").read_text("utf-8") for part in parts)
