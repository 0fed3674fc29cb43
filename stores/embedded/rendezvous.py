"""Where client and owner meet: the owner's socket, and the pointer to it in the data folder."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import socket
import struct
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

from .folder import Folder, private

IDLE_SECONDS = 600.0
"""Seconds without a call after which an owner ends, unless its starter says otherwise."""
UNIX_PATH_LIMIT = 103
CONNECT_TIMEOUT = 5.0


@dataclass(frozen=True, slots=True)
class Pointer:
    """How to reach the owner: a Unix socket's path, or "port" on loopback, and the token to show there."""

    pid: int
    version: str
    protocol: int
    address: str
    token: str


def listen(folder: Folder) -> tuple[socket.socket, str]:
    """A listening socket that only this user can reach, and its address."""
    if hasattr(socket, "AF_UNIX") and sys.platform != "win32":
        path = _socket_path(folder)
        if path is not None:
            return bind(path), str(path)
    server = socket.create_server(("127.0.0.1", 0), backlog=128)
    return server, str(server.getsockname()[1])


def bind(path: Path) -> socket.socket:
    """A Unix socket of mode 0600 listening at *path*."""
    with contextlib.suppress(FileNotFoundError):
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        server.bind(str(path))
    finally:
        os.umask(mask)
    server.listen(128)
    return server


def _socket_path(folder: Folder) -> Path | None:
    name = hashlib.blake2b(os.fsencode(folder.path.resolve()), digest_size=6).hexdigest()
    for base in (Path("/tmp") / f"memoryops-{os.getuid()}", Path(tempfile.gettempdir()), folder.path):
        if base.name.startswith("memoryops-"):
            with contextlib.suppress(OSError):
                base.mkdir(mode=0o700, exist_ok=True)
        if private(base):
            path = base / f"{name}-{os.getpid()}.sock"
            if len(os.fsencode(path)) <= UNIX_PATH_LIMIT:
                _remove_stale(base, name)
                return path
    return None


def _remove_stale(base: Path, name: str) -> None:
    for path in base.glob(f"{name}-*.sock"):
        with contextlib.suppress(OSError):
            path.unlink()


def publish(folder: Folder, address: str, version: str, protocol: int) -> Pointer:
    """Write the pointer to *address* into *folder* (mode 0600), whole or not at all."""
    pointer = Pointer(os.getpid(), version, protocol, address, secrets.token_hex(16))
    partial = folder.pointer.with_suffix(".partial")
    with contextlib.suppress(FileNotFoundError):
        partial.unlink()
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(asdict(pointer), handle)
    partial.replace(folder.pointer)
    return pointer


def find(folder: Folder) -> Pointer | None:
    """The pointer in *folder*, None when there is none or it cannot be read."""
    try:
        return Pointer(**json.loads(folder.pointer.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def connect(pointer: Pointer) -> socket.socket:
    """A connection to the owner at *pointer*. Raises `OSError` when nobody listens there."""
    if pointer.address.isdigit():
        return socket.create_connection(("127.0.0.1", int(pointer.address)), timeout=CONNECT_TIMEOUT)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(CONNECT_TIMEOUT)
        connection.connect(pointer.address)
    except BaseException:
        connection.close()
        raise
    return connection


def same_user(connection: socket.socket) -> bool:
    """Whether the process at the other end belongs to this user, as far as the system can tell."""
    if not hasattr(socket, "SO_PEERCRED") or connection.family != socket.AF_UNIX:
        return True
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    _, uid, _ = struct.unpack("3i", credentials)
    return bool(uid == os.getuid())
