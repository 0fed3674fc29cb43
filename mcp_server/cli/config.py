"""`memoryops config`: what to write into a client's configuration so that it starts our server."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    from ...memory.settings import Settings

_PLACES = {
    "darwin": "~/Library/Application Support/Claude/claude_desktop_config.json",
    "win32": "%APPDATA%\\Claude\\claude_desktop_config.json",
}


def config(settings: Settings, args: Namespace) -> int:
    """Print the JSON that attaches a client; where it belongs is said on standard error."""
    arguments = [f"--{name.replace('_', '-')}={value}" for name, value in _chosen(args).items()]
    output.as_json(claude_desktop(arguments))
    place = _PLACES.get(sys.platform, "~/.config/Claude/claude_desktop_config.json")
    print(f"Merge this into {place} and restart Claude Desktop.", file=sys.stderr)
    return 0


def claude_desktop(arguments: list[str]) -> dict[str, Any]:
    """The entry for Claude Desktop: the absolute path of the command, and *arguments* for `memoryops mcp`."""
    command, *first = own_command()
    return {"mcpServers": {"memoryops": {"command": command, "args": [*first, "mcp", *arguments]}}}


def own_command() -> list[str]:
    """The command line that starts this installation's `memoryops`, whatever the folder it is started in."""
    name = "memoryops.exe" if os.name == "nt" else "memoryops"
    script = Path(sys.executable).parent / name
    if script.is_file():
        return [str(script)]
    return [sys.executable, "-P", "-m", "memoryops.mcp_server.cli.main"]


def _chosen(args: Namespace) -> dict[str, Any]:
    given = {name: getattr(args, name, None) for name in ("data_dir", "workspace", "qdrant_url", "user", "agent")}
    if given["data_dir"] is not None:
        given["data_dir"] = Path(given["data_dir"]).expanduser().absolute()
    return {name: value for name, value in given.items() if value is not None}
