"""One write to the document database: its changes in order, all with the same seq."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ..codec import Codec
from ..errors import Conflict, Duplicate
from ..payloads import dump
from ..ports import Change, Collection, Delete, DeleteWhere, Patch, Put, Written
from . import sql
from .rows import COLLECTIONS, LIVING, NAMES, Passage, chunks, row_digest
from .schema import NONE, PENDING, READY


@dataclass(slots=True)
class Applied:
    """What one write did to the rows, and which keys of the index it touches.

    *upserts*: each passage as it was put, or None where it was only patched.
    """

    written: Written
    upserts: dict[int, Passage | None] = field(default_factory=dict)
    deletes: list[int] = field(default_factory=list)


class Writer:
    """One write: its changes in order, all with the same seq."""

    def __init__(self, codec: Codec, db: sqlite3.Connection, workspace: str, seq: int, now: float) -> None:
        self.codec, self.db, self.workspace, self.seq = codec, db, workspace, seq
        self.now = now
        self.revs: dict[str, int] = {}
        self.patched = self.deleted = 0
        self.upserts: dict[int, Passage | None] = {}
        self.deletes: dict[int, None] = {}

    def run(self, changes: Sequence[Change], vectors: Mapping[str, bytes]) -> Applied:
        for change in changes:
            if isinstance(change, Put):
                self._put(change, vectors)
            elif isinstance(change, Patch):
                self._patch(change)
            elif isinstance(change, Delete):
                self._delete_one(change)
            else:
                self._delete_rows(change.collection, self._matching(change))
        written = Written(self.revs, self.patched, self.deleted, self.seq)
        return Applied(written, self.upserts, list(self.deletes))

    def _current(self, collection: Collection, id: str) -> tuple[int, int, bool] | None:
        row = self.db.execute(
            "SELECT key, rev, deleted, expires FROM rows WHERE workspace = ? AND collection = ? AND id = ?",
            (self.workspace, COLLECTIONS[collection], id),
        ).fetchone()
        if row is None:
            return None
        key, rev, deleted, expires = row
        return key, rev, not deleted and (expires is None or expires > self.now)

    def _expect(self, change: Put | Delete, current: tuple[int, int, bool] | None) -> None:
        if change.expected_rev is None:
            return
        actual = current[1] if current and current[2] else 0
        if actual != change.expected_rev:
            raise Conflict(change.collection, change.id, change.expected_rev, actual)

    def _put(self, put: Put, vectors: Mapping[str, bytes]) -> None:
        current = self._current(put.collection, put.id)
        self._expect(put, current)
        if put.unique is not None:
            self._claim(put)
        payload = dump(put.payload)
        encode = self.codec.encode
        text = encode(put.text) if put.text is not None else None
        vector = vectors.get(put.id) if put.collection == "memory" else None
        embedding = _state(put, vector)
        values = (
            self.seq,
            payload,
            text,
            encode(put.context) if put.context else None,
            json.dumps(put.after) if put.after else None,
            put.unique,
            put.payload.get("expires_at"),
            embedding,
            row_digest(payload, text),
        )
        if current is None:
            rev = 1
            key = self.db.execute(
                "INSERT INTO rows(seq, payload, text, context, after, uniq, expires, embedding, digest, "
                "rev, workspace, collection, id) VALUES (?,?,?,?,?,?,?,?,?,1,?,?,?)",
                (*values, self.workspace, COLLECTIONS[put.collection], put.id),
            ).lastrowid
            assert key is not None
        else:
            key, rev = current[0], current[1] + 1
            self.db.execute(
                "UPDATE rows SET seq=?, payload=?, text=?, context=?, after=?, uniq=?, expires=?, embedding=?, "
                "digest=?, rev=?, deleted=0 WHERE key=?",
                (*values, rev, key),
            )
        self.revs[put.id] = rev
        if put.collection == "memory":
            if vector is not None or current is not None:
                self._set_vector(key, vector)
            self.upserts[key] = Passage(key, self.workspace, self.seq, put.payload, put.text or "", put.context, vector)
            self.deletes.pop(key, None)

    def _set_vector(self, key: int, vector: bytes | None) -> None:
        if vector is None:
            self.db.execute("DELETE FROM vectors WHERE key = ?", (key,))
        else:
            self.db.execute("INSERT OR REPLACE INTO vectors(key, vector) VALUES (?, ?)", (key, vector))

    def _claim(self, put: Put) -> None:
        row = self.db.execute(
            "SELECT key, id, collection, expires FROM rows WHERE workspace = ? AND uniq = ?",
            (self.workspace, put.unique),
        ).fetchone()
        if row is None or (row[1] == put.id and NAMES[row[2]] == put.collection):
            return
        if row[3] is not None and row[3] <= self.now:
            self.db.execute("UPDATE rows SET uniq = NULL WHERE key = ?", (row[0],))
            return
        assert put.unique is not None
        raise Duplicate(put.unique, row[1])

    def _matching(self, change: Patch | DeleteWhere) -> list[int]:
        clause, params = sql.where(change.where)
        rows = self.db.execute(
            f"SELECT key FROM rows WHERE {LIVING} AND {clause}",
            [self.workspace, COLLECTIONS[change.collection], self.now, *params],
        )
        return [key for (key,) in rows]

    def _patch(self, patch: Patch) -> None:
        keys = self._matching(patch)
        for chunk in chunks(keys):
            marks = ",".join("?" * len(chunk))
            rows = self.db.execute(f"SELECT key, payload, text FROM rows WHERE key IN ({marks})", chunk).fetchall()
            for key, payload, text in rows:
                fields = {**json.loads(payload), **patch.fields}
                changed = dump({name: value for name, value in fields.items() if value is not None})
                self.db.execute(
                    "UPDATE rows SET payload=?, digest=?, rev=rev+1, seq=?, expires=? WHERE key=?",
                    (changed, row_digest(changed, text), self.seq, fields.get("expires_at"), key),
                )
        self.patched += len(keys)
        if patch.collection == "memory":
            self.upserts.update(dict.fromkeys(keys))

    def _delete_one(self, delete: Delete) -> None:
        current = self._current(delete.collection, delete.id)
        self._expect(delete, current)
        if current and current[2]:
            self._delete_rows(delete.collection, [current[0]])

    def _delete_rows(self, collection: Collection, keys: Sequence[int]) -> None:
        for key in keys:
            kind = self.db.execute("SELECT json_extract(payload, '$.type') FROM rows WHERE key = ?", (key,)).fetchone()[
                0
            ]
            tombstone = dump({"type": kind} if kind else {})
            self.db.execute(
                "UPDATE rows SET deleted=1, rev=rev+1, seq=?, payload=?, text=NULL, context=NULL, after=NULL, "
                "uniq=NULL, expires=NULL, embedding=0, digest=? WHERE key=?",
                (self.seq, tombstone, row_digest(tombstone, None), key),
            )
            if collection == "memory":
                self.db.execute("DELETE FROM vectors WHERE key = ?", (key,))
                self.deletes[key] = None
                self.upserts.pop(key, None)
        self.deleted += len(keys)


def _state(put: Put, vector: bytes | None) -> int:
    if put.collection == "records" or put.text is None:
        return NONE
    return PENDING if vector is None else READY
