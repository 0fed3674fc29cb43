"""Claude Desktop: starts local servers; addresses belong to the connectors of the account, not into the file."""

from __future__ import annotations

from pathlib import PurePath

from . import json_text
from .entry import Entry
from .machine import Machine
from .ports import Client

FILE = "claude_desktop_config.json"
STORE_PACKAGE = "Claude_pzs8sxrjxfjjc"
"""The application's name in the Windows package manager, which gives it a folder of its own."""


def files(machine: Machine) -> tuple[PurePath, ...]:
    """Beside other desktop applications; as a Windows package, inside the package's folder."""
    usual = machine.applications / "Claude" / FILE
    if machine.platform != "win32":
        return (usual,)
    packages = machine.folder("LOCALAPPDATA", "AppData", "Local") / "Packages"
    return packages / STORE_PACKAGE / "LocalCache" / "Roaming" / "Claude" / FILE, usual


def form(entry: Entry) -> dict[str, object]:
    """A command with its arguments."""
    return entry.words


CLIENT = Client(
    id="claude-desktop",
    title="Claude Desktop",
    language=json_text.STRICT,
    table="mcpServers",
    files=files,
    form=form,
    after="quit Claude Desktop and start it again",
    http=False,
)
