"""Another encoder for a data folder: all vectors are made anew beside the old ones, then swapped in at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...encoders.ports import Encoder
from ..codec import Codec, PlainCodec
from ..embedding import dense_text, pack
from ..errors import InvalidRequest
from .documents import Documents
from .folder import Folder, acquire
from .index import discard
from .schema import FAILED, MEMORY, PENDING, READY

BATCH = 64

Progress = Callable[[int, int], None]


def reembed(
    path: Path,
    load: Callable[[str], Encoder],
    spec: str,
    progress: Progress | None = None,
    *,
    codec: Codec | None = None,
) -> int:
    """Embed every passage of the data folder *path* with the encoder *spec*; how many that were.

    The folder must have no owner (`ending.owner_kept_away`). Until the swap it works with its old vectors; an
    interrupted run goes on where it was. Raises `StoreBusy` when the folder is in use.
    """
    folder = Folder(path.absolute())
    if not folder.documents.exists():
        raise InvalidRequest(f"{path} holds no memory; name a data folder with --data-dir")
    lock = acquire(folder)
    try:
        documents = Documents(folder.documents, codec or PlainCodec())
        try:
            encoder = load(spec)
            done = _embed_beside(documents, encoder, progress)
            _swap(documents, encoder, spec)
            discard(folder.index)
            documents.checkpoint()
        finally:
            documents.close()
    finally:
        lock.release()
    return done


def _embed_beside(documents: Documents, encoder: Encoder, progress: Progress | None) -> int:
    with documents.writing() as db:
        if documents.meta("reembedding") != encoder.fingerprint:
            db.execute("DROP TABLE IF EXISTS next_vectors")
        db.execute(
            "CREATE TABLE IF NOT EXISTS next_vectors(key INTEGER PRIMARY KEY, seq INTEGER, vector BLOB NOT NULL)"
        )
        db.execute("INSERT OR REPLACE INTO meta(name, value) VALUES ('reembedding', ?)", (encoder.fingerprint,))
    total, done, key = documents.totals()["passages"], 0, 0
    while passages := documents.passages.after(key, BATCH):
        key = passages[-1].key
        with documents.reading() as db:
            known = dict(
                db.execute("SELECT key, seq FROM next_vectors WHERE key BETWEEN ? AND ?", (passages[0].key, key))
            )
        wanted = [passage for passage in passages if known.get(passage.key) != passage.seq]
        texts = [dense_text(p.text, p.context, documents.passages.before(p.key)) for p in wanted]
        vectors = encoder.embed(texts)
        with documents.writing() as db:
            for passage, vector in zip(wanted, vectors, strict=True):
                db.execute(
                    "INSERT OR REPLACE INTO next_vectors VALUES (?, ?, ?)",
                    (passage.key, passage.seq, pack(vector)),
                )
        done += len(passages)
        if progress is not None:
            progress(done, total)
    return done


def _swap(documents: Documents, encoder: Encoder, spec: str) -> None:
    values = {"encoder": spec, "fingerprint": encoder.fingerprint, "dimension": str(encoder.dimension)}
    with documents.writing() as db:
        db.execute("DELETE FROM vectors")
        db.execute(
            "INSERT INTO vectors(key, vector) SELECT key, vector FROM next_vectors "
            "WHERE key IN (SELECT key FROM rows WHERE deleted = 0)"
        )
        db.execute(
            "UPDATE rows SET embedding = ? WHERE collection = ? AND deleted = 0 AND embedding IN (?, ?)",
            (READY, MEMORY, PENDING, FAILED),
        )
        db.execute("DROP TABLE next_vectors")
        db.execute("DELETE FROM meta WHERE name IN ('reembedding', 'clean')")
        db.executemany("INSERT OR REPLACE INTO meta(name, value) VALUES (?, ?)", list(values.items()))
