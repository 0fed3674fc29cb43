"""Putting our entry into a client's file: what would be written is a function of the text; `files.py` writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, Literal

from . import files
from .entry import Entry
from .errors import NotMergeable, NotOffered, NotParseable
from .machine import Machine
from .ports import OWN_KEYS, Client

Action = Literal["created", "added", "replaced", "unchanged"]


@dataclass(frozen=True, slots=True)
class Written:
    """What was done to *path*, and where its former text lies."""

    path: Path
    action: Action
    backup: Path | None = None


def snippet(client: Client, entry: Entry) -> str:
    """What *client* is to read, as a whole file."""
    return client.language.snippet(client.table, entry.name, client.form(entry))


def place(client: Client, machine: Machine, *, project: Path | None = None, file: Path | None = None) -> Path:
    """The file that belongs to the user, to *project*, or that is named."""
    if file is not None:
        return file
    if project is None:
        return usual(client.files(machine))
    if not client.project_file:
        raise NotOffered(f"{client.title} has no file of a project; leave --project out")
    if not project.is_dir():
        raise NotOffered(f"{project} is no folder; name the project's with --project")
    return project.joinpath(*client.project_file)


def usual(candidates: Sequence[PurePath]) -> Path:
    """The first of *candidates* that is there, else the first whose folder is, else the last."""
    paths = [Path(each) for each in candidates]
    there = [each for each in paths if each.is_file()] or [each for each in paths if each.parent.is_dir()]
    return (there or paths[-1:])[0]


def attach(client: Client, entry: Entry, path: Path, *, now: datetime, private: bool = True) -> Written:
    """Put *entry* into *path*; all else in it stays."""
    before = files.read(path)
    after, action = merged(client, entry, before, path)
    if before == after:
        return Written(path, "unchanged")
    return Written(path, action, files.replace(path, before, after, now=now, private=private))


def merged(client: Client, entry: Entry, text: str | None, path: PurePath) -> tuple[str, Action]:
    """*text* with *entry* in it, and what that means. *path* is for messages.

    Keys that are not ours stay in the entry. The result is parsed again, and refused unless it says what the
    text said before and our entry, with every comment still there.
    """
    mark = files.MARK if (text or "").startswith(files.MARK) else ""
    body = (text or "").removeprefix(files.MARK)
    before = parsed(client, body, path)
    servers = before.get(client.table, {})
    old = servers.get(entry.name)
    if not isinstance(old, dict | None):
        raise NotParseable(f"{client.table}.{entry.name} in {path} is no table; remove it, then run this again")
    wanted = _kept(old, client.form(entry))
    if old == wanted:
        return text or "", "unchanged"
    language = client.language
    try:
        after = language.merged(body, client.table, entry.name, wanted)
        same = language.parse(after) == {**before, client.table: {**servers, entry.name: wanted}}
        lost = [each for each in language.comments(body) if each not in language.comments(after)]
    except ValueError as error:
        raise NotMergeable(f"{path} is left as it is: {error}; put the entry in by hand") from error
    if lost or not same:
        raise NotMergeable(f"{path} is left as it is: its form cannot be kept; put the entry in by hand")
    return mark + after, "created" if text is None else "added" if old is None else "replaced"


def parsed(client: Client, text: str, path: PurePath) -> dict[str, Any]:
    """What *text* says, with its servers, if any, as a mapping."""
    try:
        found = client.language.parse(text.removeprefix(files.MARK) if text.strip() else "")
    except ValueError as error:
        raise NotParseable(
            f"{path} is no {client.language.name} that {client.title} reads ({error}); mend it, then run this again"
        ) from error
    servers = found.get(client.table, {})
    if not isinstance(servers, dict):
        raise NotParseable(f"{client.table} in {path} holds no servers by name; mend it, then run this again")
    return found


def _kept(old: Mapping[str, Any] | None, form: Mapping[str, Any]) -> dict[str, Any]:
    """*form* with what the user added to the *old* entry."""
    return {**form, **{key: each for key, each in (old or {}).items() if key not in OWN_KEYS}}
