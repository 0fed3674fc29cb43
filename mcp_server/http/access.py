"""Who may call, checked in one place in front of everything: host, origin, key, content type, size of the body.

A page in the user's browser can send requests to loopback, and with DNS rebinding even read the answers. The
checks of `Host` and `Origin` keep it out, and so does JSON's content type, which a browser does not send across
origins without asking first: that question is answered for the origins in `cors.py` alone. The key keeps out everybody
else.
"""

from __future__ import annotations

import logging
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import anyio
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...memory import scope as memory
from ...memory.key_text import FixedKey
from ...stores.ports import MAX_TEXT_BYTES
from ..runtime import Runtime, acting
from . import health
from .admission import Shown, admitted
from .caller import Caller, set_caller
from .cors import ANY
from .keyring import Keyring
from .observed import request_id
from .problem import problem, shown
from .quotas import Quotas, put_quotas
from .revoked import PATHS, Revoked

log = logging.getLogger(__name__)

BODY_LIMIT = 6 * MAX_TEXT_BYTES + 4 * 1024 * 1024
r"""Bytes of a request's body: a text of the largest size fits even if JSON writes each of its bytes as \u001b."""
BODY_PATIENCE = 30.0
"""Seconds without a byte after which a body that is still to come is given up."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
OPEN_PATHS = frozenset({"/health", "/docs", "/openapi.json", *health.ALIVE, *health.READY})
"""What answers without a key."""
KEYED_PATHS = ("/v1/", "/memory-manager/")
"""Below these a body may come as curl's `-d` sends it, or none without a type, where a header of the request has a key
and no web page sent it: a page cannot add such a header without asking first."""
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"cross-origin-resource-policy": b"same-origin",
    b"cache-control": b"no-store",
}
"""What every answer says to browsers unless it says something else there."""

FORM = "application/x-www-form-urlencoded"
_HOST = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/@\[\]]+)(:(?P<port>[0-9]{1,5}))?")
_ORIGIN = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[^\s/?#]+)")


@dataclass(frozen=True, slots=True)
class Access:
    """What a request must bring. *token* None asks for none. *hosts*: names beside those of loopback that the
    Host header may have, each with any port unless it names one. *origins*: web origins beside those of loopback;
    *cors*: those whose pages may also read the answers, or `*`. *scope*: what the token's holder may reach. *fixed*:
    the environment's keys; *runtime*: the memory that has others. *quotas*: how much each caller may. *closed*: digests
    of local tokens, which no language model may see either.
    """

    token: str | None
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    body_limit: int = BODY_LIMIT
    body_patience: float = BODY_PATIENCE
    scope: memory.Scope = field(default_factory=memory.Scope)
    fixed: tuple[FixedKey, ...] = ()
    runtime: Runtime | None = None
    quotas: Quotas = field(default_factory=Quotas)
    cors: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()

    def refusal(self, scope: Scope) -> Response | None:
        """Why the request in *scope* is refused whoever sends it, None if it is not."""
        for check in (self._wrong_host, self._wrong_origin):
            response = check(scope)
            if response is not None:
                return response
        return None

    def too_large(self, received: int) -> Response:
        limit = f"{self.body_limit:,} bytes"
        return problem(
            413,
            f"the body has {received:,} bytes or more; the limit is {limit}",
            "Store a large document in parts, or fewer memories in one call",
        )

    def _wrong_host(self, scope: Scope) -> Response | None:
        given = _values(scope, b"host")
        if len(given) == 1 and self._is_own(given[0].lower()):
            return None
        said = shown(given[0]) if given else "missing"
        return problem(
            421,
            f"the Host header is {said}, which is no name of this server",
            "Use the URL that the server printed at its start, or start it with --allow-host NAME",
        )

    def _is_own(self, host: str) -> bool:
        match = _HOST.fullmatch(host)
        return match is not None and (match["name"] in LOOPBACK | self.hosts or host in self.hosts)

    def _wrong_origin(self, scope: Scope) -> Response | None:
        given = _values(scope, b"origin")
        if not given or (len(given) == 1 and self._is_welcome(given[0].lower())):
            return None
        return problem(
            403,
            f"requests from the web origin {shown(given[0])} are refused",
            "If that page is yours, name its origin in MEMORYOPS_CORS_ORIGINS, or by --allow-origin where a proxy "
            "serves it together with this server",
        )

    def _is_welcome(self, origin: str) -> bool:
        if origin in self.origins or self.cors & {origin, ANY}:
            return True
        match = _ORIGIN.fullmatch(origin)
        host = _HOST.fullmatch(match["host"]) if match is not None and match["scheme"] in ("http", "https") else None
        return host is not None and host["name"] in LOOPBACK

    def wrong_content(self, scope: Scope) -> Response | None:
        """Why the body in *scope* is refused before it is read, None if it is not."""
        if scope["method"] in ("POST", "PUT", "PATCH"):
            media_type = ",".join(_values(scope, b"content-type")).partition(";")[0].strip()
            if media_type.lower() != "application/json" and not _as_curl_sends(media_type.lower(), scope):
                return problem(415, f"the content type is {shown(media_type)}", "Send application/json")
            coding = ",".join(_values(scope, b"content-encoding"))
            if coding.lower() not in ("", "identity"):
                return problem(415, f"the content encoding is {shown(coding)}", "Send the body uncompressed")
        declared = _values(scope, b"content-length")
        if declared and declared[0].isdecimal() and int(declared[0]) > self.body_limit:
            return self.too_large(int(declared[0]))
        return None


def _as_curl_sends(media_type: str, scope: Scope) -> bool:
    """Whether a request that names no JSON is taken all the same: see `KEYED_PATHS`."""
    keyed = _values(scope, b"x-api-key") or _values(scope, b"authorization")
    browser = _values(scope, b"origin") or any(name.startswith(b"sec-fetch-") for name, _ in scope["headers"])
    empty = _values(scope, b"content-length") in ([], ["0"]) and not _values(scope, b"transfer-encoding")
    usual = media_type == FORM or (not media_type and empty)
    return bool(usual and scope["path"].startswith(KEYED_PATHS) and keyed and not browser)


class Gate:
    """Lets through to *app* what *access* allows, with its body read: of a body that breaks off, *app* never hears."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app, self.access = app, access
        self.keyring = Keyring(access.token, access.scope, access.fixed, access.runtime, closed=access.closed)
        self.revoked = None if access.runtime is None else Revoked(access.runtime)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
        elif scope["type"] == "http":
            await _logged(self._serve, scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        let_in = await self._let_in(scope)
        if isinstance(let_in, Response):
            await let_in(scope, receive, send)
            return
        set_caller(scope, let_in)
        put_quotas(scope, self.access.quotas)
        if let_in.key is not None:
            scope["user"] = _sdk_user(let_in.key)
        with acting(let_in.scope if let_in.key is not None else None):
            if self.revoked is not None and let_in.own is not None and scope["path"].startswith(PATHS):
                await self.revoked.serve(let_in.own, self._pass_on, scope, receive, send)
            else:
                await self._pass_on(scope, receive, send)

    async def _let_in(self, scope: Scope) -> Caller | Response:
        refused = self.access.refusal(scope)
        if refused is not None:
            return refused
        if scope["path"] in OPEN_PATHS:
            return self.access.wrong_content(scope) or Caller(self.access.scope)
        everybody = Caller(self.access.scope) if self.access.token is None else None
        shown = Shown.of(_values(scope, b"x-api-key"), _values(scope, b"authorization"))
        caller = await admitted(shown, self.keyring, everybody)
        if isinstance(caller, Response):
            return caller
        return self.access.wrong_content(scope) or await self.access.quotas.admit(caller) or caller

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        body = await self._body(receive)
        if isinstance(body, Response):
            await body(scope, receive, send)
        elif body is not None:
            await self.app(scope, _replay(body, receive), send)

    async def _body(self, receive: Receive) -> deque[Message] | Response | None:
        """The messages of the whole body, a refusal, or None when the client has gone before its end."""
        messages: deque[Message] = deque()
        size = 0
        while not messages or messages[-1].get("more_body", False):
            message: Message | None = None
            with anyio.move_on_after(self.access.body_patience):
                message = await receive()
            if message is None:
                waited = f"no byte of the body came for {self.access.body_patience:g} seconds"
                return problem(408, waited, "Send the request again", {"Connection": "close"})
            if message["type"] != "http.request":
                return None
            size += len(message.get("body", b""))
            if size > self.access.body_limit:
                return self.access.too_large(size)
            messages.append(message)
        return messages


def _replay(messages: deque[Message], receive: Receive) -> Receive:
    async def replayed() -> Message:
        return messages.popleft() if messages else await receive()

    return replayed


async def _logged(
    serve: Callable[[Scope, Receive, Send], Awaitable[None]], scope: Scope, receive: Receive, send: Send
) -> None:
    """*serve*, with a line in the log: no query, no header, no content."""
    started = time.perf_counter()
    status = 0

    async def watched(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            said = {name.lower() for name, _ in message["headers"]}
            more = [(name, value) for name, value in HEADERS.items() if name not in said]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    try:
        await serve(scope, receive, watched)
    finally:
        path = scope.get("raw_path", b"").decode("ascii", "replace")[:200]
        took = round(1000 * (time.perf_counter() - started), 1)
        fields: dict[str, Any] = {"method": scope["method"], "path": path, "status": status, "milliseconds": took}
        fields["request"] = request_id(scope)
        log.info("request", extra=fields)


def _sdk_user(key: str) -> AuthenticatedUser:
    """By this the SDK knows that a session belongs to the key that opened it."""
    return AuthenticatedUser(AccessToken(token="", client_id=key, scopes=[]))


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]
