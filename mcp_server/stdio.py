"""MCP on a file descriptor of our own, instead of on standard output.

The SDK's own transport leaves standard output to whoever prints until it has started, and hands it back to them
at the end.
"""

from __future__ import annotations

import io
import os

import anyio
from mcp.server.stdio import stdio_server

from .protocol import MemoryServer


def serve(server: MemoryServer, wire: int) -> None:
    """Read standard input and write to the file descriptor *wire* until the client closes standard input."""
    anyio.run(_serve, server, wire)


async def _serve(server: MemoryServer, wire: int) -> None:
    with io.TextIOWrapper(os.fdopen(wire, "wb"), encoding="utf-8", newline="\n") as stdout:
        async with server.background(), stdio_server(stdout=anyio.wrap_file(stdout)) as (incoming, outgoing):
            await server.speak(incoming, outgoing)
