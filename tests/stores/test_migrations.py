"""Numbered migrations: applied once, in order, whole or not at all, after a backup."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded import recovery, schema
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.folder import Folder
from memoryops.stores.errors import SchemaTooNew
from memoryops.stores.ports import Put


def add_colour(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE rows ADD COLUMN colour TEXT")
    db.execute("UPDATE rows SET colour = 'blue'")


def fail_midway(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE rows ADD COLUMN half TEXT")
    db.execute("SELECT nonsense")


def filled(folder: Path) -> Path:
    store = EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")
    store.write("w", [Put("records", "a", {"type": "item"}, "text of a")])
    store.close()
    return folder / "documents.sqlite"


def test_a_new_database_gets_every_step_once(tmp_path: Path) -> None:
    db = sqlite3.connect(tmp_path / "new.sqlite", isolation_level=None)
    schema.migrate(db)
    schema.migrate(db)
    assert schema.version(db) == schema.LATEST == len(schema.MIGRATIONS)
    db.close()


def test_an_older_database_is_brought_forward_with_its_rows(data_dir: Path) -> None:
    path = filled(data_dir)
    db = sqlite3.connect(path, isolation_level=None)
    schema.migrate(db, (*schema.MIGRATIONS, add_colour))
    assert schema.version(db) == schema.LATEST + 1
    assert db.execute("SELECT id, text, colour FROM rows").fetchall() == [("a", b"text of a", "blue")]
    with pytest.raises(SchemaTooNew, match=rf"schema {schema.LATEST + 1}, this release knows {schema.LATEST}"):
        schema.migrate(db)
    db.close()


def test_a_step_that_fails_leaves_the_step_before(data_dir: Path) -> None:
    path = filled(data_dir)
    db = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(db, (*schema.MIGRATIONS, add_colour, fail_midway))
    assert schema.version(db) == schema.LATEST + 1
    assert "half" not in [row[1] for row in db.execute("PRAGMA table_info(rows)")]
    db.close()


def test_the_documents_are_copied_before_their_schema_changes(data_dir: Path) -> None:
    filled(data_dir)
    folder = Folder(data_dir)
    recovery.backup_before_migration(folder)
    assert not folder.backups.exists()
    recovery.backup_before_migration(folder, schema.LATEST + 1)
    (copy,) = folder.backups.iterdir()
    assert copy.name.startswith(f"schema-{schema.LATEST}-")
    recovery.check_backup(copy)
