"""The embedded store inside one process: documents, index and encoder together, behind the port.

A write goes: embed what is small, then (several callers at a time) rows into an open transaction, their
index entries into Edge, commit, acknowledge. If Edge fails the transaction is rolled back; if the process
dies between the two, the next open repairs the index from the documents. The entries of a large write
follow right after its acknowledgement, and in any case before the next search. A search asks the index
for keys and the documents for everything else, so what the documents do not confirm is never returned.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ...encoders.bm25 import Bm25
from ...encoders.ports import Encoder
from ..codec import Codec, PlainCodec
from ..embedding import INLINE_CHARS, dense_text, pack, query_vector, said, sparse_text
from ..embedding_jobs import EmbeddingJobs
from ..errors import IndexFailed, InvalidRequest, StoreUnavailable
from ..filters import Filter, check
from ..payloads import check_change, check_id, check_query, check_workspace
from ..ports import (
    Candidate,
    Capabilities,
    Change,
    Collection,
    Embedding,
    Event,
    Page,
    Point,
    Put,
    Query,
    StoreInfo,
    Written,
)
from . import identity, recovery, replies, schema
from .documents import Documents
from .folder import Folder, FolderLock, acquire
from .group_commit import GroupCommit, Job
from .held import without_items
from .live_index import LiveIndex
from .rows import Matches, Passage, candidates
from .stamps import Stamps
from .upkeep import Upkeep

QUERY_CACHE = 512


class EmbeddedStore:
    """`PointStore` over one data folder, which it owns alone until `close`."""

    capabilities = Capabilities("embedded", atomic_writes=True, backup=True, purge=True, shared=False)

    def __init__(
        self,
        path: Path,
        encoder: Callable[[str], Encoder],
        spec: str | None = None,
        *,
        codec: Codec | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open (or make) the data folder *path*.

        *encoder* loads an encoder by its spec; *spec* is the one asked for, None takes the folder's own
        (a new folder's is "minilm"). Raises `StoreBusy`, `EncoderMismatch`, `SchemaTooNew`, `StoreDamaged`,
        `StoreReadOnly` or `UnsupportedFolder`.
        """
        self.folder = Folder(path)
        self.folder.prepare()
        self._clock = clock
        self._lock: FolderLock = acquire(self.folder)
        try:
            recovery.backup_before_migration(self.folder)
            self.documents = Documents(self.folder.documents, codec or PlainCodec())
        except BaseException:
            self._lock.release()
            raise
        try:
            self.encoder = identity.claim(self.documents, encoder, spec)
            self._dimension = identity.stored(self.documents)[2]
            clean = recovery.take_clean_mark(self.documents)
            self.stamps = Stamps(self.folder.stamps)
        except BaseException:
            self.documents.close()
            self._lock.release()
            raise
        self._write_lock = threading.RLock()
        self.bm25 = Bm25()
        self.live = LiveIndex(self.folder, self.documents, self.bm25, self._dimension, self._write_lock, clean)
        self._commits = GroupCommit(self.folder, self.documents, self.live, self._write_lock, clock, self._committed)
        self._changed = threading.Condition()
        self._watchers = 0
        self._queries: OrderedDict[str, np.ndarray] = OrderedDict()
        self._queries_lock = threading.Lock()
        self._closed = self._ending = self._sweeping = False
        self.last_use = time.monotonic()
        self._jobs = EmbeddingJobs()
        self.upkeep = Upkeep(self)
        threading.Thread(target=self.live.open, name="memoryops-index", daemon=True).start()
        self.upkeep.start()

    # writes

    def write(
        self, workspace: str, changes: Sequence[Change], *, durable: bool = True, request: str | None = None
    ) -> Written:
        """See `PointStore.write`. A repeated *request* id is answered as the first time, and not applied again."""
        check_workspace(workspace)
        for change in changes:
            check_change(change)
        self._touch()
        vectors = self._embed_inline(workspace, changes)
        return self._commits.write(Job(workspace, changes, vectors, durable, request))

    def _committed(self, jobs: Sequence[Job]) -> None:
        self.stamps.change(job.workspace for job in jobs)
        self.upkeep.wrote(sum(len(job.upserts) for job in jobs), waiting=any(job.large for job in jobs))
        self._notify()

    # embedding

    def _embed_inline(self, workspace: str, changes: Sequence[Change]) -> dict[str, bytes] | None:
        """The embeddings of the passages in *changes* by id; None where they are too long to wait for."""
        puts = [c for c in changes if isinstance(c, Put) and c.collection == "memory" and c.text is not None]
        if sum(len(put.text or "") for put in puts) > INLINE_CHARS:
            return None
        if not puts:
            return {}
        last = {put.id: put for put in puts}
        own = {id: said(put.text, put.payload) for id, put in last.items() if put.text}
        texts = [dense_text(p.text or "", p.context, self._before(workspace, p, own)) for p in last.values()]
        return dict(zip(last, self.embed(texts), strict=True))

    def _before(self, workspace: str, put: Put, own: Mapping[str, str]) -> list[str]:
        if not put.after:
            return []
        stored = self.documents.get(workspace, "memory", [id for id in put.after if id not in own], self._clock())
        known = {point.id: said(point.text, point.payload) for point in stored if point is not None and point.text}
        return [line for id in put.after if (line := own.get(id) or known.get(id))]

    def embed(self, texts: Sequence[str]) -> list[bytes]:
        """The packed embeddings of *texts*."""
        encoder = self.encoder()
        with self._jobs.timed(len(texts)):
            vectors = encoder.embed(texts)
        if vectors.shape != (len(texts), self._dimension):
            raise InvalidRequest(
                f"{encoder.name} gave vectors of shape {vectors.shape}, not ({len(texts)}, {self._dimension})"
            )
        return [pack(vector) for vector in vectors]

    def _query_vector(self, text: str) -> np.ndarray:
        with self._queries_lock:
            cached = self._queries.get(text)
        if cached is not None:
            return cached
        vector = query_vector(self.encoder(), text)
        with self._queries_lock:
            self._queries[text] = vector
            while len(self._queries) > QUERY_CACHE:
                self._queries.popitem(last=False)
        return vector

    # reads

    def get(self, workspace: str, collection: Collection, ids: Sequence[str]) -> list[Point | None]:
        check_workspace(workspace)
        self._touch()
        return self.documents.get(workspace, collection, [check_id(id) for id in ids], self._clock())

    def search(self, workspace: str, query: Query) -> list[Candidate]:
        return candidates(self.find(workspace, query))

    def find(self, workspace: str, query: Query) -> Matches:
        """What `search` gives, as it lies in the documents."""
        check_workspace(workspace)
        check_query(query)
        self._touch()
        vector = self._query_vector(query.text) if query.dense else None
        sparse = self.bm25.query(sparse_text(query.text, "")) if query.sparse else None
        wanted = (list(sparse.indices), list(sparse.values)) if sparse is not None else None
        now = self._clock()
        where, items = without_items(query.where)
        without = self.documents.keys_of(workspace, items)
        index = self.live.catch_up()
        expired = now if self._any_expired(now) else None
        try:
            scores = index.search(workspace, vector, wanted, where, query.limit, expired, without)
        except IndexFailed as error:
            self.live.distrust(error, index)
            scores = self.live.catch_up().search(workspace, vector, wanted, where, query.limit, expired, without)
        rows = self.documents.by_key(workspace, list(scores), now, query.where)
        return Matches((rows[key], dense, score) for key, (dense, score) in scores.items() if key in rows)

    def _any_expired(self, now: float) -> bool:
        """Whether the index may hold what has expired at *now*. A sweep says so before the documents forget it."""
        return self.documents.any_expired(now) or self._sweeping

    def scroll(
        self,
        workspace: str,
        collection: Collection,
        *,
        where: Filter | None = None,
        order_by: str | None = None,
        descending: bool = False,
        limit: int = 100,
        cursor: str | None = None,
    ) -> Page:
        check_workspace(workspace)
        self._touch()
        now = self._clock()
        return self.documents.scroll(workspace, collection, check(where), order_by, descending, limit, cursor, now)

    def count(self, workspace: str, collection: Collection, where: Filter | None = None) -> int:
        check_workspace(workspace)
        self._touch()
        return self.documents.count(workspace, collection, check(where), self._clock())

    def facet(
        self,
        workspace: str,
        collection: Collection,
        field: str,
        where: Filter | None = None,
        limit: int = 100,
    ) -> dict[str, int]:
        check_workspace(workspace)
        self._touch()
        return self.documents.facet(workspace, collection, field, check(where), limit, self._clock())

    def total(self, workspace: str, collection: Collection, field: str, where: Filter | None = None) -> float:
        check_workspace(workspace)
        self._touch()
        return self.documents.total(workspace, collection, field, check(where), self._clock())

    def embedding(self, workspace: str, item: str | None = None) -> Embedding:
        check_workspace(workspace)
        self._touch()
        return self.documents.embedding(workspace, item, self._clock())

    def watch(self, workspace: str, since_seq: int, *, timeout: float = 0.0, limit: int = 1000) -> list[Event]:
        check_workspace(workspace)
        self._touch()
        deadline = time.monotonic() + timeout
        with self._changed:
            self._watchers += 1
            try:
                while not (events := self.documents.events(workspace, since_seq, limit)):
                    remaining = deadline - time.monotonic()
                    if self._ending:
                        raise StoreUnavailable(f"the owner of {self.folder.path} is ending; repeat the call")
                    if remaining <= 0 or self._closed:
                        return []
                    self._changed.wait(remaining)
                return events
            finally:
                self._watchers -= 1

    def stamp(self, workspace: str) -> int | None:
        return self.stamps.of(check_workspace(workspace))

    def stop_watching(self) -> None:
        """Let every `watch` end at once with `StoreUnavailable`, because this process is about to end."""
        with self._changed:
            self._ending = True
            self._changed.notify_all()

    def _notify(self) -> None:
        if self._watchers:
            with self._changed:
                self._changed.notify_all()

    # upkeep

    def sweep(self) -> int:
        swept = 0
        self.live.wait()
        while True:
            with self._write_lock:
                self._open_or_raise()
                self._sweeping = True
                try:
                    with self.documents.writing() as db:
                        keys = self.documents.sweep(db, self._clock())
                    self.live.drop(keys)
                finally:
                    self._sweeping = False
            swept += len(keys)
            if not keys:
                return swept

    def store_vectors(self, passages: Sequence[Passage], vectors: Sequence[bytes]) -> None:
        """Give *passages* their embeddings, except those that have changed meanwhile."""
        by_key = {passage.key: vector for passage, vector in zip(passages, vectors, strict=True)}
        with self._write_lock:
            if self._closed:
                return
            index = self.live.catch_up()
            self.folder.require_room(sum(map(len, vectors)))
            try:
                with self.documents.writing() as db:
                    taken = self.documents.set_vectors(db, by_key, {passage.key: passage.seq for passage in passages})
                    index.set_vectors({key: by_key[key] for key in taken})
            except IndexFailed as error:
                self.live.distrust(error, index)

    def forget_replies(self, before: float) -> None:
        """Drop what was answered to requests before the time *before*; nobody repeats them any more."""
        with self._write_lock:
            self._open_or_raise()
            with self.documents.writing(durable=False) as db:
                replies.forget(db, before)

    def tidy(self, *, optimize: bool) -> None:
        """Flush the index and cut the write-ahead log; with *optimize*, merge the index's segments."""
        with self._write_lock:
            if not self._closed:
                self.live.tidy(optimize=optimize)
                self.documents.checkpoint()

    def purge(self) -> None:
        self.live.wait()
        with self._write_lock:
            self._open_or_raise()
            self.documents.checkpoint()
            self.live.distrust(IndexFailed("rebuilt to erase what was forgotten"))
            self.live.get()

    def backup(self, target: Path) -> Path:
        """Write a consistent copy of the documents to *target* (a new file); the index is rebuilt from them."""
        return recovery.backup(self.documents, target)

    def verify(self) -> Mapping[str, int]:
        """Read everything and compare documents with index. Raises `StoreDamaged`; repairs the index.

        Returns how many passages were checked and how many index entries were missing, stale or too many.
        """
        self.documents.verify()
        self.live.wait()
        with self._write_lock:
            self._open_or_raise()
            return self.live.verify()

    def info(self) -> StoreInfo:
        totals = self.documents.totals()
        spec, fingerprint, dimension = identity.stored(self.documents)
        return StoreInfo(
            adapter="embedded",
            location=str(self.folder.path),
            schema=schema.LATEST,
            encoder=spec,
            fingerprint=fingerprint,
            dimension=dimension,
            passages=totals["passages"],
            records=totals["records"],
            pending_embeddings=totals["pending"],
            last_seq=self.documents.last_seq,
            details={
                "index_error": str(self.live.error or ""),
                "embedding_error": self.upkeep.embedding_error,
                "embedding_jobs": self._jobs.told(),
            },
        )

    def _open_or_raise(self) -> None:
        if self._closed:
            raise StoreUnavailable(f"the store in {self.folder.path} is closed")

    def _touch(self) -> None:
        self._open_or_raise()
        self.last_use = time.monotonic()

    def close(self) -> None:
        """Finish what is queued, flush, mark the folder clean, release it. Further calls fail."""
        self.upkeep.stop()
        self.live.wait()
        with self._write_lock:
            if self._closed:
                return
            self._commits.close()
            self._closed = True
            try:
                self.live.close()
            finally:
                self.documents.close()
                self.stamps.close()
                self._lock.release()
        self._notify()
