"""Reading and replacing a configuration file: never half, never without a backup, never against a faster writer."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from datetime import datetime
from pathlib import Path

from .errors import NotParseable, NotWritable

MARK = "\ufeff"
"""What some editors on Windows begin a file with."""


def read(path: Path) -> str | None:
    """The text of *path* as it stands, or None if there is no such file."""
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise NotParseable(f"{path} is no UTF-8 text (byte {error.start}); mend it, then run this again") from error
    except OSError as error:
        raise NotWritable(f"cannot read {path}: {error.strerror}") from error


def replace(path: Path, before: str | None, after: str, *, now: datetime, private: bool = True) -> Path | None:
    """Make *after* the text of *path*, which was *before*; the path of the backup, if there was a file.

    A link is followed and an existing file keeps its mode and owner. A new file is the user's alone where it is
    *private*. The text is never half written.
    """
    try:
        target = path.resolve()
        target.parent.mkdir(parents=True, exist_ok=True)
        kept = None if before is None else _backed_up(target, before, now)
        temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.new")
        _write(temporary, after, 0o600 if private else 0o666)
        try:
            _take_over(target, temporary)
            if read(target) != before:
                raise NotWritable(f"{path} was changed by another program just now; run this again")
            temporary.replace(target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise NotWritable(f"cannot write {path}: {error.strerror}; nothing in it was changed") from error
    return kept


def others_may_read(path: Path) -> bool:
    """Whether other users of this machine may read *path*."""
    return os.name == "posix" and bool(stat.S_IMODE(path.stat().st_mode) & 0o044)


def _backed_up(target: Path, text: str, now: datetime) -> Path:
    """The path of a copy of *target*, beside it, that replaces no other."""
    for number in range(1000):
        suffix = f"-{number}" if number else ""
        copy = target.with_name(f"{target.name}.{now:%Y%m%d-%H%M%S}{suffix}.bak")
        try:
            _write(copy, text, 0o600)
        except FileExistsError:
            continue
        _take_over(target, copy)
        return copy
    raise FileExistsError(17, "there are a thousand backups of this second", str(target))


def _write(path: Path, text: str, mode: int) -> None:
    """Write *text* to a new file and see it onto the disk."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(handle, "wb") as stream:
        stream.write(text.encode())
        stream.flush()
        os.fsync(stream.fileno())


def _take_over(source: Path, path: Path) -> None:
    """Give *path* the mode and owner of *source*, if that exists."""
    try:
        known = source.stat()
    except FileNotFoundError:
        return
    if os.name == "posix" and (known.st_uid, known.st_gid) != (os.geteuid(), os.getegid()):
        with contextlib.suppress(PermissionError):
            os.chown(path, known.st_uid, known.st_gid)
    path.chmod(stat.S_IMODE(known.st_mode))
