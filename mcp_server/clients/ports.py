"""What every client is made of, and what every language of configuration files can do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from .entry import Entry
from .machine import Machine

OWN_KEYS = frozenset({"type", "command", "args", "url", "headers", "http_headers", "bearer_token_env_var"})
"""What says how a server is reached. All else in an entry (`env`, time limits, permissions) is the user's."""


@dataclass(frozen=True, slots=True)
class Language:
    """How a configuration file is written. Each raises `ValueError` with a reason for a text that is wrong."""

    name: str
    parse: Callable[[str], dict[str, Any]]
    """What the text says."""
    snippet: Callable[[str, str, Mapping[str, Any]], str]
    """(table, name, value): a whole file with *value* under *table* and *name* alone."""
    merged: Callable[[str, str, str, Mapping[str, Any]], str]
    """(text, table, name, value): *text* with that value put in, and all else left as it stands."""
    comments: Callable[[str], list[str]]
    """The comments of a text, in order."""


@dataclass(frozen=True, slots=True)
class Client:
    """A program that MCP servers are attached to."""

    id: str
    title: str
    language: Language
    table: str
    """The key under which the file keeps its servers."""
    files: Callable[[Machine], tuple[PurePath, ...]]
    """The user's own file: where there are several places, the last is the usual one."""
    form: Callable[[Entry], Mapping[str, Any]]
    """What stands under the name of a server."""
    after: str
    """What the user does to have the client read its file."""
    project_file: tuple[str, ...] = ()
    """The file of a single project, below its folder; empty where there is none."""
    command_line: Callable[[Entry], list[str]] | None = None
    """The client's own command for a server that it starts, where it has one."""
    http: bool = True
    """Whether the file may hold the address of a server."""
