"""What all endpoints of the gateway share: reading a body, and asking an upstream on a caller's behalf."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field

from starlette.types import Scope

from ...memory import llms
from ...memory.errors import InvalidInput
from ...memory.llms import Llm
from ...memory.settings import Settings
from ..http.caller import Caller
from ..workers import Workers
from . import headers
from .body import Body
from .client import Client, Reply
from .errors import Loop
from .upstreams import Route, Upstreams

LARGE = 64 * 1024
"""Bytes from which a body is read in a thread: a megabyte takes some ten milliseconds."""
SMALL = 4 * 1024
"""Bytes up to which tokens are counted without a thread, which would take longer than they do."""
THREADS = 8
VIA = b"x-memoryops-via"


@dataclass(slots=True)
class Passing:
    """The upstreams and the way to them. *name*: of this gateway, by which it knows a request that it sent itself."""

    settings: Settings
    upstreams: Upstreams
    client: Client
    workers: Workers = field(default_factory=lambda: Workers(THREADS, "gateway"))
    name: bytes = field(default_factory=lambda: secrets.token_hex(8).encode("ascii"))

    async def parsed(self, raw: bytes) -> Body:
        """*raw* as a JSON object. Raises `BadRequest`."""
        if len(raw) < LARGE:
            return Body.parse(raw)
        return await self.workers.run(None, lambda: Body.parse(raw))

    def llm(self, model: str | None) -> tuple[Llm, bool]:
        """*model* by the table of windows and prices, and whether it is there."""
        table = llms.table(self.settings.models_file)
        try:
            found = llms.find(model or "unnamed", table, quiet=True)
        except InvalidInput:  # no name as we have them; its upstream may know better
            found = llms.find("unnamed", table, quiet=True)
        return found, found.name in table.models

    async def ask(self, scope: Scope, caller: Caller, route: Route, operation: str, body: bytes | None = None) -> Reply:
        """Send *body* to the upstream of *route*, with what of the caller's headers may go there.

        Raises `UpstreamUnreachable`, `UpstreamTimeout`, `Loop` or `BadRequest`.
        """
        given = scope["headers"]
        sent = headers.of_request(given)
        before = [value for name, value in given if name == VIA]
        if any(self.name in value.split(b",") for value in before):
            raise Loop(f"the upstream {route.upstream.name} is this gateway itself; correct its base")
        own = [(name.lower().encode("ascii"), value.encode("ascii")) for name, value in route.upstream.headers.items()]
        named = {name for name, _ in own}
        sent = [*own, *(pair for pair in sent if pair[0] not in named)]
        sent += [(VIA, b",".join([*before, self.name])), *route.upstream.credentials(_forwarded(caller))]
        method = "GET" if body is None else "POST"
        url = route.upstream.url(operation, route.model)
        return await self.client.ask(route.upstream, method, url, _for_method(method, sent), body)


def _forwarded(caller: Caller) -> bytes | None:
    return caller.upstream.encode("latin-1") if caller.upstream else None


def _for_method(method: str, sent: Sequence[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    return [pair for pair in sent if method != "GET" or pair[0] != b"content-type"]
