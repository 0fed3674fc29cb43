"""A number for each workspace that changes with every write, to be read by any process of this machine for nothing.

What was read from the store can be believed while the number is the one that was there before it was read: no call to
the owner is needed for that. The numbers lie in a file that every process maps. The owner changes one after each commit
and before it acknowledges it, and all of them when it begins, because the owner before it may have been killed between
the two. Workspaces that share a number only hear of each other's writes.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import zlib
from collections.abc import Iterable
from pathlib import Path

from ..errors import StoreUnavailable

SLOTS = 512
_NUMBER = struct.Struct("=Q")
_SIZE = SLOTS * _NUMBER.size


class Stamps:
    """The owner's side: changes the numbers in the file *path*, which is made if need be."""

    def __init__(self, path: Path) -> None:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        try:
            if os.fstat(handle).st_size < _SIZE:
                os.write(handle, bytes(_SIZE))  # no hole: a mapped page that finds no room on the disk kills
            self._numbers = mmap.mmap(handle, _SIZE)
        finally:
            os.close(handle)
        self._lock = threading.Lock()
        self._change(range(SLOTS))

    def change(self, workspaces: Iterable[str]) -> None:
        """There was a write to each of *workspaces*."""
        self._change({_slot(workspace) for workspace in workspaces})

    def of(self, workspace: str) -> int:
        with self._lock:
            self._open_or_raise()
            return _read(self._numbers, workspace)

    def close(self) -> None:
        with self._lock:
            self._numbers.close()

    def _change(self, slots: Iterable[int]) -> None:
        with self._lock:
            self._open_or_raise()
            for slot in slots:
                (number,) = _NUMBER.unpack_from(self._numbers, slot * _NUMBER.size)
                _NUMBER.pack_into(self._numbers, slot * _NUMBER.size, (number + 1) % 2**64)

    def _open_or_raise(self) -> None:
        if self._numbers.closed:
            raise StoreUnavailable("this store was closed")


class StampReader:
    """Any other process's side: reads the numbers in the file *path*."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            self._numbers = mmap.mmap(file.fileno(), _SIZE, access=mmap.ACCESS_READ)

    @classmethod
    def on(cls, path: Path) -> StampReader | None:
        """A reader of *path*; None where it cannot be read, as that of an owner which had none."""
        try:
            return cls(path)
        except (OSError, ValueError):
            return None

    def of(self, workspace: str) -> int:
        return _read(self._numbers, workspace)


def _read(numbers: mmap.mmap, workspace: str) -> int:
    number: int = _NUMBER.unpack_from(numbers, _slot(workspace) * _NUMBER.size)[0]
    return number


def _slot(workspace: str) -> int:
    return zlib.crc32(workspace.encode("utf-8", "surrogatepass")) % SLOTS
