"""The local token: made when a server first wants it, kept in the data folder, readable by its user alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import get_args

from ...memory.errors import InvalidInput, MemoryOpsError
from ...memory.key_text import digest
from ...memory.scope import Role

BYTES = 32
SHORTEST = 32
"""Characters; what is shorter was not made here and is too easily guessed."""


class NoToken(MemoryOpsError):
    """The file of the token can be neither read nor made."""


def token_path(folder: Path, role: Role = "agent") -> Path:
    """Where the token lies that opens a server whose callers act as *role*. A person's is another one than the
    agents': what an agent was given opens no server on which people answer."""
    return folder / ("http.token" if role == "agent" else f"http-{role}.token")


def local_token(folder: Path, role: Role = "agent") -> str:
    """The token for *role* in *folder*, made now if there is none. Of several that make it at once, one wins and
    the others read what it wrote. Raises `NoToken`."""
    path = token_path(folder, role)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as error:
        raise NoToken(f"the token in {path} can be neither read nor made ({error.strerror or error})") from error


def tokens_in(folder: Path) -> frozenset[str]:
    """The digests of the tokens that lie in *folder*, for whatever role."""
    found = set()
    for role in get_args(Role):
        with contextlib.suppress(OSError, InvalidInput):
            found.add(digest(_read(token_path(folder, role))))
    return frozenset(found)


def _make(path: Path) -> None:
    """Write a whole file under another name and give it its name unless one has appeared: nobody reads half."""
    partial = path.with_name(f"{path.name}.{os.getpid()}-{secrets.token_hex(4)}")
    try:
        _write(partial)
        try:
            os.link(partial, path)
        except FileExistsError:
            pass
        except OSError:  # a file system without hard links
            with contextlib.suppress(FileExistsError):
                _write(path)
    finally:
        partial.unlink(missing_ok=True)


def _write(path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as handle:
        handle.write(secrets.token_urlsafe(BYTES) + "\n")
        handle.flush()
        os.fsync(descriptor)


def _read(path: Path) -> str:
    if os.name == "posix" and path.stat().st_mode & 0o077:
        mode = f"{path.stat().st_mode & 0o777:04o}"
        raise InvalidInput(
            f"{path} can be read by other users (mode {mode}); delete it, and the next start makes a new token"
        )
    token = path.read_text(encoding="ascii", errors="replace").strip()
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput(f"{path} holds no token of {SHORTEST} characters or more; delete it to get a new one")
    return token
