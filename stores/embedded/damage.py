"""What SQLite says, as the store's errors, and what a person should do about damaged documents."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from ..errors import StoreBusy, StoreDamaged, StoreError, StoreFull, StoreReadOnly, StoreUnavailable


def translate(error: sqlite3.Error, path: Path) -> StoreError:
    """The store's error for what SQLite says."""
    if isinstance(error, sqlite3.ProgrammingError) and "closed" in str(error):
        return StoreUnavailable(f"the store in {path.parent} is closed")
    code = getattr(error, "sqlite_errorname", "") or ""
    text = str(error)
    if code in ("SQLITE_BUSY", "SQLITE_LOCKED"):
        return StoreBusy(f"{path} is in use by another process ({text}); close it there, then repeat the call")
    if code == "SQLITE_FULL" or "full" in text or code in ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_SHMSIZE"):
        return StoreFull(f"no room to write to {path.parent} ({text}); free space, then repeat the call")
    if code.startswith("SQLITE_READONLY") or code in ("SQLITE_CANTOPEN", "SQLITE_PERM"):
        return StoreReadOnly(f"cannot write to {path.parent} ({text}); give this user write permission to it")
    if code.startswith("SQLITE_IOERR"):
        return StoreUnavailable(f"the disk under {path.parent} answered {code}; check it, then repeat the call")
    return StoreDamaged(f"the documents in {path} cannot be read ({text}); {remedy(path.parent)}")


def remedy(folder: Path) -> str:
    """What a person should do about damaged documents in *folder*: names its newest backup."""
    backups = sorted((folder / "backups").glob("*.sqlite"), key=lambda p: p.stat().st_mtime)
    if backups:
        return f"restore the newest backup with `memoryops restore {backups[-1]}` into an empty folder"
    return "no backup lies in its folder `backups/`; restore your own copy (see `memoryops backup --help`)"
