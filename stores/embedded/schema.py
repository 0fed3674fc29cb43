"""The tables of the document database, as numbered migrations that are only ever appended to."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence

from ..errors import SchemaTooNew

MEMORY, RECORDS = 0, 1
NONE, PENDING, READY, FAILED = 0, 1, 2, 3


def _first(db: sqlite3.Connection) -> None:
    _run(
        db,
        """
        CREATE TABLE meta(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE rows(
            key INTEGER PRIMARY KEY AUTOINCREMENT,
            workspace TEXT NOT NULL,
            collection INTEGER NOT NULL,
            id TEXT NOT NULL,
            rev INTEGER NOT NULL,
            seq INTEGER NOT NULL,
            deleted INTEGER NOT NULL DEFAULT 0,
            payload TEXT NOT NULL,
            text BLOB,
            context BLOB,
            after TEXT,
            uniq TEXT,
            expires REAL,
            embedding INTEGER NOT NULL DEFAULT 0,
            digest BLOB NOT NULL
        );
        CREATE UNIQUE INDEX rows_id ON rows(workspace, collection, id);
        CREATE UNIQUE INDEX rows_uniq ON rows(workspace, uniq) WHERE uniq IS NOT NULL;
        CREATE INDEX rows_seq ON rows(workspace, seq);
        CREATE INDEX rows_type ON rows(
            workspace, collection, json_extract(payload, '$.type'), json_extract(payload, '$.created_at'), id)
            WHERE deleted = 0;
        CREATE INDEX rows_item ON rows(workspace, json_extract(payload, '$.item'), collection) WHERE deleted = 0;
        CREATE INDEX rows_thread ON rows(
            workspace, collection, json_extract(payload, '$.thread'), json_extract(payload, '$.created_at'), id)
            WHERE deleted = 0;
        CREATE INDEX rows_expires ON rows(expires) WHERE expires IS NOT NULL;
        CREATE INDEX rows_pending ON rows(key) WHERE embedding = 1;
        CREATE TABLE vectors(key INTEGER PRIMARY KEY, vector BLOB NOT NULL);
        CREATE TABLE requests(id TEXT PRIMARY KEY, at REAL NOT NULL, reply TEXT NOT NULL) WITHOUT ROWID;
        CREATE INDEX requests_at ON requests(at);
        """,
    )


Migration = Callable[[sqlite3.Connection], None]

MIGRATIONS: tuple[Migration, ...] = (_first,)
"""Migration n takes a database of schema n to schema n + 1. Released ones never change."""

LATEST = len(MIGRATIONS)


def version(db: sqlite3.Connection) -> int:
    """The schema of *db*; 0 for an empty file."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def check(db: sqlite3.Connection, latest: int = LATEST) -> int:
    """The schema of *db*. Raises `SchemaTooNew` when a newer release wrote it."""
    found = version(db)
    if found > latest:
        raise SchemaTooNew(
            f"the data folder has schema {found}, this release knows {latest}; "
            "upgrade with `pip install -U memoryops`, or restore a backup made before the upgrade"
        )
    return found


def migrate(db: sqlite3.Connection, steps: Sequence[Migration] = MIGRATIONS) -> None:
    """Bring *db* to the last of *steps*, each in a transaction of its own."""
    for number in range(check(db, len(steps)), len(steps)):
        db.execute("BEGIN IMMEDIATE")
        try:
            steps[number](db)
            db.execute(f"PRAGMA user_version = {number + 1}")
            db.execute("COMMIT")
        except BaseException:
            db.execute("ROLLBACK")
            raise


def _run(db: sqlite3.Connection, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)
