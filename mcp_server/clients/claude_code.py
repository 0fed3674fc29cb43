"""Claude Code: a file of the user, and one of each project."""

from __future__ import annotations

import json
from pathlib import PurePath

from . import json_text
from .entry import Entry
from .machine import Machine
from .ports import Client


def files(machine: Machine) -> tuple[PurePath, ...]:
    """In the home folder, or in the folder that Claude Code was told to keep its state in."""
    return (machine.folder("CLAUDE_CONFIG_DIR") / ".claude.json",)


def form(entry: Entry) -> dict[str, object]:
    """With its type."""
    return (
        {"type": "http", "url": entry.url, "headers": entry.headers} if entry.url else {"type": "stdio", **entry.words}
    )


def command_line(entry: Entry) -> list[str]:
    """For the user, in all projects."""
    return ["claude", "mcp", "add-json", "--scope", "user", entry.name, json.dumps(form(entry), ensure_ascii=False)]


CLIENT = Client(
    id="claude-code",
    title="Claude Code",
    language=json_text.STRICT,
    table="mcpServers",
    files=files,
    form=form,
    after="start a new session of Claude Code (it asks once before it uses a project's file); /mcp shows the server",
    project_file=(".mcp.json",),
    command_line=command_line,
)
