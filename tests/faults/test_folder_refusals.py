"""Folders that the store cannot or must not open: a clear error that names the remedy, and nothing changed."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores import errors
from memoryops.stores.embedded import schema
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.folder import Folder, file_system
from memoryops.stores.ports import Put


def open_store(folder: Path, dimension: int = 64, spec: str | None = None) -> EmbeddedStore:
    return EmbeddedStore(folder, lambda spec: HashingEncoder(dimension), spec)


def filled(folder: Path) -> None:
    store = open_store(folder)
    store.write("w", [Put("records", f"r{n}", {"type": "item"}, f"some text {n} " * 50) for n in range(200)])
    store.close()


def test_a_second_owner_is_refused(data_dir: Path) -> None:
    store = open_store(data_dir)
    with pytest.raises(errors.StoreBusy, match="another process owns"):
        open_store(data_dir)
    store.close()
    open_store(data_dir).close()


def test_a_newer_schema_is_refused(data_dir: Path) -> None:
    filled(data_dir)
    with sqlite3.connect(data_dir / "documents.sqlite") as db:
        db.execute(f"PRAGMA user_version = {schema.LATEST + 1}")
    db.close()
    with pytest.raises(errors.SchemaTooNew, match="upgrade"):
        open_store(data_dir)
    with pytest.raises(errors.SchemaTooNew, match="upgrade"):
        OwnedStore(data_dir)


def test_another_encoder_than_the_folders_is_refused(data_dir: Path) -> None:
    filled(data_dir)
    with pytest.raises(errors.EncoderMismatch, match="memoryops reembed --encoder other"):
        open_store(data_dir, spec="other")
    store = open_store(data_dir, dimension=32)
    with pytest.raises(errors.EncoderMismatch, match="memoryops reembed"):
        store.write("w", [Put("memory", "p", {"item": "i"}, "text")])
    assert store.get("w", "memory", ["p"]) == [None]
    store.close()
    store = open_store(data_dir)
    store.write("w", [Put("memory", "p", {"item": "i"}, "text")])
    store.close()


@pytest.mark.parametrize("where", ["head", "middle"])
def test_damaged_documents_are_refused_and_the_backup_is_named(data_dir: Path, where: str) -> None:
    filled(data_dir)
    store = open_store(data_dir)
    backup = store.backup(data_dir / "backups" / "monday.sqlite")
    store.close()
    path = data_dir / "documents.sqlite"
    data = bytearray(path.read_bytes())
    start = 0 if where == "head" else len(data) // 3
    data[start : start + 20_000] = os.urandom(20_000)
    path.write_bytes(data)
    with pytest.raises(errors.StoreDamaged, match=r"memoryops restore .*monday\.sqlite"):
        store = open_store(data_dir)
        try:
            store.verify()
        finally:
            store.close()
    assert backup.exists()


def test_a_changed_row_is_an_error_not_another_text(data_dir: Path) -> None:
    filled(data_dir)
    with sqlite3.connect(data_dir / "documents.sqlite") as db:
        db.execute("UPDATE rows SET text = 'some other text' WHERE id = 'r5'")
    db.close()
    store = open_store(data_dir)
    with pytest.raises(errors.StoreDamaged, match="digest"):
        store.get("w", "records", ["r5"])
    assert store.get("w", "records", ["r6"])[0] is not None
    store.close()


def test_a_network_file_system_is_refused(data_dir: Path) -> None:
    mounts = f"/dev/vda / ext4 rw 0 0\nserver:/home {data_dir} nfs4 rw 0 0\n"
    assert file_system(data_dir / "deep", mounts) == "nfs4"
    with pytest.raises(errors.UnsupportedFolder, match=r"network file system \(nfs4\).*MEMORYOPS_QDRANT_URL"):
        Folder(data_dir / "deep").prepare(mounts)


def test_a_file_in_the_folders_place_is_refused(data_dir: Path) -> None:
    path = data_dir / "file"
    path.write_text("x")
    with pytest.raises(errors.UnsupportedFolder, match="is a file"):
        open_store(path)


AS_NOBODY = """
import os, sys
from pathlib import Path
from memoryops.stores import errors
from memoryops.stores.embedded.client import OwnedStore
if os.getuid() == 0:
    os.setgid(65534); os.setuid(65534)
try:
    OwnedStore(Path(sys.argv[1]), patience=3)
except errors.StoreReadOnly as error:
    print("refused:", error)
"""


@pytest.mark.skipif(not hasattr(os, "setuid"), reason="needs POSIX permissions")
def test_a_folder_without_write_permission_is_refused(data_dir: Path) -> None:
    filled(data_dir)
    data_dir.chmod(0o555)
    for file in data_dir.iterdir():
        file.chmod(0o444 if file.is_file() else 0o555)
    answer = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(data_dir)], capture_output=True, text=True, check=False, cwd="/"
    )
    data_dir.chmod(0o755)
    assert "refused: cannot write to the data folder" in answer.stdout, answer.stderr
    assert "--data-dir" in answer.stdout


def test_the_owner_reports_why_it_cannot_open(data_dir: Path) -> None:
    filled(data_dir)
    with (data_dir / "documents.sqlite").open("r+b") as file:
        file.write(os.urandom(4096))
    with pytest.raises(errors.StoreDamaged, match="backup"):
        OwnedStore(data_dir)
    assert not stop_owner(data_dir)
