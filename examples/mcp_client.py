"""An MCP client of its own: starts the server on stdio, as Claude Desktop does, and uses its three tools."""

import os
import sys
from typing import Any

import anyio
from mcp import Client
from mcp.client.stdio import StdioServerParameters

SERVER = StdioServerParameters(
    command=sys.executable,
    args=["-P", "-m", "memoryops.mcp_server.server"],
    env=dict(os.environ),  # MEMORYOPS_DATA_DIR and the other settings go to the server this way
)


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a tool; its message as an error if it failed."""
    result = await client.call_tool(tool, arguments)
    if result.is_error:
        raise SystemExit(" ".join(getattr(block, "text", "") for block in result.content))
    assert isinstance(result.structured_content, dict)
    return result.structured_content


async def main() -> None:
    async with Client(SERVER) as client:
        print("tools:", ", ".join(tool.name for tool in (await client.list_tools()).tools))
        texts = ["The signing key is rotated on the first Monday.", "The island ferry takes bicycles."]
        added = await call(client, "memory_add", items=[{"content": text} for text in texts])
        print("added:", ", ".join(each["action"] for each in added["results"]))
        found = await call(client, "memory_search", query="When do we change the key?", limit=1)
        best = found["hits"][0]
        print(f"found: {best['content']} ({best['score']:.2f})")
        whole = await call(client, "memory_retrieve", id=best["id"])
        print(f"read: {whole['total_chars']} characters")


anyio.run(main)
