"""What changed, for processes whose clocks order their writes only roughly.

A write may become visible after another with a higher seq has been read. So a reader looks back by `OVERLAP`
beyond where it stopped, and the store remembers for every reader (told apart by where it stopped) what it has
already been given. Only a write that took longer than `OVERLAP` from its seq to its last row can be missed.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

from qdrant_client import models

from ..ports import Event
from . import filters
from .filters import SEQ
from .gateway import RETRIEVE, Gateway
from .rows import WITHOUT_TEXT, parse

OVERLAP = 2_000_000
"""How far back to look, in microseconds of seq."""
POLL = 0.2
REMEMBERED = 1000

Given = frozenset[tuple[str, str, int]]


class Watch:
    """The readers of one store in this process."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._given: OrderedDict[tuple[str, int], Given] = OrderedDict()
        self._lock = threading.Lock()

    def wait(
        self, workspace: str, since_seq: int, timeout: float, limit: int, closed: Callable[[], bool]
    ) -> list[Event]:
        """See `PointStore.watch`."""
        deadline = time.monotonic() + timeout
        while not (events := self._new(workspace, since_seq, limit)):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or closed():
                return []
            time.sleep(min(POLL, remaining))
        return events

    def _new(self, workspace: str, since_seq: int, limit: int) -> list[Event]:
        with self._lock:
            given = self._given.get((workspace, since_seq))
        start = since_seq if given is None else since_seq - OVERLAP
        events = [e for e in self._after(workspace, start, limit + len(given or ())) if _mark(e) not in (given or ())]
        if not events:
            return []
        last = events[:limit][-1].seq
        events = [event for event in events if event.seq <= last]
        self._remember(workspace, events, given or frozenset())
        return events

    def _remember(self, workspace: str, events: list[Event], given: Given) -> None:
        newest = max([event.seq for event in events] + [seq for _, _, seq in given])
        recent = frozenset(mark for mark in {*given, *map(_mark, events)} if mark[2] > newest - 2 * OVERLAP)
        key = (workspace, events[-1].seq)
        with self._lock:
            known = self._given.pop(key, recent)
            self._given[key] = recent & known
            while len(self._given) > REMEMBERED:
                self._given.popitem(last=False)

    def _after(self, workspace: str, since_seq: int, limit: int) -> list[Event]:
        """Events after *since_seq*, oldest first; whole writes, so a few more than *limit*."""
        where = models.Filter(must=[filters.equals(filters.WORKSPACE, workspace), filters.between(SEQ, gt=since_seq)])
        seqs: list[int] = []
        for collection in ("memory", "records"):
            records = self._gateway.ordered(collection, where, models.OrderBy(key=SEQ), [SEQ], limit)
            seqs += [(record.payload or {})[SEQ] for record in records]
        if not seqs:
            return []
        until = sorted(seqs)[:limit][-1]
        upto = filters.between(SEQ, gt=since_seq, lte=until)
        whole = models.Filter(must=[filters.equals(filters.WORKSPACE, workspace), upto])
        events = [
            parse(collection, record).event()
            for collection in ("memory", "records")
            for record in self._gateway.scan(collection, whole, WITHOUT_TEXT, RETRIEVE)
        ]
        return sorted(events, key=lambda event: (event.seq, event.collection, event.id))


def _mark(event: Event) -> tuple[str, str, int]:
    return event.collection, event.id, event.seq
