"""All clients that we know, by the name that `memoryops config` takes."""

from __future__ import annotations

from collections.abc import Mapping

from . import claude_code, claude_desktop, codex, cursor, vscode
from .ports import Client

CLIENTS: Mapping[str, Client] = {
    each.CLIENT.id: each.CLIENT for each in (claude_desktop, claude_code, cursor, vscode, codex)
}
