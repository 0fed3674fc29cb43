"""Backup and restore: a whole copy while others write, and nothing but whole copies are taken back."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded import recovery
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.folder import Folder
from memoryops.stores.errors import InvalidRequest, StoreDamaged
from memoryops.stores.ports import Put, Query


def open_store(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")


def put(store: EmbeddedStore | OwnedStore, id: str) -> None:
    store.write("w", [Put("records", id, {"type": "item"}, id), Put("memory", id, {"item": id}, f"passage {id}")])


def test_a_restored_backup_answers_as_the_original_did(data_dir: Path) -> None:
    store = open_store(data_dir / "a")
    for n in range(50):
        put(store, f"i{n}")
    before = {c.point.id: (c.dense, c.sparse) for c in store.search("w", Query("passage i7", limit=100))}
    backup = store.backup(data_dir / "copy.sqlite")
    put(store, "later")
    store.close()

    recovery.restore(backup, Folder(data_dir / "b"))
    restored = open_store(data_dir / "b")
    assert restored.count("w", "records") == 50
    assert {c.point.id: (c.dense, c.sparse) for c in restored.search("w", Query("passage i7", limit=100))} == before
    put(restored, "new")
    restored.close()


def test_a_backup_is_consistent_while_others_write(data_dir: Path) -> None:
    store = OwnedStore(data_dir / "a", "hashing:64")
    stopped = threading.Event()

    def write() -> None:
        number = 0
        while not stopped.is_set():
            put(store, f"i{number}")
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backups = [store.backup(data_dir / f"{n}.sqlite") for n in range(3)]
    finally:
        stopped.set()
        writer.join()
        store.close()
        stop_owner(data_dir / "a")
    for n, backup in enumerate(backups):
        recovery.restore(backup, Folder(data_dir / f"r{n}"))
        restored = open_store(data_dir / f"r{n}")
        assert restored.count("w", "records") == restored.count("w", "memory")
        assert restored.verify()["missing"] == 0
        restored.close()


def test_a_backup_never_replaces_a_file(data_dir: Path) -> None:
    store = open_store(data_dir)
    (data_dir / "there").write_text("something")
    with pytest.raises(InvalidRequest, match="exists already"):
        store.backup(data_dir / "there")
    assert (data_dir / "there").read_text() == "something"
    store.close()


def test_only_an_empty_folder_takes_a_backup(data_dir: Path) -> None:
    store = open_store(data_dir)
    put(store, "a")
    backup = store.backup(data_dir / "copy.sqlite")
    store.close()
    with pytest.raises(InvalidRequest, match="holds a memory already"):
        recovery.restore(backup, Folder(data_dir))


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\0" + b"x" * 5000])
def test_what_is_no_backup_is_refused(data_dir: Path, content: bytes) -> None:
    path = data_dir / "copy.sqlite"
    path.write_bytes(content)
    with pytest.raises((InvalidRequest, StoreDamaged), match="backup"):
        recovery.restore(path, Folder(data_dir / "b"))
    assert not (data_dir / "b" / "documents.sqlite").exists()


def test_a_missing_backup_is_named(data_dir: Path) -> None:
    with pytest.raises(InvalidRequest, match="there is no backup"):
        recovery.restore(data_dir / "nothing", Folder(data_dir / "b"))


def test_a_cut_backup_is_refused(data_dir: Path) -> None:
    store = open_store(data_dir / "a")
    for n in range(100):
        put(store, f"i{n}")
    backup = store.backup(data_dir / "copy.sqlite")
    store.close()
    with backup.open("r+b") as file:
        file.truncate(backup.stat().st_size // 2)
    with pytest.raises(StoreDamaged, match="use an older one"):
        recovery.restore(backup, Folder(data_dir / "b"))
