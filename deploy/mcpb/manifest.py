"""Writes deploy/mcpb/manifest.json from the code; with --check, fails when it is not what would be written.

Version, tools and prompts are the server's own, asked for over MCP in this process; no memory is opened.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
from mcp import Client

from memoryops import __version__
from memoryops.mcp_server.generated import write_or_check
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.memory.service import MemoryOps

FILE = Path(__file__).with_name("manifest.json")
OPTIONS = ("data_dir", "workspace")


def manifest() -> dict[str, Any]:
    """What the host of a bundle wants to know, in version 0.4 of its form: the first that knows uv."""
    tools, prompts = anyio.run(_offered)
    told = {f"--{name.replace('_', '-')}=${{user_config.{name}}}" for name in OPTIONS}
    return {
        "manifest_version": "0.4",
        "name": "memoryops",
        "display_name": "MemoryOps",
        "version": __version__,
        "description": "One memory for all your agents, on your own machine",
        "long_description": (
            "Agents add what will matter later and find it again, in every conversation and from every client that "
            "uses the same folder. No key and no account; nothing leaves your machine. At its first start it "
            "downloads the Python packages that it needs, about 300 MB; after that it needs no network."
        ),
        "author": {"name": "MemoryOps contributors"},
        "icon": "icon.png",
        "server": {
            "type": "uv",
            "entry_point": "server.py",
            "mcp_config": {
                "command": "uv",
                "args": ["run", "--directory", "${__dirname}", "server.py", *sorted(told)],
            },
        },
        "tools": tools,
        "prompts_generated": prompts,
        "keywords": ["memory", "agents", "search", "local"],
        "license": "MIT AND Apache-2.0",
        "compatibility": {"platforms": ["darwin", "linux", "win32"], "runtimes": {"python": ">=3.11"}},
        "user_config": {
            "data_dir": {
                "type": "directory",
                "title": "Data folder",
                "description": "Folder of the memory. Left empty: the one that the command `memoryops` uses, too.",
                "required": False,
                "default": "",
            },
            "workspace": {
                "type": "string",
                "title": "Workspace",
                "description": "Nothing is read or written outside of it. Left empty: default.",
                "required": False,
                "default": "",
            },
        },
    }


async def _offered() -> tuple[list[dict[str, str]], bool]:
    """The tools that an agent sees, each with the first sentence about it, and whether there are prompts."""
    async with Client(build_server(Runtime(_no_memory), __version__)) as client:
        tools = (await client.list_tools()).tools
        offers = client.server_capabilities
        prompts = offers is not None and offers.prompts is not None and bool((await client.list_prompts()).prompts)
    return [{"name": tool.name, "description": _first_sentence(tool.description or "")} for tool in tools], prompts


def _first_sentence(text: str) -> str:
    return " ".join(text.split()).partition(". ")[0].rstrip(".") + "."


def _no_memory() -> MemoryOps:
    raise AssertionError("listing what there is opens no memory")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file, or compare it."""
    return write_or_check(
        FILE, json.dumps(manifest(), indent=2, ensure_ascii=False) + "\n", "deploy/mcpb/manifest.py", arguments
    )


if __name__ == "__main__":
    sys.exit(main())
