"""What is seen of every request, whoever answers it: its id, its figures, and errors in the shape that its path has."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, MutableMapping
from typing import Any

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .metrics import Metrics
from .problem import MEDIA_TYPE

_PLACE = "memoryops.request"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))

Shape = Callable[[int, dict[str, Any]], Response]


def request_id(scope: MutableMapping[str, Any]) -> str:
    """The id of the request in the ASGI *scope*: its caller's, if it gave a usable one."""
    id: str = scope.get("state", {}).get(_PLACE, "")
    return id


class Observed:
    """Gives every request of *app* an id, and counts it.

    *shapes*: by the beginning of a path, how its errors are told. What refuses a request before it reaches its route
    speaks of problems (RFC 9457); clients of some paths read another form.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, shapes: dict[str, Shape]) -> None:
        self.app, self.metrics, self.shapes = app, metrics, shapes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        id = _given(scope) or uuid.uuid4().hex
        scope.setdefault("state", {})[_PLACE] = id
        shape = next((form for path, form in self.shapes.items() if scope["path"].startswith(path)), None)
        reply = _Reply(send, id.encode("ascii"), shape)
        began = time.perf_counter()
        try:
            await self.app(scope, receive, reply.send)
        finally:
            self._count(scope, reply, time.perf_counter() - began)

    def _count(self, scope: Scope, reply: _Reply, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.metrics.requests.labels(method, route, str(reply.status or 499)).inc()
        self.metrics.seconds.labels(method, route).observe(seconds)
        if reply.status == 429 and reply.is_problem:
            self.metrics.limited.inc()


class _Reply:
    """Passes a reply on with the request's id; a problem in another *shape*, if there is one."""

    def __init__(self, send: Send, id: bytes, shape: Shape | None) -> None:
        self._send, self._id, self._shape = send, id, shape
        self.status = 0
        self.is_problem = False
        self._problem = b""
        self._headers: list[tuple[bytes, bytes]] = []

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = [(name.lower(), value) for name, value in message.get("headers", ())]
            self.is_problem = any(name == b"content-type" and value.startswith(_PROBLEM) for name, value in headers)
            if not any(name == b"x-request-id" for name, _ in headers):
                headers.append((b"x-request-id", self._id))
            self._headers = headers
            if not (self.is_problem and self._shape):
                await self._send({**message, "headers": headers})
        elif self.is_problem and self._shape:
            self._problem += message.get("body", b"")
            if not message.get("more_body", False):
                await self._shaped(self._shape)
        else:
            await self._send(message)

    async def _shaped(self, shape: Shape) -> None:
        response = shape(self.status, json.loads(self._problem))
        kept = [pair for pair in self._headers if pair[0] not in (b"content-type", b"content-length")]
        headers = [*response.raw_headers, *kept]
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})
        await self._send({"type": "http.response.body", "body": response.body})


_PROBLEM = MEDIA_TYPE.encode("ascii")


def _given(scope: Scope) -> str:
    """The id that the caller gave, "" if it is none that can be passed on."""
    given = [value for name, value in scope["headers"] if name == b"x-request-id"]
    return given[0].decode("ascii") if len(given) == 1 and _ID.fullmatch(given[0]) else ""
