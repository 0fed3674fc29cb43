"""The operations on threads of checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...stores.errors import Conflict
from ...stores.filters import Eq, Range, all_of, encodable
from ...stores.ports import Point, PointStore, Put
from .. import inputs, paging
from ..errors import Incomplete, InvalidInput
from ..scope import Scope
from . import copying, freeing, listing, rows
from .commits import Commits, attempts
from .plain import Plain
from .reading import Reader
from .refs import Codec, Draft, Ref, Slot
from .rows import CHECKPOINT, THREAD, WRITES, Head, head
from .views import View

MANY_PARTS = 16
"""Writes of more parts are checked against what is there; fewer are simply stored again."""


class Value(NamedTuple):
    """What a channel holds. Unless *changed*, its parent holds the same, if it has the same *version*."""

    version: str | int | float | None
    value: Any
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Entry:
    """What *task* wrote to *channel*; *index* orders a task's writes, and below 0 marks one that replaces the last."""

    task: str
    channel: str
    value: Any
    index: int
    path: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint as it was put: *body* and *metadata* are the caller's bytes, *values* by channel."""

    thread: str
    namespace: str
    id: str
    parent: str | None
    body: bytes
    metadata: bytes
    values: Mapping[str, Any]
    writes: Sequence[Entry]


@dataclass(frozen=True, slots=True)
class History:
    """How a channel came to its value: from *seed* (if *seeded*, else from nothing) by *writes*, oldest first."""

    writes: Sequence[Entry]
    seeded: bool = False
    seed: Any = None


class Checkpoints:
    """The threads of one scope. A scope's user has threads of its own; a scope bound to a thread reaches only that.

    *codec* makes bytes of values; see `refs.Codec`. Safe to use from several threads and processes at once.
    """

    def __init__(
        self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time, codec: Codec | None = None
    ) -> None:
        self.store, self.scope, self.clock = store, scope, clock
        self.codec = codec or Plain()
        self._commits = Commits(store, scope.workspace, scope.user, self.codec, clock)
        self._reader = Reader(store, scope.workspace, self.codec)

    def by(self, codec: Codec) -> Checkpoints:
        """The same threads, with values that *codec* makes bytes of."""
        return Checkpoints(self.store, self.scope, self.clock, codec)

    # writing

    def put(
        self,
        thread: str,
        id: str,
        values: Mapping[str, Value],
        *,
        namespace: str = "",
        parent: str | None = None,
        body: bytes = b"",
        metadata: bytes = b"",
        labels: Mapping[str, Any] | None = None,
        needs: Sequence[str] = (),
        ttl: float | None = None,
    ) -> None:
        """Store the checkpoint *id* with all of *values*, durable as a whole when this returns.

        It replaces one of that id. *labels*: what listings filter by, as `rows.labels` gives it. *needs*: channels that
        are rebuilt from the writes of earlier checkpoints, which are kept for it. *ttl*: seconds after the last put
        until the thread is gone; None leaves that of the thread. Raises `InvalidInput`, `Forbidden` or a `StoreError`.
        """
        key = self._key(thread)
        place = rows.key(key, namespace)
        row = rows.checkpoint_row(place, id)

        def make(view: View, draft: Draft) -> tuple[list[Put], Callable[[], None]]:
            carried = {} if all(value.changed for value in values.values()) else self._refs(key, place, parent, view)
            refs = {name: _ref(carried.get(name), value, draft, (place, name)) for name, value in values.items()}
            stored = Head(
                row=row,
                thread=key,
                place=place,
                namespace=namespace,
                id=id,
                parent=parent,
                epoch=view.epoch,
                body=body,
                metadata=metadata,
                refs=refs,
                needs=tuple(needs),
                labels=labels,
                user=self.scope.user,
                expiring=view.ttl is not None,
            )
            return [stored.put()], lambda: view.learn(view.epoch, row, refs, ())

        self._commits.guarded(key, thread, inputs.seconds(ttl, "ttl") if ttl is not None else None, make)

    def put_writes(
        self, thread: str, checkpoint: str, task: str, entries: Sequence[Entry], *, namespace: str = ""
    ) -> None:
        """Store what *task* wrote after *checkpoint*. What it wrote before under the same index stays, unless below 0.

        Raises as `put` does.
        """
        key = self._key(thread)
        place = rows.key(key, namespace)
        row = rows.writes_row(key, place, checkpoint, task)
        payload = {"type": WRITES, "item": key, "thread": rows.writes_place(place, checkpoint)}

        def put(draft: Draft, old: Point | None) -> Put:
            lines = {each.index: [each.index, each.channel, each.path, draft.ref(each.value)] for each in entries}
            if old is not None:
                kept = {line[0]: line for line in rows.unpack(old.text or "")[1]}
                lines = kept | {index: line for index, line in lines.items() if index < 0 or index not in kept}
            text = rows.pack([task, list(lines.values())])
            return Put("records", row, payload, text, expected_rev=old.rev if old else 0)

        if any(_parts(self.codec, entry.value) > MANY_PARTS for entry in entries):
            self._commits.guarded(key, thread, None, lambda view, draft: ([put(draft, self._row(row))], lambda: None))
            return
        for attempt in attempts():
            draft = Draft(self.codec)
            try:
                made = put(draft, self._row(row) if attempt else None)
                self._commits.send(key, draft, [made])
                return
            except Conflict:  # the task has written before, or does so just now
                continue

    # reading

    def get(self, thread: str, id: str | None = None, *, namespace: str = "") -> Saved | None:
        """The checkpoint *id*, or the latest of the namespace; None where there is none. Raises `Incomplete`."""
        key = self._key(thread)
        for attempt in range(3):
            found = self._head(key, rows.key(key, namespace), id)
            if found is None:
                return None
            try:
                return next(self._saved([found]))
            except Incomplete:  # it was deleted in between, or it is damaged
                if attempt == 2:
                    raise
        return None

    def find(
        self,
        thread: str | None = None,
        *,
        namespace: str | None = None,
        id: str | None = None,
        before: str | None = None,
        labels: Mapping[str, Any] | None = None,
        match: Callable[[bytes], bool] | None = None,
        limit: int | None = None,
    ) -> Iterator[Saved]:
        """Checkpoints, those with the highest ids first; of all threads and namespaces unless one is named.

        *labels* have these values; *match* decides by the metadata. Read as they are asked for. Those of one listing
        share the parts that their values have in common, so that a long history is not many times as large as its end.
        """
        key = self._key(thread) if thread is not None else None
        if key is None and self.scope.thread is not None:
            key = self._key(self.scope.thread)
        found = listing.heads(
            self._commits, listing.Wanted(key, namespace, id, before, labels or {}, match), self.scope.user, limit
        )
        shared: dict[bytes, Any] = {}
        for some in listing.runs(found, limit):
            yield from self._saved(some, shared)

    def history(
        self, thread: str, channels: Sequence[str], id: str | None = None, *, namespace: str = ""
    ) -> dict[str, History]:
        """For each of *channels*, the value at the nearest ancestor of *id* (default: the latest) that has one, and
        what was written to it from there on, in the order in which it was applied."""
        key = self._key(thread)
        target = self._head(key, rows.key(key, namespace), id, hidden=True)
        chain = listing.chain(self._commits, target, set(channels)) if target is not None else []
        return {channel: self._history(channel, chain) for channel in channels}

    def value(self, thread: str, id: str | None, channel: str, *, namespace: str = "") -> Any | None:
        """What the checkpoint *id* (None: the latest) holds in *channel*, read alone; None where that is nothing.

        Raises `Incomplete`.
        """
        key = self._key(thread)
        found = self._head(key, rows.key(key, namespace), id, hidden=True)
        if found is None or channel not in found.refs:
            return None
        (value,), _ = self._reader.values(key, [found.refs[channel][1]])
        return value

    # deleting

    def delete(self, thread: str) -> None:
        """Delete all of *thread*."""
        freeing.free(self._commits, self._key(thread), lambda heads: {each.row for each in heads})

    def delete_runs(self, runs: Sequence[str]) -> None:
        """Delete what was put under the label `run_id` with one of *runs*, in all threads."""
        wanted = {run for run in runs if rows.is_label(run)}
        for key in listing.threads_of_runs(self._commits, sorted(wanted), self.scope.user):
            if self.scope.thread is None or key == self._key(self.scope.thread):
                freeing.free(self._commits, key, lambda heads: _of_runs(heads, wanted))

    def prune(self, thread: str) -> None:
        """Delete all but the latest checkpoint of each namespace, and what those need."""
        freeing.free(self._commits, self._key(thread), freeing.but_latest)

    def copy(self, source: str, target: str) -> None:
        """Copy everything that *source* has to *target*."""
        copying.copy(self._commits, self._key(source), self._key(target), target)

    def sweep(self) -> int:
        """Delete the threads whose time has come; how many those were."""
        due = all_of(Eq("type", THREAD), Range("due_at", lte=self.clock()), listing.of_user(self.scope.user))
        swept = 0
        while points := self.store.scroll(self.scope.workspace, "records", where=due, limit=100).points:
            for point in points:
                try:
                    self._commits.delete(point.payload["item"], point)
                except Conflict:  # it was put to just now
                    continue
                swept += 1
        if swept:
            self.store.sweep()
        return swept

    # inside

    def _key(self, thread: str) -> str:
        if not isinstance(thread, str) or not thread:
            raise InvalidInput(f"the thread id is {thread!r:.100}; give a text that is not empty")
        if not encodable(thread):
            raise InvalidInput(f"the thread id {thread!r:.100} has half of a surrogate pair, which no UTF-8 has")
        if self.scope.thread is not None:
            self.scope.narrowed(thread=thread)
        return rows.key(self.scope.user or "", thread)

    def _row(self, row: str) -> Point | None:
        (point,) = self.store.get(self.scope.workspace, "records", [row])
        return point

    def _head(self, key: str, place: str, id: str | None, *, hidden: bool = False) -> Head | None:
        if id is not None:
            point = self._row(rows.checkpoint_row(place, id))
        else:
            where = all_of(Eq("thread", place), listing.VISIBLE)
            page = paging.newest(self.store, self.scope.workspace, where, 1)
            point = page.points[0] if page.points else None
        if point is None or point.payload["type"] != CHECKPOINT:
            return None
        found = head(point)
        if (found.hidden and not hidden) or (found.expiring and listing.gone(self._commits, key)):
            return None
        return found

    def _refs(self, key: str, place: str, parent: str | None, view: View) -> Mapping[str, tuple[Any, Ref]]:
        """The references of the checkpoint *parent*, if they are known to hold."""
        if parent is None:
            return {}
        row = rows.checkpoint_row(place, parent)
        if row not in view.refs and (point := self._row(row)) is not None:
            found = head(point)
            if found.epoch == view.epoch:
                names = self._reader.known(key, [ref for _, ref in found.refs.values()])
                view.learn(found.epoch, row, found.refs, names)
        return view.refs.get(row, {})

    def _saved(self, heads: Sequence[Head], shared: dict[bytes, Any] | None = None) -> Iterator[Saved]:
        """*heads* with their values and writes, and the parts of values that they share."""
        written = listing.writes(self._commits, heads)
        ids = listing.thread_ids(self._commits, {each.thread for each in heads})
        for each in heads:
            yield self._one(each, ids.get(each.thread, ""), written.get(each.row, []), shared)

    def _one(self, found: Head, thread: str, lines: Sequence[listing.Line], shared: dict[bytes, Any] | None) -> Saved:
        view = self._commits.views.of(found.thread)
        refs = [ref for _, ref in found.refs.values()] + [line.ref for line in lines]
        values, names = self._reader.values(found.thread, refs, view.names, shared)
        view.learn(found.epoch, found.row, found.refs, names)
        self._commits.views.weigh(found.thread)
        entries = [
            Entry(line.task, line.channel, value, line.index, line.path)
            for line, value in zip(lines, values[len(found.refs) :], strict=True)
        ]
        return Saved(
            thread=thread,
            namespace=found.namespace,
            id=found.id,
            parent=found.parent,
            body=found.body,
            metadata=found.metadata,
            values=dict(zip(found.refs, values, strict=False)),
            writes=entries,
        )

    def _history(self, channel: str, chain: Sequence[tuple[Head, Sequence[listing.Line]]]) -> History:
        refs: list[Ref] = []
        lines: list[listing.Line] = []
        for found, written in chain:
            lines = [line for line in written if line.channel == channel] + lines
            if channel in found.refs:
                refs = [found.refs[channel][1]]
                break
        key = chain[0][0].thread if chain else ""
        values, _ = self._reader.values(key, refs + [line.ref for line in lines])
        entries = [
            Entry(line.task, line.channel, value, line.index, line.path)
            for line, value in zip(lines, values[len(refs) :], strict=True)
        ]
        return History(entries, bool(refs), values[0] if refs else None)


def _ref(before: tuple[Any, Ref] | None, value: Value, draft: Draft, slot: Slot) -> tuple[Any, Ref]:
    if before is not None and not value.changed and before[0] == value.version:
        return before
    return value.version, draft.ref(value.value, slot)


def _parts(codec: Codec, value: Any) -> int:
    """How many parts *value* is stored in, at least."""
    split = codec.split(value)
    if split is None:
        return 1
    if split.fields is not None:
        return sum(_parts(codec, each) for each in split.fields.values())
    return len(split.parts or ())


def _of_runs(heads: Sequence[Head], runs: set[str]) -> set[str]:
    return {each.row for each in heads if (each.labels or {}).get("run_id") in runs}
