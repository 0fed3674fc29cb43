"""MCP on a file descriptor of our own, instead of on standard output."""

from __future__ import annotations

import io
import os
from typing import Any

import anyio
from mcp.server import MCPServer
from mcp.server.stdio import stdio_server


class StdioServer(MCPServer[Any]):
    """Reads standard input and writes to *wire*. The SDK's own transport leaves standard output to whoever
    prints until it has started, and hands it back to them at the end."""

    def serve(self, wire: int) -> None:
        """Serve until the client closes standard input."""
        anyio.run(self._serve, wire)

    async def _serve(self, wire: int) -> None:
        with io.TextIOWrapper(os.fdopen(wire, "wb"), encoding="utf-8", newline="\n") as stdout:
            async with stdio_server(stdout=anyio.wrap_file(stdout)) as (incoming, outgoing):
                server = self._lowlevel_server
                await server.run(incoming, outgoing, server.create_initialization_options())
