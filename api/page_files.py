"""The static page: files that a browser may keep but must ask about."""

from __future__ import annotations

import os
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope


class PageFiles(StaticFiles):
    """Files of a folder, which may be absent.

    Args:
        folder: where they are; ``index.html`` answers for ``/``.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)

    async def check_config(self) -> None:
        """The folder need not be there."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at a path; 404 if there is none."""
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response

    def lookup_path(self, path: str) -> tuple[str, os.stat_result | None]:
        """Hidden files are not served."""
        if any(part.startswith(".") for part in Path(path).parts if part != "."):
            return "", None
        return super().lookup_path(path)
