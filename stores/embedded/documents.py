"""The documents in SQLite: the truth of the embedded store. The search index can be rebuilt from here."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import cursors
from ..codec import Codec
from ..errors import (
    InvalidRequest,
    StoreBusy,
    StoreDamaged,
    StoreReadOnly,
)
from ..filters import KEYWORDS, LISTS, NUMBERS, Filter, In
from ..ports import Change, Collection, Embedding, Event, Page, Point
from . import schema, sql
from .damage import remedy, translate
from .listing import Listing
from .passages import Passages
from .rows import COLLECTIONS, COLUMNS, LIVING, NAMES, STATES, Row, chunks, point, row_digest
from .schema import FAILED, MEMORY, PENDING, READY
from .writer import Applied, Writer

PAGE_BYTES = 32 * 1024 * 1024
"""A page ends early once its texts are this long."""


class Documents:
    """Rows, vectors and answered requests in one SQLite file. Writes come from one thread at a time."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self.path = path
        self.codec = codec
        self._readers: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._writing = threading.Lock()
        self._closed = False
        self.passages = Passages(self.reading, codec)
        try:
            path.touch(mode=0o600)
        except OSError as error:
            raise StoreReadOnly(
                f"cannot write to {path} ({error.strerror}); give this user write permission"
            ) from error
        try:
            self._writer = self._connect()
            schema.check(self._writer)
            self._writer.execute("PRAGMA journal_mode = WAL")
            self._writer.execute("PRAGMA synchronous = FULL")
            self._writer.execute("PRAGMA secure_delete = ON")
            self._writer.execute("PRAGMA wal_autocheckpoint = 4000")
            schema.migrate(self._writer)
            self._seq = int(self._writer.execute("SELECT coalesce(max(seq), 0) FROM rows").fetchone()[0])
            self._seq = max(self._seq, int(self.meta("last_seq") or 0))
        except sqlite3.Error as error:
            raise translate(error, path) from error

    # connections

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)
        db.execute("PRAGMA cache_size = -16000")
        db.execute("PRAGMA mmap_size = 0")
        return db

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection that sees one consistent state; several threads may read at once."""
        try:
            db = self._readers.get_nowait()
        except queue.Empty:
            db = self._connect()
        try:
            db.execute("BEGIN")
            try:
                yield db
            finally:
                db.execute("COMMIT")
        except sqlite3.Error as error:
            raise translate(error, self.path) from error
        finally:
            if self._closed:
                db.close()
            else:
                self._readers.put(db)

    @contextmanager
    def writing(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction, one at a time; *durable* False leaves the wait for the disk to a later commit."""
        with self._writing:
            yield from self._transaction(durable)

    def _transaction(self, durable: bool) -> Iterator[sqlite3.Connection]:
        db = self._writer
        try:
            if not durable:
                db.execute("PRAGMA synchronous = NORMAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise translate(error, self.path) from error
        finally:
            if not durable:
                db.execute("PRAGMA synchronous = FULL")

    # writes, inside `writing`

    @property
    def last_seq(self) -> int:
        return self._seq

    def rewind(self, seq: int) -> None:
        """Count on from *seq* again, after a transaction that was rolled back."""
        self._seq = seq

    def apply(
        self,
        db: sqlite3.Connection,
        workspace: str,
        changes: Sequence[Change],
        vectors: Mapping[str, bytes],
        now: float,
    ) -> Applied:
        """Apply *changes* to the rows as one savepoint. *vectors* are those already known, by passage id."""
        db.execute("SAVEPOINT one_write")
        seq = self._seq + 1
        try:
            applied = Writer(self.codec, db, workspace, seq, now).run(changes, vectors)
        except BaseException:
            db.execute("ROLLBACK TO one_write")
            db.execute("RELEASE one_write")
            raise
        db.execute("RELEASE one_write")
        self._seq = seq
        return applied

    def set_vectors(
        self, db: sqlite3.Connection, vectors: Mapping[int, bytes | None], seqs: Mapping[int, int]
    ) -> list[int]:
        """Store embeddings for rows that have not changed since; None marks a failure. The keys that took it."""
        taken = []
        for key, vector in vectors.items():
            state = FAILED if vector is None else READY
            changed = db.execute(
                "UPDATE rows SET embedding = ? WHERE key = ? AND seq = ? AND deleted = 0 AND embedding = ?",
                (state, key, seqs[key], PENDING),
            ).rowcount
            if changed and vector is not None:
                db.execute("INSERT OR REPLACE INTO vectors(key, vector) VALUES (?, ?)", (key, vector))
                taken.append(key)
        return taken

    def sweep(self, db: sqlite3.Connection, now: float, limit: int = 2000) -> list[int]:
        """Delete up to *limit* expired rows for good; the keys of the passages among them."""
        rows = db.execute("SELECT key, collection FROM rows WHERE expires <= ? LIMIT ?", (now, limit)).fetchall()
        _erase(db, [key for key, _ in rows])
        db.execute("INSERT OR REPLACE INTO meta(name, value) VALUES ('last_seq', ?)", (str(self._seq),))
        return [key for key, _ in rows]

    # reads

    def get(self, workspace: str, collection: Collection, ids: Sequence[str], now: float) -> list[Point | None]:
        found: dict[str, Point] = {}
        with self.reading() as db:
            for chunk in chunks(list(dict.fromkeys(ids))):
                marks = ",".join("?" * len(chunk))
                rows = db.execute(
                    f"SELECT {COLUMNS} FROM rows WHERE workspace = ? AND collection = ? AND deleted = 0 "
                    f"AND (expires IS NULL OR expires > ?) AND id IN ({marks})",
                    [workspace, COLLECTIONS[collection], now, *chunk],
                )
                found.update((row[2], self._point(row)) for row in rows)
        return [found.get(id) for id in ids]

    def by_key(self, workspace: str, keys: Sequence[int], now: float, where: Filter | None = None) -> dict[int, Row]:
        """The living passages of *workspace* among *keys* that meet *where*."""
        found: dict[int, Row] = {}
        clause, params = sql.where(where)
        with self.reading() as db:
            for chunk in chunks(keys):
                marks = ",".join("?" * len(chunk))
                # The + keeps SQLite from reading the whole workspace through an index on these columns instead.
                rows = db.execute(
                    f"SELECT {COLUMNS} FROM rows WHERE key IN ({marks}) AND +workspace = ? AND +collection = ? "
                    f"AND +deleted = 0 AND (expires IS NULL OR expires > ?) AND +({clause})",
                    [*chunk, workspace, MEMORY, now, *params],
                )
                found.update((row[0], self._row(row)) for row in rows)
        return found

    def keys_of(self, workspace: str, items: Sequence[str]) -> list[int]:
        """The keys of the passages of *items*, deleted ones left out."""
        if not items:
            return []
        clause, params = sql.where(In("item", tuple(items)))
        with self.reading() as db:
            rows = db.execute(
                f"SELECT key FROM rows WHERE workspace = ? AND collection = ? AND deleted = 0 AND {clause}",
                [workspace, MEMORY, *params],
            )
            return [key for (key,) in rows]

    def any_expired(self, now: float) -> bool:
        """Whether a row that has expired at *now* waits for `sweep`."""
        with self.reading() as db:
            return db.execute("SELECT 1 FROM rows WHERE expires <= ? LIMIT 1", (now,)).fetchone() is not None

    def scroll(
        self,
        workspace: str,
        collection: Collection,
        where: Filter | None,
        order_by: str | None,
        descending: bool,
        limit: int,
        cursor: str | None,
        now: float,
    ) -> Page:
        if order_by is not None and order_by not in NUMBERS:
            raise InvalidRequest(f"cannot order by {order_by!r}; use one of {', '.join(sorted(NUMBERS))}, or nothing")
        if not 1 <= limit <= 10_000:
            raise InvalidRequest(f"limit is {limit}; use 1 to 10,000")
        listing = (workspace, collection, where, order_by, descending)
        position = cursors.decode(listing, cursor) if cursor else None
        points: list[Point] = []
        size, more = 0, False
        with self.reading() as db:
            for row in Listing(db, workspace, collection, where, order_by, descending, now).after(position, limit + 1):
                if len(points) == limit or size > PAGE_BYTES:
                    more = True
                    break
                points.append(self._point(row))
                size += len(row[6] or b"")
        if not more:
            return Page(points, None)
        last = points[-1]
        return Page(points, cursors.encode(listing, [last.payload.get(order_by) if order_by else None, last.id]))

    def count(self, workspace: str, collection: Collection, where: Filter | None, now: float) -> int:
        clause, params = sql.where(where)
        with self.reading() as db:
            row = db.execute(
                f"SELECT count(*) FROM rows WHERE {LIVING} AND {clause}",
                [workspace, COLLECTIONS[collection], now, *params],
            ).fetchone()
        return int(row[0])

    def facet(
        self, workspace: str, collection: Collection, field: str, where: Filter | None, limit: int, now: float
    ) -> dict[str, int]:
        if field not in KEYWORDS | LISTS:
            raise InvalidRequest(f"cannot facet by {field!r}; use one of {', '.join(sorted(KEYWORDS | LISTS))}")
        clause, params = sql.where(where)
        with self.reading() as db:
            rows = db.execute(
                f"SELECT f.value, count(DISTINCT rows.key) AS n FROM rows, json_each(payload, {sql.path(field)}) AS f "
                f"WHERE {LIVING} AND f.type = 'text' AND {clause} GROUP BY f.value ORDER BY n DESC, f.value LIMIT ?",
                [workspace, COLLECTIONS[collection], now, *params, limit],
            ).fetchall()
        return {str(value): int(n) for value, n in rows}

    def total(self, workspace: str, collection: Collection, field: str, where: Filter | None, now: float) -> float:
        if field not in NUMBERS:
            raise InvalidRequest(f"cannot sum {field!r}; use one of {', '.join(sorted(NUMBERS))}")
        clause, params = sql.where(where)
        with self.reading() as db:
            row = db.execute(
                f"SELECT total(json_extract(payload, {sql.path(field)})) FROM rows WHERE {LIVING} AND {clause}",
                [workspace, COLLECTIONS[collection], now, *params],
            ).fetchone()
        return float(row[0])

    def embedding(self, workspace: str, item: str | None, now: float) -> Embedding:
        among, params = ("AND json_extract(payload, '$.item') = ?", [item]) if item is not None else ("", [])
        with self.reading() as db:
            rows = db.execute(
                f"SELECT DISTINCT embedding FROM rows WHERE {LIVING} {among}", [workspace, MEMORY, now, *params]
            )
            states = {state for (state,) in rows}
        for state in (FAILED, PENDING, READY):
            if state in states:
                return STATES[state]
        return "none"

    def events(self, workspace: str, since_seq: int, limit: int) -> list[Event]:
        """Changed rows after *since_seq*, oldest first; a write is never cut in two, so a few more than *limit*."""
        with self.reading() as db:
            seqs = db.execute(
                "SELECT seq FROM rows WHERE workspace = ? AND seq > ? ORDER BY seq LIMIT ?",
                (workspace, since_seq, limit),
            ).fetchall()
            rows = db.execute(
                "SELECT seq, collection, id, json_extract(payload, '$.type'), rev, deleted FROM rows "
                "WHERE workspace = ? AND seq > ? AND seq <= ? ORDER BY seq, key",
                (workspace, since_seq, seqs[-1][0] if seqs else since_seq),
            ).fetchall()
        return [Event(seq, NAMES[c], id, type, rev, bool(gone)) for seq, c, id, type, rev, gone in rows]

    # the database as a whole

    def meta(self, name: str) -> str | None:
        with self.reading() as db:
            row = db.execute("SELECT value FROM meta WHERE name = ?", (name,)).fetchone()
        return row[0] if row else None

    def set_meta(self, values: Mapping[str, str | None]) -> None:
        with self.writing() as db:
            for name, value in values.items():
                if value is None:
                    db.execute("DELETE FROM meta WHERE name = ?", (name,))
                else:
                    db.execute("INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)", (name, value))

    def totals(self) -> dict[str, int]:
        with self.reading() as db:
            counts = dict(db.execute("SELECT collection, count(*) FROM rows WHERE deleted = 0 GROUP BY collection"))
            pending = db.execute(f"SELECT count(*) FROM rows WHERE embedding = {PENDING}").fetchone()[0]
        return {
            "passages": counts.get(MEMORY, 0),
            "records": counts.get(schema.RECORDS, 0),
            "pending": pending,
        }

    def verify(self) -> None:
        """Read the whole database: its pages and the digest of every row. Raises `StoreDamaged`."""
        self.check_pages()
        with self.reading() as db:
            for row in db.execute(f"SELECT {COLUMNS} FROM rows WHERE deleted = 0"):
                self._point(row)

    def check_pages(self) -> None:
        """Raise `StoreDamaged` if SQLite finds its pages inconsistent."""
        with self.reading() as db:
            verdict = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if verdict != "ok":
            raise StoreDamaged(f"the documents in {self.path} are damaged ({verdict}); {remedy(self.path.parent)}")

    def checkpoint(self) -> None:
        """Move the write-ahead log into the database and cut it to nothing."""
        try:
            with self._writing:
                busy = self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            raise translate(error, self.path) from error
        if busy:
            raise StoreBusy("a long read holds the write-ahead log open; repeat the call")

    def backup(self, target: Path) -> None:
        """Write a consistent copy to the new file *target*."""
        with self.reading() as db:
            copy = sqlite3.connect(target)
            try:
                db.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE")
            finally:
                copy.close()

    def close(self) -> None:
        self._closed = True
        while not self._readers.empty():
            self._readers.get_nowait().close()
        self._writer.close()

    # rows to values

    def _point(self, row: Sequence[Any]) -> Point:
        return point(self._row(row))

    def _row(self, row: Sequence[Any]) -> Row:
        _, collection, id, rev, seq, payload, text, embedding, digest = row
        if isinstance(text, str) or digest != row_digest(payload, text):
            raise StoreDamaged(
                f"the row {NAMES[collection]}/{id} in {self.path} does not match its digest; {remedy(self.path.parent)}"
            )
        decoded = self.codec.decode(text) if text is not None else None
        return NAMES[collection], id, payload, decoded, rev, seq, STATES[embedding]


def _erase(db: sqlite3.Connection, keys: Iterable[int]) -> None:
    for key in keys:
        db.execute("DELETE FROM rows WHERE key = ?", (key,))
        db.execute("DELETE FROM vectors WHERE key = ?", (key,))
