"""Visual Studio Code: its own key, and a type in every entry."""

from __future__ import annotations

import json
from pathlib import PurePath

from . import json_text
from .entry import Entry
from .machine import Machine
from .ports import Client


def files(machine: Machine) -> tuple[PurePath, ...]:
    """In the default profile of the user."""
    return (machine.applications / "Code" / "User" / "mcp.json",)


def form(entry: Entry) -> dict[str, object]:
    """With its type."""
    return (
        {"type": "http", "url": entry.url, "headers": entry.headers} if entry.url else {"type": "stdio", **entry.words}
    )


def command_line(entry: Entry) -> list[str]:
    """For the user."""
    return ["code", "--add-mcp", json.dumps({"name": entry.name, **form(entry)}, ensure_ascii=False)]


CLIENT = Client(
    id="vscode",
    title="VS Code",
    language=json_text.WITH_COMMENTS,
    table="servers",
    files=files,
    form=form,
    after="start the server in VS Code with the command 'MCP: List Servers'",
    project_file=(".vscode", "mcp.json"),
    command_line=command_line,
)
