"""The data folder: what lies where, who may use it, and the lock that makes one process its owner."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from ..errors import StoreBusy, StoreFull, StoreReadOnly, UnsupportedFolder

NETWORK_FILE_SYSTEMS = frozenset(
    "nfs nfs4 cifs smb3 smbfs afs ncpfs 9p ceph glusterfs lustre "
    "fuse.sshfs fuse.s3fs fuse.rclone fuse.glusterfs".split()
)

PAUSE = 0.005
"""Seconds between two looks at a lock that another process has."""

RESERVE_BYTES = 12 * 1024 * 1024
"""Writes are refused below this much free space: Edge writes through memory maps, where a full disk kills."""


class Folder:
    """The paths inside one data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.documents = path / "documents.sqlite"
        self.index = path / "index"
        self.lock = path / "owner.lock"
        self.starter = path / "starter.lock"
        self.pointer = path / "owner.json"
        self.log = path / "owner.log"
        self.stamps = path / "stamps"
        self.backups = path / "backups"

    def prepare(self, mounts: str | None = None) -> None:
        """Make the folder (mode 0700) if need be, and check that the store can live in it.

        *mounts*: a mount table in the form of /proc/mounts, read from there by default.
        Raises `StoreReadOnly` or `UnsupportedFolder`.
        """
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except FileExistsError as error:
            raise UnsupportedFolder(f"{self.path} is a file, not a folder; choose another data folder") from error
        except OSError as error:
            raise StoreReadOnly(
                f"cannot make the data folder {self.path} ({error.strerror}); choose another with --data-dir"
            ) from error
        kind = file_system(self.path, mounts)
        if kind in NETWORK_FILE_SYSTEMS:
            raise UnsupportedFolder(
                f"{self.path} lies on a network file system ({kind}), whose locks cannot be trusted; use a local "
                "folder, or a Qdrant server (MEMORYOPS_QDRANT_URL) to share one memory between machines"
            )

    def require_room(self, size: int) -> None:
        """Raise `StoreFull` unless *size* more bytes of content can be written safely."""
        free = shutil.disk_usage(self.path).free
        needed = RESERVE_BYTES + 4 * size
        if free < needed:
            raise StoreFull(
                f"{free >> 20} MB are free under {self.path}, {needed >> 20} MB are needed to write safely; "
                "free space, then repeat the call"
            )

    def room_to_map(self, path: Path) -> bool:
        """Whether the files below *path* can be mapped: on tmpfs, reading a hole of a mapped file takes room."""
        if file_system(path) not in ("tmpfs", "ramfs", "devtmpfs"):
            return True
        sizes = [file.stat() for file in path.rglob("*") if file.is_file()]
        holes = sum(max(size.st_size - size.st_blocks * 512, 0) for size in sizes)
        return shutil.disk_usage(self.path).free > holes + RESERVE_BYTES

    def is_free(self) -> bool:
        """Whether no process owns the folder now."""
        try:
            acquire(self).release()
        except StoreBusy:
            return False
        return True


class FolderLock:
    """The exclusive lock on a data folder, held until `release` or the end of the process."""

    def __init__(self, handle: IO[bytes]) -> None:
        self._handle = handle

    def release(self) -> None:
        self._handle.close()


def acquire(folder: Folder) -> FolderLock:
    """Take the lock of *folder*. Raises `StoreBusy` when another process has it."""
    handle = _open(folder, folder.lock)
    try:
        _lock(handle)
    except BlockingIOError as error:
        handle.close()
        raise StoreBusy(f"another process owns the data folder {folder.path}") from error
    except OSError as error:
        handle.close()
        raise _no_locks(folder, error) from error
    if not _excludes(folder.lock):
        handle.close()
        raise _no_locks(folder, None)
    return FolderLock(handle)


def _acquire_starter(folder: Folder) -> FolderLock | None:
    """The right to start an owner for *folder*, None while another process has it."""
    handle = _open(folder, folder.starter)
    try:
        _lock(handle)
    except BlockingIOError:
        handle.close()
        return None
    except OSError as error:
        handle.close()
        raise _no_locks(folder, error) from error
    return FolderLock(handle)


@contextlib.contextmanager
def starting(folder: Folder, deadline: float) -> Iterator[None]:
    """Hold the right to start an owner, so that many clients do not start many.

    Raises `ConnectionError` when another process still has it at *deadline* (of the monotonic clock).
    """
    lock: FolderLock | None = None
    while lock is None:
        lock = _acquire_starter(folder)
        if lock is None:
            if time.monotonic() > deadline:
                raise ConnectionError("another client is still starting an owner")
            time.sleep(PAUSE)
    try:
        yield
    finally:
        lock.release()


def _open(folder: Folder, path: Path) -> IO[bytes]:
    try:
        return path.open("ab")
    except OSError as error:
        raise StoreReadOnly(
            f"cannot write to the data folder {folder.path} ({error.strerror}); give this user write permission, "
            "or choose another with --data-dir"
        ) from error


def _no_locks(folder: Folder, error: OSError | None) -> UnsupportedFolder:
    reason = error.strerror if error else "a second lock was granted"
    return UnsupportedFolder(f"the file system under {folder.path} has no working locks ({reason}); use a local folder")


def _excludes(path: Path) -> bool:
    """Whether the lock that this process holds on *path* keeps a second handle out."""
    with path.open("ab") as second:
        try:
            _lock(second)
        except OSError:
            return True
    return False


def file_system(path: Path, mounts: str | None = None) -> str | None:
    """The type of the file system that holds *path* ("ext4"), None where there is no mount table."""
    if mounts is None:
        try:
            mounts = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    best, kind = -1, None
    resolved = path.resolve()
    for line in mounts.splitlines():
        parts = line.split(" ")
        if len(parts) < 3:
            continue
        point = Path(parts[1].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
        if len(point.parts) >= best and resolved.is_relative_to(point):
            best, kind = len(point.parts), parts[2]
    return kind


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: IO[bytes]) -> None:
        handle.seek(0)
        try:
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EDEADLK):
                raise BlockingIOError(error.errno, "locked") from error
            raise
else:
    import fcntl

    def _lock(handle: IO[bytes]) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def private(path: Path) -> bool:
    """Whether *path* is a real folder of this user that nobody else may enter."""
    try:
        status = path.lstat()
    except OSError:
        return False
    if not path.is_dir() or path.is_symlink():
        return False
    return not hasattr(os, "getuid") or (status.st_uid == os.getuid() and status.st_mode & 0o077 == 0)
