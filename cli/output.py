"""What commands print: results on stdout in the wanted format, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


class Output(StrEnum):
    """The format of a result."""

    TABLE = "table"
    JSON = "json"
    NDJSON = "ndjson"


def say(text: str) -> None:
    """One line of progress on stderr."""
    stderr.print(text, markup=False)


def print_rows(rows: Iterable[Mapping[str, Any]], output: Output, *, columns: Sequence[str] = ()) -> None:
    """Prints a list of objects; a table shows `columns`, or all names of the first row."""
    match output:
        case Output.NDJSON:
            for row in rows:
                _line(json.dumps(row, ensure_ascii=False, separators=(",", ":")))
        case Output.JSON:
            _line(json.dumps(list(rows), ensure_ascii=False, indent=2))
        case Output.TABLE:
            found = list(rows)
            names = list(columns) or (list(found[0]) if found else [])
            table = Table(*names)
            for row in found:
                table.add_row(*(_cell(row.get(name)) for name in names))
            Console(highlight=False).print(table)


def print_object(value: Mapping[str, Any], output: Output) -> None:
    """Prints one object; a table has a row for each name."""
    match output:
        case Output.NDJSON:
            _line(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        case Output.JSON:
            _line(json.dumps(value, ensure_ascii=False, indent=2))
        case Output.TABLE:
            table = Table(show_header=False)
            for name, cell in value.items():
                table.add_row(name, _cell(cell))
            Console(highlight=False).print(table)


def _cell(value: Any) -> str:  # Any: whatever JSON can hold
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _line(text: str) -> None:
    sys.stdout.write(text + "\n")
