"""Opening, comparing, repairing and closing: how documents and index come to agree again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..embedding import unpack
from ..errors import InvalidRequest, StoreDamaged, StoreError
from . import schema
from .damage import translate
from .documents import Documents
from .edge_filters import SEQ, WORKSPACE
from .folder import Folder, acquire
from .index import Entry, Index, checksum, discard
from .rows import Passage

MakeEntries = Callable[[Sequence[Passage]], list[Entry]]

REBUILD_BELOW = 10_000
"""After an unclean end, an index of fewer passages is rebuilt (a second at most), a larger one is compared."""


def take_clean_mark(documents: Documents) -> Mapping[str, str] | None:
    """What the last `close` wrote about the index, None after an unclean end; removed, since we are open now.

    After an unclean end the database itself is checked. Raises `StoreDamaged`.
    """
    mark = documents.meta("clean")
    if mark is None:
        if documents.last_seq:
            documents.check_pages()
        return None
    documents.set_meta({"clean": None})
    found: Mapping[str, str] = json.loads(mark)
    return found


def open_index(
    folder: Folder,
    documents: Documents,
    entries: MakeEntries,
    dimension: int,
    clean: Mapping[str, str] | None,
    words: str,
) -> Index:
    """The index as it lies in *folder* if it can be trusted, repaired or rebuilt otherwise.

    *words* is the fingerprint of the BM25 rules: an index made by others is made anew.
    """
    count = documents.totals()["passages"]
    exists = folder.index.exists() and documents.meta("words") == words
    documents.set_meta({"words": words})
    unchanged = exists and clean is not None and clean.get("index") == checksum(folder.index)
    large = exists and clean is None and count >= REBUILD_BELOW
    if (unchanged or large) and folder.room_to_map(folder.index):
        try:
            index = Index(folder.index, dimension)
            if large:
                compare(index, documents, entries)
            if len(index) == count:
                return index
            abandon(index)
        except StoreError:
            pass  # whatever is wrong with it, the documents make a new one
    return rebuild(folder, documents, entries, dimension)


def rebuild(folder: Folder, documents: Documents, entries: MakeEntries, dimension: int) -> Index:
    """A new index in *folder*, made from the documents."""
    discard(folder.index)
    folder.require_room(0)
    index = Index(folder.index, dimension)
    key = 0
    while passages := documents.passages.after(key):
        index.upsert(entries(passages))
        key = passages[-1].key
    index.flush()
    return index


def lacking(index: Index, documents: Documents) -> set[int]:
    """The keys of the passages that a search in *index* would miss, or know by what they are not any more."""
    found = {key: fields.get(SEQ) for key, fields in index.scan()}
    return {key for key, seq in documents.passages.seqs().items() if found.get(key) != seq}


def compare(index: Index, documents: Documents, entries: MakeEntries, *, vectors: bool = False) -> dict[str, int]:
    """Make *index* agree with the documents: every passage there at its seq with its fields, and no other point.

    With *vectors* the embeddings are compared, too. Returns what was checked and what was repaired.
    """
    wanted = documents.passages.seqs()
    found = {key: (fields.get(SEQ), fields.get(WORKSPACE)) for key, fields in index.scan()}
    surplus = [key for key in found if key not in wanted]
    wrong = [key for key, seq in wanted.items() if found.get(key, (None,))[0] != seq]
    missing = [key for key in wrong if key not in found]
    index.delete(surplus)
    if vectors:
        wrong = sorted(set(wrong) | set(_differing(index, documents)))
    for start in range(0, len(wrong), 1000):
        index.upsert(entries(documents.passages.of(wrong[start : start + 1000])))
    index.flush()
    return {
        "checked": len(wanted),
        "missing": len(missing),
        "stale": len(wrong) - len(missing),
        "surplus": len(surplus),
    }


def _differing(index: Index, documents: Documents) -> list[int]:
    differing, key = [], 0
    while passages := documents.passages.after(key):
        key = passages[-1].key
        held = index.vectors([passage.key for passage in passages])
        for passage in passages:
            vector = held.get(passage.key)
            if passage.vector is None:
                same = vector is None
            else:
                same = vector is not None and np.array_equal(vector, unpack(passage.vector))
            if not same:
                differing.append(passage.key)
    return differing


def abandon(index: Index) -> None:
    """Let go of an index that is not trusted any more, whatever it answers."""
    with contextlib.suppress(StoreError):
        index.abandon()


def close(folder: Folder, documents: Documents, index: Index | None, *, complete: bool) -> None:
    """Flush both and, if the index is *complete*, leave the mark that lets the next open trust it."""
    if index is not None:
        index.close()
    if complete:
        documents.set_meta({"clean": json.dumps({"index": checksum(folder.index)})})
    documents.checkpoint()


def backup(documents: Documents, target: Path) -> Path:
    """Write a copy of the documents to *target*, which must not exist; it appears only when it is whole."""
    if target.exists():
        raise InvalidRequest(f"{target} exists already; name a new file")
    partial = target.with_name(target.name + ".partial")
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        documents.backup(partial)
        _sync(partial)
        partial.rename(target)
    except sqlite3.Error as error:
        raise translate(error, target) from error
    except OSError as error:
        raise InvalidRequest(f"cannot write the backup {target} ({error.strerror}); name another place") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
    return target


def restore(source: Path, folder: Folder) -> None:
    """Make a data folder from the backup *source*. Raises if the folder holds documents already."""
    if folder.documents.exists():
        raise InvalidRequest(f"{folder.path} holds a memory already; restore into an empty folder with --data-dir")
    check_backup(source)
    folder.prepare()
    lock = acquire(folder)
    try:
        partial = folder.documents.with_name("documents.partial")
        shutil.copyfile(source, partial)
        partial.chmod(0o600)
        db = sqlite3.connect(partial, isolation_level=None)
        try:
            db.execute("DELETE FROM meta WHERE name = 'clean'")
            schema.migrate(db)
        finally:
            db.close()
        _sync(partial)
        discard(folder.index)
        partial.rename(folder.documents)
    finally:
        lock.release()


def check_backup(source: Path) -> None:
    """Raise `InvalidRequest`, `SchemaTooNew` or `StoreDamaged` unless *source* is a whole backup."""
    if not source.is_file():
        raise InvalidRequest(f"there is no backup {source}; `memoryops backup` writes one")
    try:
        db = sqlite3.connect(f"file:{source.resolve()}?mode=ro&immutable=1", uri=True)
        try:
            if not schema.check(db):
                raise InvalidRequest(f"{source} is no backup of a memory")
            verdict = db.execute("PRAGMA integrity_check(1)").fetchone()[0]
        finally:
            db.close()
    except sqlite3.Error as error:
        raise StoreDamaged(f"the backup {source} cannot be read ({error}); use an older one") from error
    if verdict != "ok":
        raise StoreDamaged(f"the backup {source} is damaged ({verdict}); use an older one")


def backup_before_migration(folder: Folder, latest: int = schema.LATEST) -> None:
    """Copy the documents to `backups/` if a schema older than *latest* is about to be changed."""
    if not folder.documents.exists() or folder.documents.stat().st_size == 0:
        return
    try:
        db = sqlite3.connect(folder.documents)
        try:
            found = schema.check(db, latest)
            if not 0 < found < latest:
                return
            folder.backups.mkdir(mode=0o700, exist_ok=True)
            target = folder.backups / f"schema-{found}-{time.strftime('%Y%m%d-%H%M%S')}.sqlite"
            copy = sqlite3.connect(target)
            try:
                db.backup(copy)
            finally:
                copy.close()
        finally:
            db.close()
    except sqlite3.Error as error:
        raise translate(error, folder.documents) from error


def _sync(path: Path) -> None:
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())
