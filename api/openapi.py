"""Writes the API's description: ``python -m api.openapi [FILE]``."""

from __future__ import annotations

import json
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from api.options import ApiOptions
from api.server import create_app
from domain.boards import Group
from projections.ports import GroupDump, Snapshot, SnapshotRequest

PATH = Path("deploy/openapi.json")
VERSION = "1"


class _Nothing:
    """A store that holds nothing: the description needs none."""

    async def snapshot(self, request: SnapshotRequest) -> Snapshot:
        return Snapshot("")

    async def groups(self) -> tuple[str, list[Group]]:
        return "", []

    async def dump(self, version: str, groups: Sequence[Group]) -> list[GroupDump | None]:
        return [None] * len(groups)

    async def changed(self) -> AsyncIterator[tuple[str, list[str]]]:
        yield "", []

    async def close(self) -> None:
        """Nothing to close."""


def openapi_text() -> str:
    """The description as committed."""
    app = create_app(ApiOptions(build_version=VERSION), _Nothing(), lambda: datetime(2026, 1, 1, tzinfo=UTC))
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write the file named, or the committed one."""
    path = Path(arguments[0]) if arguments else PATH
    path.write_text(openapi_text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
