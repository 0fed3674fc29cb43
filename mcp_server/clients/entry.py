"""What a client is told: a command that it starts, or an address that it calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...memory.settings import Settings

AGENTS = "memoryops"
PERSON = "memoryops-human"
"""Names of our entries: both may stand in one client, the second with the tools that only a person may use."""

CARRIED = ("data_dir", "workspace", "qdrant_url", "user", "agent")
"""Settings that `memoryops mcp` takes as options."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One server under its *name*: a *command* with its arguments, or a *url* with its bearer *token*."""

    name: str
    command: tuple[str, ...] = ()
    url: str = ""
    token: str = field(default="", repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """The HTTP headers that the server asks for."""
        return {"Authorization": f"Bearer {self.token}"}

    @property
    def words(self) -> dict[str, object]:
        """Command and arguments, as most clients name them."""
        return {"command": self.command[0], "args": list(self.command[1:])}


def over_stdio(start: Sequence[str], settings: Settings, *, human: bool = False, profile: str | None = None) -> Entry:
    """The entry of a client that starts *start*, a command line of `memoryops`, with the options that
    *settings* need."""
    options = [f"--{name.replace('_', '-')}={value}" for name, value in carried(settings).items()]
    if human:
        options.append("--human")
    if profile:
        options.append(f"--profile={profile}")
    return Entry(PERSON if human else AGENTS, (*start, "mcp", *options))


def over_http(port: int, token: str, *, human: bool = False) -> Entry:
    """The entry of a client that calls `memoryops serve` on this machine."""
    return Entry(PERSON if human else AGENTS, url=f"http://127.0.0.1:{port}/mcp", token=token)


def carried(settings: Settings) -> Mapping[str, str]:
    """The options that a server started from another folder and environment needs to see the same memory."""
    values = {"data_dir": settings.folder if settings.data_dir is not None else None}
    values |= {name: getattr(settings, name) for name in CARRIED[1:]}
    if settings.workspace == "default":
        del values["workspace"]
    if settings.qdrant_url:
        del values["data_dir"]
    return {name: str(value) for name, value in values.items() if value is not None}


def left_out(settings: Settings) -> list[str]:
    """The variables that are set here and stand in no entry: secrets, and what has no option.

    The role is not among them: each entry has its own. Nor is what concerns the log, or `memoryops serve`.
    """
    aside = (*CARRIED, "role", "log_format", "log_level", "http_host", "http_port")
    return [
        each.metadata["name"]
        for each in fields(settings)
        if each.name not in aside and getattr(settings, each.name) != each.default
    ]
