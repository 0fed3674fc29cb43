"""What was answered to the requests of the last while, so that one which is repeated is answered again, and not done
again. Without the ids that were put: they come again with the request."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Sequence

from ..ports import Change, Put, Written


def find(db: sqlite3.Connection, request: str, changes: Sequence[Change]) -> Written | None:
    """What was answered to *request*, which is to make *changes*, when it was first seen."""
    row = db.execute("SELECT reply FROM requests WHERE id = ?", (request,)).fetchone()
    if row is None:
        return None
    seq, patched, deleted, revs = json.loads(row[0])
    return Written(dict(zip(_put_ids(changes), revs, strict=True)), patched, deleted, seq)


def note(db: sqlite3.Connection, request: str, changes: Sequence[Change], written: Written) -> None:
    """Keep *written* as what was answered to *request*, which made *changes*."""
    revs = [written.revs[id] for id in _put_ids(changes)]
    reply = json.dumps([written.seq, written.patched, written.deleted, revs], separators=(",", ":"))
    db.execute("INSERT INTO requests(id, at, reply) VALUES (?, ?, ?)", (request, time.time(), reply))


def forget(db: sqlite3.Connection, before: float) -> None:
    """Drop what was answered before the time *before*."""
    db.execute("DELETE FROM requests WHERE at < ?", (before,))


def _put_ids(changes: Sequence[Change]) -> list[str]:
    """The ids that *changes* put, each once, in the order in which they come first."""
    return list(dict.fromkeys(change.id for change in changes if isinstance(change, Put)))
