"""The command that attaches clients."""

from __future__ import annotations

from pathlib import Path

from ..parser import Commands

TARGETS = ("claude-desktop", "claude-code", "cursor", "vscode", "codex", "agents-md", "claude-md")
"""The clients and files that `memoryops config` knows."""


def attach(commands: Commands) -> None:
    config = commands.add(
        "config",
        "attach a client, or tell a project's agents about the memory: print what belongs into a file, or write it",
        "cli.config:config",
        "memoryops config claude-desktop --write\n  memoryops config agents-md --write",
        takes="settings",
        as_person=False,
    )
    config.add_argument("target", choices=TARGETS, help="the client, or the file that a project's agents read")
    config.add_argument("--write", action="store_true", help="put it into the file, beside a backup of what was there")
    config.add_argument("--human", action="store_true", help="for a person's client: also answer and review")
    config.add_argument("--profile", choices=["full", "core"], help="core: the eight tools used most")
    config.add_argument("--uvx", action="store_true", help="start it with uvx, without an installation of its own")
    config.add_argument("--http", action="store_true", help="call `memoryops serve` instead of starting a server")
    config.add_argument("--port", type=int, metavar="N", help="its port (MEMORYOPS_HTTP_PORT; 8765)")
    config.add_argument(
        "--project", type=Path, metavar="DIR", help="the project whose file it is (default: the user's)"
    )
    config.add_argument("--file", type=Path, metavar="PATH", help="the client's file, where it is in no usual place")
