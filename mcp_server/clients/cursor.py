"""Cursor: tells commands from addresses by the keys."""

from __future__ import annotations

from pathlib import PurePath

from . import json_text
from .entry import Entry
from .machine import Machine
from .ports import Client


def files(machine: Machine) -> tuple[PurePath, ...]:
    """In the home folder on every system."""
    return (machine.path(machine.home, ".cursor", "mcp.json"),)


def form(entry: Entry) -> dict[str, object]:
    """An address with headers, or a command with arguments."""
    return {"url": entry.url, "headers": entry.headers} if entry.url else entry.words


CLIENT = Client(
    id="cursor",
    title="Cursor",
    language=json_text.WITH_COMMENTS,
    table="mcpServers",
    files=files,
    form=form,
    after="enable the server in Cursor's settings, under MCP, if it is not on by itself",
    project_file=(".cursor", "mcp.json"),
)
