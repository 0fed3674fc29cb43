"""When a memory was last used: noted in memory, written in batches and without waiting for the disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence

from ..stores.errors import StoreError
from ..stores.ports import PointStore, Put

BATCH = 64
LONGEST_WAIT = 5.0
MOST = 4096
"""How many times may wait to be written."""
KEPT = 400 * 86400.0
"""Seconds after which an access time is of no use to anybody."""


class AccessLog:
    """Collects access times and writes them as records of type access, one per item."""

    def __init__(self, store: PointStore, workspace: str, clock: Callable[[], float]) -> None:
        self.store, self.workspace, self.clock = store, workspace, clock
        self._noted: dict[str, tuple[float, float]] = {}
        self._written_at = clock()
        self._lock = threading.Lock()

    def note(self, used: Mapping[str, float | None], *, write: bool = True) -> None:
        """The ids in *used* were used now; each maps to when that memory expires (seconds), or None.

        *write* False leaves a write that is due to `write_due`, for callers whom somebody waits for.
        """
        now = self.clock()
        with self._lock:
            self._noted.update({id: (now, expires or now + KEPT) for id, expires in used.items()})
            write = write or len(self._noted) >= MOST
        if write:
            self.write_due()

    def write_due(self) -> None:
        """Write what was noted, if that is much or a while ago."""
        with self._lock:
            due = len(self._noted) >= BATCH or self.clock() - self._written_at > LONGEST_WAIT
        if due:
            self.flush()

    def drop(self, ids: Sequence[str]) -> None:
        """*ids* were forgotten; write nothing about them any more."""
        with self._lock:
            for id in ids:
                self._noted.pop(id, None)

    def flush(self) -> None:
        """Write what was noted. A store that fails loses access times, never memories, and fails no read."""
        with self._lock:
            noted, self._noted = self._noted, {}
            self._written_at = self.clock()
        if not noted:
            return
        puts = [
            Put("records", f"access:{id}", {"type": "access", "item": id, "accessed_at": at, "expires_at": expires})
            for id, (at, expires) in noted.items()
        ]
        try:
            self.store.write(self.workspace, puts, durable=False)
        except StoreError:
            with self._lock:
                self._noted = noted | self._noted

    def last(self, ids: Sequence[str]) -> dict[str, float]:
        """When each of *ids* was last used, for those that were (seconds since the epoch)."""
        points = self.store.get(self.workspace, "records", [f"access:{id}" for id in ids])
        found = {p.payload["item"]: float(p.payload["accessed_at"]) for p in points if p is not None}
        with self._lock:
            return found | {id: at for id, (at, _) in self._noted.items() if id in ids}
