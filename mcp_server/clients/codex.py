"""Codex: TOML, read by its command line, its extensions and its application alike."""

from __future__ import annotations

from pathlib import PurePath

from . import toml_text
from .entry import Entry
from .machine import Machine
from .ports import Client


def files(machine: Machine) -> tuple[PurePath, ...]:
    """In Codex's own folder."""
    return (machine.folder("CODEX_HOME", ".codex") / "config.toml",)


def form(entry: Entry) -> dict[str, object]:
    """An address with headers, or a command with arguments."""
    return {"url": entry.url, "http_headers": entry.headers} if entry.url else entry.words


def command_line(entry: Entry) -> list[str]:
    """For the user."""
    return ["codex", "mcp", "add", entry.name, "--", *entry.command]


CLIENT = Client(
    id="codex",
    title="Codex",
    language=toml_text.TOML,
    table="mcp_servers",
    files=files,
    form=form,
    after="start a new session of Codex; /mcp shows the server",
    project_file=(".codex", "config.toml"),
    command_line=command_line,
)
