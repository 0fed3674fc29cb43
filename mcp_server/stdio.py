"""MCP on a file descriptor of our own, instead of on standard output.

The SDK's own transport leaves standard output to whoever prints until it has started, and hands it back to them
at the end. It also drops a line that is no message; here whoever sent it hears so, and does not wait for ever.
"""

from __future__ import annotations

import io
import json
import logging
import os
from typing import Any

import anyio
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

from .protocol import MemoryServer
from .streams import Incoming

log = logging.getLogger(__name__)

_REMEDY = "send one JSON-RPC 2.0 message a line, as valid UTF-8, nested less than 200 levels"


def serve(server: MemoryServer, wire: int) -> None:
    """Read standard input and write to the file descriptor *wire* until the client closes standard input."""
    anyio.run(_serve, server, wire)


async def _serve(server: MemoryServer, wire: int) -> None:
    with io.TextIOWrapper(os.fdopen(wire, "wb"), encoding="utf-8", newline="\n") as stdout:
        async with server.background(), stdio_server(stdout=anyio.wrap_file(stdout)) as (incoming, outgoing):
            await server.speak(_Answering(incoming, outgoing), outgoing)


class _Answering(Incoming):
    """The incoming messages; what is none is answered with an error."""

    def __init__(self, inner: Any, outgoing: Any) -> None:
        super().__init__(inner)
        self._outgoing = outgoing

    async def receive(self) -> SessionMessage:
        while True:
            item = await super().receive()
            if isinstance(item, SessionMessage):
                return item
            log.warning("a line on standard input is no message", extra={"error": type(item).__name__})
            await self._outgoing.send(SessionMessage(_refusal(item)))


def _refusal(error: Exception) -> JSONRPCError:
    """The answer to a line that *error* says is no message, with its id if one can be read out of it."""
    try:
        sent = json.loads(_sent(error))
    except (ValueError, RecursionError):
        return JSONRPCError(
            jsonrpc="2.0", id=None, error=ErrorData(code=PARSE_ERROR, message=f"the line is no JSON; {_REMEDY}")
        )
    id = sent.get("id") if isinstance(sent, dict) else None
    return JSONRPCError(
        jsonrpc="2.0",
        id=id if isinstance(id, str | int) and not isinstance(id, bool) else None,
        error=ErrorData(code=INVALID_REQUEST, message=f"the line is no JSON-RPC request that can be read; {_REMEDY}"),
    )


def _sent(error: Exception) -> str:
    """The line that *error* is about, as far as the error tells."""
    if isinstance(error, ValidationError):
        for each in error.errors(include_url=False, include_context=False):
            given = each.get("input")
            if isinstance(given, str | bytes):
                return given if isinstance(given, str) else given.decode("utf-8", "replace")
            if isinstance(given, dict) and "jsonrpc" in given:
                return json.dumps(given, default=str)
    return ""
