"""The living passages of all workspaces, as the index and the encoder need them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

from ..codec import Codec
from ..embedding import said
from .rows import Passage, chunks, parse
from .schema import MEMORY, PENDING

SELECT = (
    "SELECT r.key, r.workspace, r.seq, r.payload, r.text, r.context, v.vector "
    "FROM rows AS r LEFT JOIN vectors AS v ON v.key = r.key"
)

Reading = Callable[[], AbstractContextManager[sqlite3.Connection]]


class Passages:
    """Reads passages through *reading*, which opens a connection, or inside the transaction that a call names."""

    def __init__(self, reading: Reading, codec: Codec) -> None:
        self._reading, self._codec = reading, codec

    def after(self, key: int = 0, limit: int = 1000) -> list[Passage]:
        """Those behind *key*, in the order of their keys."""
        with self._reading() as db:
            rows = db.execute(
                f"{SELECT} WHERE r.key > ? AND r.collection = ? AND r.deleted = 0 ORDER BY r.key LIMIT ?",
                (key, MEMORY, limit),
            ).fetchall()
        return [self._passage(row) for row in rows]

    def of(self, keys: Sequence[int], db: sqlite3.Connection | None = None) -> list[Passage]:
        """Those among *keys*, as the transaction *db* (or the last commit) has them."""
        if db is None:
            with self._reading() as reader:
                return self.of(keys, reader)
        found: list[Passage] = []
        for chunk in chunks(keys):
            marks = ",".join("?" * len(chunk))
            rows = db.execute(
                f"{SELECT} WHERE r.key IN ({marks}) AND r.collection = ? AND r.deleted = 0", [*chunk, MEMORY]
            )
            found.extend(self._passage(row) for row in rows)
        return found

    def seqs(self) -> dict[int, int]:
        """The seq of each by key: what the index must hold."""
        with self._reading() as db:
            return dict(db.execute("SELECT key, seq FROM rows WHERE collection = ? AND deleted = 0", (MEMORY,)))

    def pending(self, limit: int) -> list[Passage]:
        """Those that wait for their embedding, oldest first."""
        with self._reading() as db:
            rows = db.execute(
                f"{SELECT} WHERE r.embedding = {PENDING} AND r.deleted = 0 ORDER BY r.key LIMIT ?", (limit,)
            ).fetchall()
        return [self._passage(row) for row in rows]

    def before(self, key: int) -> list[str]:
        """What those say that *key* comes after, in its order, each as `said` gives it."""
        with self._reading() as db:
            row = db.execute("SELECT workspace, after FROM rows WHERE key = ?", (key,)).fetchone()
            return self._said(db, row[0], json.loads(row[1])) if row and row[1] else []

    def _said(self, db: sqlite3.Connection, workspace: str, ids: Sequence[str]) -> list[str]:
        found = []
        for id in ids:
            row = db.execute(
                "SELECT text, payload FROM rows WHERE workspace = ? AND collection = ? AND id = ? AND deleted = 0 "
                "AND text IS NOT NULL",
                (workspace, MEMORY, id),
            ).fetchone()
            if row:
                found.append(said(self._codec.decode(row[0]), parse(row[1])))
        return found

    def _passage(self, row: Sequence[Any]) -> Passage:
        key, workspace, seq, payload, text, context, vector = row
        return Passage(
            key,
            workspace,
            seq,
            json.loads(payload),
            self._codec.decode(text) if text is not None else "",
            self._codec.decode(context) if context is not None else "",
            vector,
        )
