"""Writes to a thread that nobody can come between.

Every put also writes the thread's own row, at the revision that was seen last: of two at once, one is told so, looks
again and repeats. What deletes blobs does the same and gives the row a new epoch. So a put never relies on a blob that
is deleted meanwhile, and no blob is deleted that a put has just come to need.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from ...stores.errors import Conflict, StoreUnavailable
from ...stores.ports import Change, Delete, Patch, Point, PointStore, Put
from ..batches import BATCH_CHARS, writes
from . import rows
from .refs import Codec, Draft
from .views import View, Views

ATTEMPTS = 200
WRITE_CHARS = 32 * 1024 * 1024
"""Texts of one write; blobs beyond that go ahead of their checkpoint, in writes of their own."""
BATCH_SHARE = WRITE_CHARS // BATCH_CHARS

Make = Callable[[View, Draft], tuple[list[Put], Callable[[], None]]]
"""The rows to write, and what to do once they are."""


def attempts() -> Iterator[int]:
    """Numbers of attempts with growing pauses between them. Raises `StoreUnavailable` after the last."""
    for attempt in range(ATTEMPTS):
        yield attempt
        time.sleep(random.uniform(0, min(0.05, 0.001 * (attempt + 1))))
    raise StoreUnavailable("others write to this thread all the time; repeat the call")


def new_epoch() -> str:
    return uuid4().hex[:12]


class Commits:
    """Writes of one workspace. *user* is whose the threads are."""

    def __init__(
        self, store: PointStore, workspace: str, user: str | None, codec: Codec, clock: Callable[[], float]
    ) -> None:
        self.store, self.workspace, self.user, self.codec, self.clock = store, workspace, user, codec, clock
        self.views = Views()

    def guarded(self, key: str, thread: str, ttl: float | None, make: Make) -> None:
        """Write what *make* makes and the blobs of its draft, unless the thread changed since it was looked at."""
        view = self.views.of(key)
        with view.lock:
            for _ in attempts():
                if view.rev is None or (view.due is not None and view.due <= self.clock()):
                    self.look(key, view)
                if ttl is not None:
                    view.ttl = ttl
                draft = Draft(self.codec, view.known, view.names, view.lists)
                puts, done = make(view, draft)
                try:
                    revs = self.send(key, draft, [self.thread_row(key, thread, view), *puts])
                except Conflict:
                    view.rev = None
                    continue
                view.rev = revs[rows.thread_row(key)]
                view.known.update(draft.blobs)
                view.names.update(draft.learned)
                view.lists.update(draft.traced)
                done()
                self.views.weigh(key)
                return

    def send(self, key: str, draft: Draft, puts: Sequence[Put]) -> dict[str, int]:
        """Write the blobs of *draft* and then *puts*, as one write where the store and their length allow it."""
        blobs = [rows.blob_put(key, name, content) for name, content in draft.blobs.items()]
        length = sum(len(put.text or "") for put in blobs)
        if not self.store.capabilities.atomic_writes or length > WRITE_CHARS:
            for some in writes(blobs, lambda put: len(put.text or "") // BATCH_SHARE):
                self.store.write(self.workspace, some)
            blobs = []
        return dict(self.store.write(self.workspace, [*blobs, *puts]).revs)

    def look(self, key: str, view: View) -> None:
        """Read the thread's row; a thread whose time has come is deleted first."""
        point = self.row(key)
        if point is not None and self.expired(point):
            self.delete(key, point)
            point = None
        if point is None:
            view.seen(0, new_epoch())
        else:
            view.seen(point.rev, point.payload["epoch"], point.payload.get("ttl"))

    def row(self, key: str) -> Point | None:
        (point,) = self.store.get(self.workspace, "records", [rows.thread_row(key)])
        return point

    def expired(self, point: Point) -> bool:
        due = point.payload.get("due_at")
        return due is not None and due <= self.clock()

    def thread_row(self, key: str, thread: str, view: View) -> Put:
        payload: dict[str, Any] = {"type": rows.THREAD, "item": key, "thread_id": thread, "epoch": view.epoch}
        if self.user is not None:
            payload["user"] = self.user
        if view.ttl is not None:
            view.due = self.clock() + view.ttl
            payload |= {"ttl": view.ttl, "due_at": view.due}
        return Put("records", rows.thread_row(key), payload, expected_rev=view.rev)

    def delete(self, key: str, point: Point | None) -> None:
        """Delete all of a thread. Its own row leaves a tombstone, so that its revisions count on."""
        changes: list[Change] = []
        if point is not None:
            changes.append(Delete("records", point.id, expected_rev=point.rev))
        changes.append(Patch("records", rows.all_of_thread(key), {"expires_at": self.clock() - 1}))
        self.store.write(self.workspace, changes)

    def gone(self, kind: str, row: str, rev: int) -> Put:
        """What makes *row* vanish from every read, and with the next sweep from the store."""
        return Put("records", row, {"type": kind, "expires_at": self.clock() - 1}, expected_rev=rev)
