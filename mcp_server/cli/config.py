"""`memoryops config`: attach a client, or tell a project's agents about the memory."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from argparse import Namespace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...memory.errors import InvalidInput
from ..clients import attach, entry, files, paragraph
from ..clients.errors import ConfigRefused, NotOffered
from ..clients.machine import Machine, fleeting, own_command
from ..clients.registry import CLIENTS
from . import output

if TYPE_CHECKING:
    from ...memory.settings import Settings
    from ..clients.ports import Client

__all__ = ["claude_desktop", "config", "own_command"]


def config(settings: Settings, args: Namespace) -> int:
    """Print what attaches a client, or with --write put it into the client's file."""
    if args.target in paragraph.FILES:
        return _tell_agents(args)
    client, machine = CLIENTS[args.target], Machine.here()
    path = _path(client, machine, args)
    wanted = _entry(client, settings, args)
    if not args.write:
        _print(client, wanted, args)
        _say(f"Merge this into {path}, or add --write and it is done; then {client.after}.")
        _say_commands(client, wanted, settings, args)
        return 0
    private = args.project is None
    try:
        done = attach.attach(client, wanted, path, now=datetime.now(), private=private)
    except ConfigRefused:
        _print(client, wanted, args)
        raise
    _report(done, args, f"{wanted.name} in {path}")
    if done.action != "unchanged":
        _say(f"Now {client.after}.")
    if wanted.token and files.others_may_read(path):
        _say(f"Other users may read {path}, which holds the token of your memory: chmod 600 {shlex.quote(str(path))}")
    _say_left_out(client, wanted, settings)
    return 0


def claude_desktop(settings: Settings) -> dict[str, Any]:
    """What Claude Desktop's file holds for a server that agents use."""
    client = CLIENTS["claude-desktop"]
    ours = entry.over_stdio(own_command(), settings)
    return {client.table: {ours.name: client.form(ours)}}


def _path(client: Client, machine: Machine, args: Namespace) -> Path:
    if args.project is not None and args.file is not None:
        raise InvalidInput("--project and --file both name a file; give one of them")
    project, file = (each and each.expanduser().absolute() for each in (args.project, args.file))
    return attach.place(client, machine, project=project, file=file)


def _entry(client: Client, settings: Settings, args: Namespace) -> entry.Entry:
    if not args.http:
        if args.port is not None:
            raise InvalidInput("--port is of --http; a client that starts the server needs none")
        uvx = args.uvx or fleeting()
        start = [shutil.which("uvx") or "uvx", "memoryops"] if uvx else own_command()
        return entry.over_stdio(start, settings, human=args.human, profile=args.profile)
    if not client.http:
        raise NotOffered(f"{client.title} starts local servers and calls none by their file; leave --http out")
    for name in ("profile", "uvx"):
        if getattr(args, name):
            raise InvalidInput(f"--{name} is for a server that the client starts; leave it or --http out")
    if args.project is not None:
        raise InvalidInput("--http writes a secret token, and a project's file is shared; leave --project out")
    port = settings.http_port if args.port is None else args.port
    if not 0 < port <= 65535:
        raise InvalidInput(f"the port is {port}; give the one that `memoryops serve` listens on with --port")
    from ..face import Face
    from ..http.token import local_token
    from ..server import scope_of

    role = scope_of(settings, Face(human=args.human)).role
    return entry.over_http(port, local_token(settings.folder, role), human=args.human)


def _print(client: Client, wanted: entry.Entry, args: Namespace) -> None:
    if args.json:
        output.as_json({client.table: {wanted.name: client.form(wanted)}})
    else:
        sys.stdout.write(attach.snippet(client, wanted))


def _report(done: attach.Written, args: Namespace, what: str) -> None:
    if args.json:
        output.as_json({"path": done.path, "action": done.action, "backup": done.backup})
        return
    output.line(f"{what}: {'nothing changed, it is there already' if done.action == 'unchanged' else done.action}")
    if done.backup:
        output.line(f"the file as it was: {done.backup}")


def _say_commands(client: Client, wanted: entry.Entry, settings: Settings, args: Namespace) -> None:
    """The client's own command, the form that needs no installation, and what the entry does not carry."""
    if client.command_line is not None and wanted.command and args.project is None:
        _say(f"Or let {client.title} do it: {_joined(client.command_line(wanted))}")
    if wanted.command[:1] == tuple(own_command()[:1]):
        _say("To have uvx start it instead of this installation: --uvx")
    _say_left_out(client, wanted, settings)


def _say_left_out(client: Client, wanted: entry.Entry, settings: Settings) -> None:
    names = entry.left_out(settings)
    if names and wanted.command:
        _say(f"Set here, and needed by the server that {client.title} starts, too: {', '.join(names)}")


def _tell_agents(args: Namespace) -> int:
    for name in ("human", "profile", "http", "port", "uvx", "file"):
        if getattr(args, name):
            raise InvalidInput(
                f"--{name} belongs to a client; {paragraph.FILES[args.target]} takes --project and --write"
            )
    path = (args.project or Path()).expanduser().absolute() / paragraph.FILES[args.target]
    if not args.write:
        sys.stdout.write(paragraph.snippet())
        _say(f"Put this into {path}, or add --write and it is done.")
        return 0
    before = files.read(path)
    after = paragraph.merged(before, str(path))
    if before == after:
        done = attach.Written(path, "unchanged")
    else:
        backup = files.replace(path, before, after, now=datetime.now(), private=False)
        there = paragraph.BEGIN in (before or "")
        done = attach.Written(path, "created" if before is None else "replaced" if there else "added", backup)
    _report(done, args, str(path))
    return 0


def _joined(command: list[str]) -> str:
    return subprocess.list2cmdline(command) if sys.platform == "win32" else shlex.join(command)


def _say(text: str) -> None:
    print(output.printable(text), file=sys.stderr)
