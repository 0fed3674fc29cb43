"""Writes of several callers at a time as one transaction: rows, then their index entries, then the commit.

Whoever gets the store's write lock first commits for all who wait. If the index fails, the transaction is rolled
back and tried once more with an index made anew.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import IndexFailed, StoreError, StoreUnavailable
from ..ports import Change, Put, Written
from . import replies
from .documents import Documents
from .folder import Folder
from .live_index import LiveIndex
from .rows import Passage

BATCH_JOBS = 256


@dataclass(slots=True)
class Job:
    """One caller's write: what is asked, and what became of it. *vectors* None: too large to embed at once."""

    workspace: str
    changes: Sequence[Change]
    vectors: Mapping[str, bytes] | None
    durable: bool
    request: str | None
    written: Written | None = None
    error: Exception | None = None
    upserts: dict[int, Passage | None] = field(default_factory=dict)
    deletes: list[int] = field(default_factory=list)
    done: bool = False

    @property
    def large(self) -> bool:
        return self.vectors is None


class GroupCommit:
    """Commits jobs to *documents* and *live*, and tells *committed*; *lock* is the store's write lock."""

    def __init__(
        self,
        folder: Folder,
        documents: Documents,
        live: LiveIndex,
        lock: threading.RLock,
        clock: Callable[[], float],
        committed: Callable[[Sequence[Job]], None],
    ) -> None:
        self._folder, self._documents, self._live = folder, documents, live
        self._lock, self._clock, self._committed = lock, clock, committed
        self._queue: list[Job] = []
        self._queue_lock = threading.Lock()
        self._closed = False

    def write(self, job: Job) -> Written:
        """Return once *job* is committed, together with what others have queued. Raises what it failed by."""
        self._live.wait()
        with self._queue_lock:
            self._queue.append(job)
        with self._lock:
            if not job.done:
                self._lead()
        if job.error is not None:
            raise job.error
        assert job.written is not None
        return job.written

    def close(self) -> None:
        """Commit what is queued; further jobs fail."""
        with self._lock:
            self._lead()
            self._closed = True

    def _lead(self) -> None:
        """Commit the jobs that are queued, this caller's among them, as one transaction."""
        while True:
            with self._queue_lock:
                jobs, self._queue = self._queue[:BATCH_JOBS], self._queue[BATCH_JOBS:]
            if not jobs:
                return
            try:
                self._commit_or_retry(jobs)
            except BaseException as error:
                interrupted = StoreUnavailable("the write was interrupted; repeat the call")
                for job in jobs:
                    job.error = job.error or (error if isinstance(error, Exception) else interrupted)
                if not isinstance(error, Exception):
                    raise
            finally:
                for job in jobs:
                    job.done = True

    def _commit_or_retry(self, jobs: Sequence[Job]) -> None:
        """Commit; once more, with an index made anew, if the index failed and took the transaction back with it."""
        try:
            self._commit(jobs)
        except IndexFailed:
            for job in jobs:
                job.written, job.error = None, None
                job.upserts, job.deletes = {}, []
            self._commit(jobs)

    def _commit(self, jobs: Sequence[Job]) -> None:
        if self._closed:
            raise StoreUnavailable(f"the store in {self._folder.path} is closed")
        self._folder.require_room(sum(_size(job.changes) for job in jobs))
        index = self._live.sound()
        seq = self._documents.last_seq
        touched: list[int] = []
        try:
            with self._documents.writing(durable=any(job.durable for job in jobs)) as db:
                for job in jobs:
                    self._apply(db, job)
                touched = [key for job in jobs for key in job.upserts]
                index.upsert(self._live.entries(self._passages(db, jobs)))
        except BaseException as error:
            self._documents.rewind(seq)
            self._live.undo(index, touched, error)
            raise
        self._live.fall_behind(key for job in jobs if job.large for key in job.upserts)
        self._committed(jobs)
        self._live.drop([key for job in jobs for key in job.deletes])

    def _apply(self, db: sqlite3.Connection, job: Job) -> None:
        if job.request is not None and (written := replies.find(db, job.request, job.changes)) is not None:
            job.written = written
            return
        try:
            applied = self._documents.apply(db, job.workspace, job.changes, job.vectors or {}, self._clock())
        except StoreError as error:
            job.error = error
            return
        if job.request is not None:
            replies.note(db, job.request, job.changes, applied.written)
        job.written, job.upserts, job.deletes = applied.written, applied.upserts, applied.deletes

    def _passages(self, db: sqlite3.Connection, jobs: Sequence[Job]) -> list[Passage]:
        """What the open transaction leaves of the passages that *jobs* touch: as put, or read where only patched.

        Without those of large writes, whose entries follow.
        """
        latest: dict[int, Passage | None] = {}
        for job in jobs:
            latest.update(job.upserts)
            for key in job.deletes:
                latest.pop(key, None)
        for key in [key for job in jobs if job.large for key in job.upserts]:
            latest.pop(key, None)
        unread = [key for key, passage in latest.items() if passage is None]
        return [passage for passage in latest.values() if passage] + self._documents.passages.of(unread, db)


def _size(changes: Sequence[Change]) -> int:
    return sum(len(change.text or "") + 1000 for change in changes if isinstance(change, Put))
