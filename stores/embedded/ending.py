"""Ending the owner of a data folder, and keeping it free of one while something is done to it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

from ..errors import StoreUnavailable
from . import rendezvous, wire
from .folder import PAUSE, Folder, starting


def stop_owner(path: Path, within: float = 60.0) -> bool:
    """Drain the owner of the data folder *path* and wait for its end; False when there was none.

    A client that waits for an answer meanwhile starts the next owner by itself.
    """
    folder = Folder(path.absolute())
    pointer = rendezvous.find(folder)
    if pointer is None:
        return False
    try:
        connection = rendezvous.connect(pointer)
    except OSError:
        return False
    with connection, contextlib.suppress(EOFError, OSError):
        wire.send(connection, {"token": pointer.token})
        wire.receive(connection)
        wire.send(connection, {"call": "drain"})
        wire.receive(connection)
    await_end(pointer, folder, within)
    return True


@contextlib.contextmanager
def owner_kept_away(path: Path, within: float = 60.0) -> Iterator[None]:
    """No process owns the data folder *path* meanwhile, and no client may start one: they wait, and give up in time.

    Raises `StoreUnavailable` when the owner does not end *within* seconds.
    """
    folder = Folder(path.absolute())
    with contextlib.ExitStack() as held:
        if folder.path.exists():
            try:
                held.enter_context(starting(folder, time.monotonic() + within))
            except ConnectionError as error:
                raise StoreUnavailable(f"{path} is in use ({error}); repeat the call") from error
            stop_owner(path, within)
        yield


def await_end(ending: rendezvous.Pointer, folder: Folder, within: float = 60.0) -> None:
    """Wait until the owner *ending* has let go of *folder*, which the next one may have taken at once.

    Raises `StoreUnavailable` after *within* seconds.
    """
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        current = rendezvous.find(folder)
        if folder.is_free() or (current is not None and current.token != ending.token):
            return
        time.sleep(PAUSE)
    raise StoreUnavailable(
        f"the owner of {folder.path} (process {ending.pid}) does not end; end it, then repeat the call"
    )
