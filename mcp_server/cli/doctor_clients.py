"""The doctor's look at the clients: is our entry in their files, does it start, and does it open this memory?"""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ... import __version__
from ...memory.settings import default_folder
from ..clients.attached import Attached, attached, memory_of, version_command
from ..clients.entry import PERSON
from ..clients.errors import ConfigRefused
from ..clients.files import others_may_read
from ..clients.machine import Machine
from ..clients.registry import CLIENTS
from .findings import Finding

if TYPE_CHECKING:
    from ...memory.settings import Settings

LOOPBACK = ("127.0.0.1", "::1", "localhost")
PATIENCE = 10.0
"""Seconds that a client's command has to say its version."""


def clients(settings: Settings, machine: Machine) -> Iterator[Finding]:
    """What is right and wrong with the user's own files of the clients; files of projects are left alone."""
    without = []
    for client in CLIENTS.values():
        try:
            path, entries = attached(client, machine)
        except ConfigRefused as error:
            yield Finding("warn", client.id, str(error), f"{client.title} cannot read it either, or not all of it")
            continue
        for one in entries or ():
            yield _entry(one, settings)
        if not entries:
            without.append(client.id if entries is None else f"{client.id} (not in {path})")
    if without:
        said = f"not attached: {', '.join(without)}; `memoryops config CLIENT --write` attaches one"
        yield Finding("ok", "clients", said)


def _entry(one: Attached, settings: Settings) -> Finding:
    human = " --human" if one.name == PERSON else ""
    again = f"`memoryops config {one.client.id}{human} --write`"
    if one.url:
        return _address(one, settings, f"`memoryops config {one.client.id}{human} --http --write`")
    where = f"{one.name} in {one.path}"
    if not one.command:
        return Finding("fail", one.client.id, f"{where} has neither a command nor a url", f"write it anew: {again}")
    if shutil.which(one.command[0]) is None:
        return Finding("fail", one.client.id, f"{where} starts {one.command[0]}, which is not there", again)
    version, problem = _version(version_command(one.command))
    if problem:
        return Finding("fail", one.client.id, f"{where} does not start: {problem}", f"mend that, or {again}")
    if other := _other_memory(one, settings):
        text = f"{where} remembers in {other}, this command line elsewhere"
        return Finding("warn", one.client.id, text, f"if that is not meant: {again} with the same --data-dir as here")
    if version not in (None, __version__):
        text = f"{where} starts version {version}, this is {__version__}"
        return Finding("warn", one.client.id, text, f"if that is not meant: {again}")
    said = f"{where} starts version {version}" if version else f"{where} starts {Path(one.command[0]).name} (not tried)"
    return Finding("ok", one.client.id, said)


def _version(command: Sequence[str] | None) -> tuple[str | None, str]:
    """What version *command* says it is, and what went wrong."""
    if command is None:
        return None, ""
    try:
        child = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE,
            text=True,
            errors="replace",
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer in {PATIENCE:.0f} seconds"
    except OSError as error:
        return None, error.strerror or str(error)
    if child.returncode:
        return None, (child.stderr.strip().splitlines() or [f"status {child.returncode}"])[-1]
    return child.stdout.strip().rpartition(" ")[2], ""


def _other_memory(one: Attached, settings: Settings) -> str:
    """The memory that an entry opens, if it is not that of *settings*."""
    found = memory_of(one)
    url = found.get("--qdrant-url", "")
    if url or settings.qdrant_url:
        return "" if url == settings.qdrant_url else url or "a folder"
    folder = Path(found["--data-dir"]).expanduser() if "--data-dir" in found else default_folder()
    return "" if folder.resolve() == settings.folder.resolve() else str(folder)


def _listens(url: str) -> bool:
    """Whether something accepts connections at *url*; an address beyond this machine is not called."""
    parts = urlsplit(url)
    if parts.hostname not in LOOPBACK:
        return True
    try:
        socket.create_connection((parts.hostname, parts.port or 80), timeout=1.0).close()
    except (OSError, ValueError):
        return False
    return True


def _address(one: Attached, settings: Settings, again: str) -> Finding:
    """Whether the token that a client sends is the one that `memoryops serve` asks for."""
    from ..face import Face
    from ..http.token import token_path
    from ..server import scope_of

    where = f"{one.name} in {one.path} calls {one.url}"
    path = token_path(settings.folder, scope_of(settings, Face(human=one.name == PERSON)).role)
    try:
        token = path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return Finding(
            "warn", one.client.id, f"{where}, but there is no token in {path}", f"start `memoryops serve`, then {again}"
        )
    if one.token != token:
        return Finding("fail", one.client.id, f"{where} with another token than {path}", again)
    if not _listens(one.url):
        return Finding("warn", one.client.id, f"{where}, where nothing answers", "start `memoryops serve`")
    if others_may_read(one.path):
        text = f"{where}; others may read the token in it"
        return Finding("warn", one.client.id, text, f"chmod 600 '{one.path}'")
    return Finding("ok", one.client.id, f"{where} with the right token")
