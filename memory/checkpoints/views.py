"""What this process knows of a thread, so that a put neither reads nor writes again what is there already.

All of it may be forgotten at any time. A put is written only if the thread's row is still at the revision that was seen
last, and whoever deletes blobs gives that row another *epoch*: so what was known of one epoch holds in it, or the put
is refused and starts anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .refs import Slot, Traced

HEADS = 16
"""Checkpoints of a thread whose references are at hand: those that the next ones are likely to have as parent."""
MOST_BYTES, MOST_THREADS = 64 * 1024 * 1024, 4096
NAME_COST = 450
"""Bytes that the name of a blob takes, with where it is kept and under what it is found."""


@dataclass(slots=True)
class View:
    """One thread. *rev*: the revision of its row, None if it has to be read; *due*: when its time has come."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    rev: int | None = None
    epoch: str = ""
    ttl: float | None = None
    due: float | None = None
    known: set[bytes] = field(default_factory=set)
    names: dict[bytes, bytes] = field(default_factory=dict)
    lists: dict[Slot, Traced] = field(default_factory=dict)
    refs: OrderedDict[str, Mapping[str, Any]] = field(default_factory=OrderedDict)

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return NAME_COST * len(self.known) + sum(traces.size for traces, _ in list(self.lists.values()))

    def seen(self, rev: int, epoch: str, ttl: float | None = None) -> None:
        """The thread's row was read."""
        if epoch != self.epoch:
            self.forget(epoch)
        self.rev, self.ttl, self.due = rev, ttl, None

    def forget(self, epoch: str) -> None:
        self.rev, self.epoch = None, epoch
        self.known.clear()
        self.names.clear()
        self.lists.clear()
        self.refs.clear()

    def learn(self, epoch: str, row: str, refs: Mapping[str, Any], known: Iterable[bytes]) -> None:
        """The checkpoint *row* of *epoch*, with all the blobs that it needs, was read or written."""
        with self.lock:
            if self.rev is None and not self.known and not self.refs:
                self.epoch = epoch
            if epoch != self.epoch:
                return
            self.known.update(known)
            self.refs[row] = refs
            while len(self.refs) > HEADS:
                self.refs.popitem(last=False)


class Views:
    """The threads that were used last, with *most* bytes known of all of them together, about."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self._lock, self._most = threading.Lock(), most
        self._views: OrderedDict[str, View] = OrderedDict()
        self._sizes: dict[str, int] = {}
        self._total = 0

    def of(self, thread: str) -> View:
        with self._lock:
            view = self._views.setdefault(thread, View())
            self._views.move_to_end(thread)
            return view

    def weigh(self, thread: str) -> None:
        """Forget the least used threads, if what has become known of *thread* makes it too much."""
        with self._lock:
            if (view := self._views.get(thread)) is not None:
                size = view.size
                self._total += size - self._sizes.get(thread, 0)
                self._sizes[thread] = size
            while len(self._views) > 1 and (self._total > self._most or len(self._views) > MOST_THREADS):
                self._total -= self._sizes.pop(self._views.popitem(last=False)[0], 0)
