"""The index in use: opened beside the first calls, kept in step with the documents, made anew when in doubt.

Small writes enter it before they are committed; the entries of large ones follow (`fall_behind`, `catch_up`),
in any case before the next search. Everything that changes it happens under the store's write lock.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence

from ...encoders.bm25 import Bm25
from ..embedding import terms
from ..errors import IndexFailed, StoreError, StoreUnavailable
from . import edge_filters, recovery
from .documents import Documents
from .folder import Folder
from .index import Entry, Index
from .rows import Passage


class LiveIndex:
    """Gives the index of *folder*, whatever happened to it; *lock* is the store's write lock."""

    def __init__(
        self,
        folder: Folder,
        documents: Documents,
        bm25: Bm25,
        dimension: int,
        lock: threading.RLock,
        clean: Mapping[str, str] | None,
    ) -> None:
        """*clean*: what the last `close` left of the index, None after an unclean end."""
        self.folder, self.documents, self.bm25, self.dimension = folder, documents, bm25, dimension
        self.error: StoreError | None = None
        self._lock = lock
        self._clean = clean
        self._index: Index | None = None
        self._opened = threading.Event()
        self._behind: dict[int, None] = {}
        self._closed = False

    def open(self) -> None:
        """Open, repair or make the index; meant for a thread of its own, `wait` waits for it."""
        try:
            self._index = recovery.open_index(
                self.folder, self.documents, self.entries, self.dimension, self._clean, self.bm25.fingerprint
            )
        except StoreError as error:
            self.error = error
        finally:
            self._opened.set()

    def wait(self) -> None:
        """Return once the index was opened, repaired or given up."""
        self._opened.wait()

    def entries(self, passages: Sequence[Passage]) -> list[Entry]:
        """The index entries of *passages*."""
        return [
            Entry(
                passage.key,
                edge_filters.fields(passage.workspace, passage.seq, passage.payload),
                terms(self.bm25, passage.text, passage.context),
                passage.vector,
            )
            for passage in passages
        ]

    # what the index holds

    def get(self) -> Index:
        """The index, made anew if it failed before. Raises `IndexFailed` or `StoreFull`."""
        self._opened.wait()
        if self._index is not None:
            return self._index
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"the store in {self.folder.path} is closed")
            if self._index is None:
                self._index = recovery.rebuild(self.folder, self.documents, self.entries, self.dimension)
                self._behind.clear()
                self.error = None
            return self._index

    def fall_behind(self, keys: Iterable[int]) -> None:
        """The passages *keys* were committed; their entries follow by `catch_up`."""
        self._behind.update(dict.fromkeys(keys))

    def catch_up(self) -> Index:
        """The index with the entries of all acknowledged writes, made anew if that fails. Raises as `get`."""
        if not self._behind:
            return self.get()
        with self._lock:
            index, keys = self.get(), list(self._behind)
            try:
                self._renew(index, keys)
            except IndexFailed as error:
                self.distrust(error, index)
                return self.get()
            for key in keys:
                self._behind.pop(key, None)
        return index

    def sound(self) -> Index:
        """The index, made equal to the documents if an earlier failure left that open."""
        index = self.get()
        if self.error is None:
            return index
        try:
            recovery.compare(index, self.documents, self.entries)
        except IndexFailed as error:
            self.distrust(error, index)
            return self.get()
        self._behind.clear()
        self.error = None
        return index

    def verify(self) -> Mapping[str, int]:
        """Compare the index with the documents, vectors too, and repair it; see `recovery.compare`."""
        index = self.catch_up()
        try:
            return recovery.compare(index, self.documents, self.entries, vectors=True)
        except IndexFailed as error:
            self.distrust(error, index)
            return recovery.compare(self.get(), self.documents, self.entries, vectors=True)

    def _renew(self, index: Index, keys: Sequence[int]) -> None:
        """Make the entries of *keys* what the documents say now."""
        passages = self.documents.passages.of(keys)
        index.delete(sorted(set(keys) - {passage.key for passage in passages}))
        index.upsert(self.entries(passages))

    def drop(self, keys: Sequence[int]) -> None:
        """Delete the entries of those of *keys* that the documents do not hold any more."""
        if not keys or self._index is None:
            return
        try:
            gone = set(keys) - {passage.key for passage in self.documents.passages.of(keys)}
            self._index.delete(sorted(gone))
        except StoreError as error:
            self.distrust(error)

    # when something failed

    def undo(self, index: Index, keys: Sequence[int], error: BaseException) -> None:
        """Bring the entries of *keys* back to what the documents say, after a transaction that failed by *error*."""
        if isinstance(error, IndexFailed):
            self.distrust(error, index)
            return
        try:
            self._renew(index, keys)
        except StoreError as broken:
            self._suspect(index, broken)

    def distrust(self, error: StoreError, index: Index | None = None) -> None:
        """Forget the index after *error*: the next use makes it anew from the documents.

        *index*: the one that failed; if another has taken its place meanwhile, that one is kept.
        """
        with self._lock:
            if index is not None and index is not self._index:
                return
            broken, self._index, self.error = self._index, None, error
            if broken is not None:
                recovery.abandon(broken)

    def _suspect(self, index: Index, error: StoreError) -> None:
        """Keep an index that may hold too much, but is complete; one that lacks something is distrusted."""
        try:
            lacking = recovery.lacking(index, self.documents) - self._behind.keys()
        except StoreError as broken:
            self.distrust(broken, index)
            return
        if lacking:
            self.distrust(error, index)
        else:
            self.error = error

    # upkeep and end

    def tidy(self, *, optimize: bool) -> None:
        """Flush; with *optimize*, merge segments, too."""
        if self._index is None:
            return
        try:
            index = self.catch_up()
            if optimize:
                index.optimize()
            else:
                index.flush()
        except StoreError as error:
            self.distrust(error)

    def close(self) -> None:
        """Bring the index up to date for the last time and release it, marking the folder clean if that worked."""
        complete = self._index is not None
        try:
            if complete:
                self.sound()
                self.catch_up()
        except StoreError as error:
            self.error, complete = error, False
        self._closed = True
        recovery.close(self.folder, self.documents, self._index, complete=complete)
