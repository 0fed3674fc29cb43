"""`MemoryServer`: the SDK's server with what it has no hook for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from mcp.server import MCPServer


class MemoryServer(MCPServer[Any]):
    """One per process, whatever the number of connections."""

    @asynccontextmanager
    async def background(self) -> AsyncIterator[None]:
        """What runs beside the connections, for as long as this is entered; a transport enters it once."""
        yield

    async def speak(self, incoming: Any, outgoing: Any) -> None:
        """Serve one connection over a pair of message streams until *incoming* ends."""
        server = self._lowlevel_server
        await server.run(incoming, outgoing, server.create_initialization_options())
