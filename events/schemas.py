"""Writes the JSON Schemas of ``data``, one file per event type: ``python -m events.schemas``.

The files are committed for integrators; a test fails when they no longer say what the contract classes say.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

from events.registry import EVENT_TYPES, EventType

FOLDER: Final = Path(__file__).parent / "schemas"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def schema_of(row: EventType) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a type's ``data``."""
    return {"$schema": DIALECT, "$id": f"{row.type}.json", **row.contract.model_json_schema()}


def schema_files() -> dict[str, str]:
    """File name to text, for every type of the registry."""
    return {f"{row.short}.json": _text(schema_of(row)) for row in EVENT_TYPES}


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write every schema and remove files of types that are gone."""
    folder.mkdir(exist_ok=True)
    files = schema_files()
    for path in folder.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
