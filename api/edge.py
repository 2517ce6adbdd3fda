"""The outermost layer of the app: paths as they were sent, limits, headers, counts.

Routes are matched against the path still percent-encoded, so that an id with an encoded slash stays one segment; the
convertors ``text`` and ``texts`` decode what they match.
"""

from __future__ import annotations

import logging
from typing import Any
from urllib.parse import quote, unquote

from starlette.convertors import Convertor, register_url_convertor
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api import problems
from api.limits import TARGET_BYTES_MAX
from api.metrics import ApiMetrics

log = logging.getLogger(__name__)

PAGE_POLICY = (
    b"default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
    b"frame-ancestors 'self'"
)
DATA_PATHS = ("/v1/", "/livez", "/readyz", "/startupz", "/problems/")
DATA_POLICY = b"default-src 'none'; frame-ancestors 'none'"
SECURITY_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"no-referrer")]


class Text(Convertor[str]):
    """One path segment, decoded."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """Decode."""
        return unquote(value)

    def to_string(self, value: str) -> str:
        """Encode."""
        return quote(value, safe="")


class Texts(Text):
    """One or more path segments, decoded: an id that was sent with raw slashes."""

    regex = ".+"


register_url_convertor("text", Text())
register_url_convertor("texts", Texts())


class Edge:
    """ASGI middleware.

    Args:
        app: what it is put around.
        metrics: where answers are counted.
    """

    def __init__(self, app: ASGIApp, metrics: ApiMetrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        raw = scope.get("raw_path") or quote(scope["path"]).encode()
        scope = dict(scope, path=raw.decode("ascii", "replace"))
        answer = _Answer(scope, send)
        try:
            if len(raw) + len(scope["query_string"]) > TARGET_BYTES_MAX:
                response = problems.response("too-long", f"Path and query have {TARGET_BYTES_MAX} bytes at most.", "")
                await response(scope, receive, answer.send)
            elif scope["method"] == "HEAD" and scope["path"].startswith(DATA_PATHS):
                response = problems.response("method-not-allowed", "HEAD is not allowed.", scope["path"])
                await response(scope, receive, answer.send)
            else:
                await self._app(scope, receive, answer.send)
        except Exception:
            log.exception("request failed: %s", scope["path"])
            if answer.code:
                raise
            response = problems.response("internal", "The server's log names the cause.", scope["path"])
            await response(scope, receive, answer.send)
        finally:
            self._metrics.http_requests.labels(route=_route(scope), code=str(answer.code or 499)).inc()


class _Answer:
    """Passes an answer on, with our headers; remembers its status."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self.code = 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.code = message["status"]
            kind = next((v for k, v in message["headers"] if k.lower() == b"content-type"), b"")
            policy = DATA_POLICY if b"json" in kind or b"event-stream" in kind else PAGE_POLICY
            headers = [*message["headers"], *SECURITY_HEADERS, (b"content-security-policy", policy)]
            message = {**message, "headers": headers}
        await self._send(message)


def _route(scope: Scope) -> str:
    """The template of the route that answered: few values, whatever is asked for."""
    route: Any = scope.get("route")
    path = getattr(route, "path_format", None) or getattr(route, "path", None)
    if path:
        return str(path)
    return "unmatched" if scope["path"].startswith("/v1/") else "page"
