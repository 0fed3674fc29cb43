"""What the clients on this machine are attached to, read from their own files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from . import files
from .attach import parsed, usual
from .entry import AGENTS, PERSON
from .machine import MODULE, Machine
from .ports import Client

_OPTIONS = {"--data-dir": "MEMORYOPS_DATA_DIR", "--qdrant-url": "MEMORYOPS_QDRANT_URL"}


@dataclass(frozen=True, slots=True)
class Attached:
    """Our entry *name* in the file *path* of *client*."""

    client: Client
    path: Path
    name: str
    entry: Mapping[str, Any]

    @property
    def command(self) -> list[str]:
        """The command line that the client starts; empty where it calls an address."""
        command, arguments = self.entry.get("command"), self.entry.get("args", [])
        if not isinstance(command, str) or not isinstance(arguments, list):
            return []
        return [command, *map(str, arguments)]

    @property
    def url(self) -> str:
        """The address that the client calls; empty where it starts a command."""
        return str(self.entry.get("url") or "")

    @property
    def token(self) -> str:
        """The bearer token that the client sends; empty where there is none in the file."""
        headers = self.entry.get("headers") or self.entry.get("http_headers") or {}
        sent = headers.get("Authorization", "") if isinstance(headers, Mapping) else ""
        return str(sent).removeprefix("Bearer ").strip()


def attached(client: Client, machine: Machine) -> tuple[Path, list[Attached] | None]:
    """The user's file of *client*, and our entries in it; None where there is no file.

    Files of projects are not read: whoever wrote a project could name any command there.
    Raises `ConfigRefused` for a file that cannot be read.
    """
    path = usual(client.files(machine))
    text = files.read(path)
    if text is None:
        return path, None
    servers = parsed(client, text, path).get(client.table, {})
    return path, [
        Attached(client, path, name, servers[name]) for name in (AGENTS, PERSON) if isinstance(servers.get(name), dict)
    ]


def version_command(command: Sequence[str]) -> list[str] | None:
    """What makes the program of *command* say its version, or None where it is not known to be a `memoryops`
    that is installed: `uvx` and its like would download."""
    if "mcp" not in command:
        return None
    start = list(command[: list(command).index("mcp")])
    program = PurePath(start[0].replace("\\", "/")).name.lower()
    if len(start) == 1 and program in ("memoryops", "memoryops.exe"):
        return [*start, "--version"]
    if tuple(start[1:]) == MODULE and program.startswith("python"):
        return [*start, "--version"]
    return None


def memory_of(one: Attached) -> dict[str, str]:
    """The options and variables of an entry that say which memory it opens."""
    environment = one.entry.get("env")
    said = environment if isinstance(environment, Mapping) else {}
    found = {option: str(said[variable]) for option, variable in _OPTIONS.items() if said.get(variable)}
    words = one.command
    for number, word in enumerate(words):
        option, equals, value = word.partition("=")
        if option in _OPTIONS:
            found[option] = value if equals else "".join(words[number + 1 : number + 2])
    return found
