"""The store in plain Python: for tests, examples and throw-away sessions. Nothing of it outlives the process.

It scores as the other adapters do (float16 vectors, BM25 with the workspace's own statistics), so that what
works here works there; every search and listing reads the whole workspace.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..encoders.bm25 import Bm25
from ..encoders.hashing import HashingEncoder
from ..encoders.ports import Encoder
from . import cursors
from .codec import PlainCodec
from .embedding import dense_text, pack, query_vector, said, sparse_text, terms, unpack
from .embedding_jobs import EmbeddingJobs
from .errors import Conflict, Duplicate, InvalidRequest, StoreUnavailable
from .filters import KEYWORDS, LISTS, NUMBERS, Filter, check, matches
from .payloads import check_change, check_query, check_workspace, dump
from .ports import (
    Candidate,
    Capabilities,
    Change,
    Collection,
    Delete,
    Embedding,
    Event,
    Page,
    Patch,
    Point,
    Put,
    Query,
    StoreInfo,
    Written,
)

Key = tuple[str, Collection, str]
Vectors = tuple[np.ndarray, Mapping[int, float]]


@dataclass(frozen=True, slots=True)
class _Row:
    key: Key
    order: int
    rev: int
    seq: int
    payload: dict[str, Any]
    text: str | None = None
    unique: str | None = None
    vector: np.ndarray | None = None
    terms: Mapping[int, float] = field(default_factory=dict)
    deleted: bool = False

    def living(self, now: float) -> bool:
        expires = self.payload.get("expires_at")
        return not self.deleted and (expires is None or expires > now)

    def point(self) -> Point:
        _, collection, id = self.key
        payload = json.loads(dump(self.payload))
        state: Embedding = "ready" if self.vector is not None else "none"
        return Point(collection, id, payload, self.text, self.rev, self.seq, state)

    def event(self) -> Event:
        _, collection, id = self.key
        return Event(self.seq, collection, id, self.payload.get("type"), self.rev, self.deleted)


class _Draft:
    """One write over the rows, which it leaves alone until it is merged as a whole."""

    def __init__(self, rows: Mapping[Key, _Row], owners: Mapping[tuple[str, str], Key], seq: int, now: float) -> None:
        self.base, self.base_owners, self.seq, self.now = rows, owners, seq, now
        self.rows: dict[Key, _Row] = {}
        self.owners: dict[tuple[str, str], Key] = {}
        self.revs: dict[str, int] = {}
        self.patched = self.deleted = 0

    def apply(self, workspace: str, change: Change, vectors: Vectors | None) -> None:
        if isinstance(change, Put):
            self._put((workspace, change.collection, change.id), change, vectors)
        elif isinstance(change, Delete):
            key = (workspace, change.collection, change.id)
            self._expect(key, change.expected_rev)
            row = self._row(key)
            if row is not None and row.living(self.now):
                self._bury(row)
        else:
            for row in self._matching(workspace, change.collection, change.where):
                if isinstance(change, Patch):
                    self._patch(row, change.fields)
                else:
                    self._bury(row)

    def _row(self, key: Key) -> _Row | None:
        return self.rows.get(key) or self.base.get(key)

    def _matching(self, workspace: str, collection: Collection, where: Filter) -> list[_Row]:
        return [
            row
            for row in {**self.base, **self.rows}.values()
            if row.key[:2] == (workspace, collection) and row.living(self.now) and matches(where, row.payload)
        ]

    def _expect(self, key: Key, expected: int | None) -> None:
        row = self._row(key)
        actual = row.rev if row is not None and row.living(self.now) else 0
        if expected is not None and actual != expected:
            raise Conflict(key[1], key[2], expected, actual)

    def _put(self, key: Key, put: Put, vectors: Vectors | None) -> None:
        self._expect(key, put.expected_rev)
        if put.unique is not None:
            self._claim(key, put.unique)
        old = self._row(key)
        payload = json.loads(dump(put.payload))
        order, rev = (old.order, old.rev + 1) if old else (len(self.base) + len(self.rows), 1)
        vector, words = vectors or (None, {})
        self.rows[key] = _Row(key, order, rev, self.seq, payload, put.text, put.unique, vector, words)
        self.revs[put.id] = rev

    def _claim(self, key: Key, unique: str) -> None:
        name = (key[0], unique)
        owner = self.owners.get(name) or self.base_owners.get(name)
        row = self._row(owner) if owner is not None else None
        if row is not None and row.key != key and row.unique == unique and row.living(self.now):
            raise Duplicate(unique, row.key[2])
        self.owners[name] = key

    def _patch(self, row: _Row, fields: Mapping[str, Any]) -> None:
        merged = {name: value for name, value in {**row.payload, **fields}.items() if value is not None}
        self.rows[row.key] = replace(row, payload=json.loads(dump(merged)), rev=row.rev + 1, seq=self.seq)
        self.patched += 1

    def _bury(self, row: _Row) -> None:
        kind = row.payload.get("type")
        payload = {"type": kind} if kind else {}
        self.rows[row.key] = _Row(row.key, row.order, row.rev + 1, self.seq, payload, deleted=True)
        self.deleted += 1


class InMemoryStore:
    """`PointStore` in dictionaries."""

    capabilities = Capabilities("in-memory", atomic_writes=True, backup=False, purge=True, shared=False)

    def __init__(self, encoder: Encoder | None = None, clock: Callable[[], float] = time.time) -> None:
        self.encoder: Encoder = encoder or HashingEncoder()
        self._jobs = EmbeddingJobs()
        self._clock = clock
        self._bm25 = Bm25()
        self._rows: dict[Key, _Row] = {}
        self._owners: dict[tuple[str, str], Key] = {}
        self._seq = 0
        self._closed = False
        self._changed = threading.Condition()

    # writes

    def write(self, workspace: str, changes: Sequence[Change], *, durable: bool = True) -> Written:
        check_workspace(workspace)
        for change in changes:
            check_change(change)
            if isinstance(change, Put):
                _check_texts(change.text, change.context, change.unique, *change.after)
        vectors = self._embed(workspace, changes)
        with self._changed:
            self._check_open()
            draft = _Draft(self._rows, self._owners, self._seq + 1, self._clock())
            for number, change in enumerate(changes):
                draft.apply(workspace, change, vectors.get(number))
            self._rows.update(draft.rows)
            self._owners.update(draft.owners)
            self._seq = draft.seq
            self._changed.notify_all()
        return Written(draft.revs, draft.patched, draft.deleted, draft.seq)

    def _embed(self, workspace: str, changes: Sequence[Change]) -> dict[int, Vectors]:
        """The vectors of the passages among *changes*, by position."""
        puts = {
            number: change
            for number, change in enumerate(changes)
            if isinstance(change, Put) and change.collection == "memory" and change.text is not None
        }
        if not puts:
            return {}
        own = {put.id: said(put.text, put.payload) for put in puts.values() if put.text}
        texts = [dense_text(put.text or "", put.context, self._before(workspace, put, own)) for put in puts.values()]
        with self._jobs.timed(len(texts)):
            vectors = [unpack(pack(vector)) for vector in self.encoder.embed(texts)]
        sparse = [terms(self._bm25, put.text or "", put.context) for put in puts.values()]
        return {
            number: (vector, dict(zip(*pair, strict=True)))
            for number, vector, pair in zip(puts, vectors, sparse, strict=True)
        }

    def _before(self, workspace: str, put: Put, own: Mapping[str, str]) -> list[str]:
        points = [point for point in self.get(workspace, "memory", put.after) if point is not None]
        stored = {point.id: said(point.text, point.payload) for point in points if point.text}
        return [line for id in put.after if (line := own.get(id) or stored.get(id))]

    # reads

    def _check_open(self) -> None:
        if self._closed:
            raise StoreUnavailable("the store was closed; open another one")

    def _living(self, workspace: str, collection: Collection, where: Filter | None = None) -> list[_Row]:
        """The rows of *workspace* that meet *where*."""
        check_workspace(workspace)
        check(where)
        with self._changed:
            self._check_open()
            rows = [row for row in self._rows.values() if row.key[:2] == (workspace, collection)]
        now = self._clock()
        return [row for row in rows if row.living(now) and matches(where, row.payload)]

    def get(self, workspace: str, collection: Collection, ids: Sequence[str]) -> list[Point | None]:
        check_workspace(workspace)
        with self._changed:
            self._check_open()
            rows = [self._rows.get((workspace, collection, id)) for id in ids]
        now = self._clock()
        return [row.point() if row is not None and row.living(now) else None for row in rows]

    def search(self, workspace: str, query: Query) -> list[Candidate]:
        check_query(query)
        rows = self._living(workspace, "memory", query.where)
        vector = query_vector(self.encoder, query.text) if query.dense else None
        dense = {row.key: float(vector @ row.vector) for row in rows if vector is not None and row.vector is not None}
        sparse = self._bm25_scores(workspace, query.text, rows) if query.sparse else {}
        best = dict.fromkeys([*_best(dense, query.limit), *_best(sparse, query.limit)])
        points = {row.key: row.point() for row in rows if row.key in best}
        floor = 0.0 if query.sparse else None
        return [Candidate(points[key], dense.get(key), sparse.get(key, floor)) for key in best]

    def _bm25_scores(self, workspace: str, text: str, rows: Iterable[_Row]) -> dict[Key, float]:
        """BM25 of the rows that share a term with *text*; idf over the passages of *workspace*, as Qdrant has it."""
        wanted = self._bm25.query(sparse_text(text, ""))
        with self._changed:
            corpus = [row.terms for row in self._rows.values() if row.key[:2] == (workspace, "memory") and row.terms]
        held = Counter(index for each in corpus for index in each)
        weights = {
            index: value * math.log((len(corpus) - held[index] + 0.5) / (held[index] + 0.5) + 1)
            for index, value in zip(wanted.indices, wanted.values, strict=True)
        }
        return {
            row.key: sum(weight * row.terms.get(index, 0.0) for index, weight in weights.items())
            for row in rows
            if not weights.keys().isdisjoint(row.terms)
        }

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
        if order_by is not None and order_by not in NUMBERS:
            raise InvalidRequest(f"cannot order by {order_by!r}; use one of {', '.join(sorted(NUMBERS))}, or nothing")
        if not 1 <= limit <= 10_000:
            raise InvalidRequest(f"limit is {limit}; use 1 to 10,000")
        listing = (workspace, collection, where, order_by, descending)
        after = _position(cursors.decode(listing, cursor)) if cursor else None
        places = {_place(row, order_by): row for row in self._living(workspace, collection, where)}
        valued = sorted((place for place in places if place[0] is not None), reverse=descending)
        others = sorted((place for place in places if place[0] is None), key=lambda place: place[1], reverse=descending)
        coming = [place for place in [*valued, *others] if after is None or _is_after(place, after, descending)]
        points = [places[place].point() for place in coming[:limit]]
        more = len(coming) > limit
        return Page(points, cursors.encode(listing, list(coming[limit - 1])) if more else None)

    def count(self, workspace: str, collection: Collection, where: Filter | None = None) -> int:
        return len(self._living(workspace, collection, where))

    def facet(
        self,
        workspace: str,
        collection: Collection,
        field: str,
        where: Filter | None = None,
        limit: int = 100,
    ) -> dict[str, int]:
        if field not in KEYWORDS | LISTS:
            raise InvalidRequest(f"cannot count {field!r}; use one of {', '.join(sorted(KEYWORDS | LISTS))}")
        counts: Counter[str] = Counter()
        for row in self._living(workspace, collection, where):
            value = row.payload.get(field)
            counts.update({value} if isinstance(value, str) else set(value or ()))
        return dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])

    def total(self, workspace: str, collection: Collection, field: str, where: Filter | None = None) -> float:
        if field not in NUMBERS:
            raise InvalidRequest(f"cannot sum {field!r}; use one of {', '.join(sorted(NUMBERS))}")
        return math.fsum(row.payload.get(field) or 0 for row in self._living(workspace, collection, where))

    def embedding(self, workspace: str, item: str | None = None) -> Embedding:
        rows = self._living(workspace, "memory")
        embedded = (row for row in rows if row.vector is not None and item in (None, row.payload.get("item")))
        return "ready" if any(embedded) else "none"

    def watch(self, workspace: str, since_seq: int, *, timeout: float = 0.0, limit: int = 1000) -> list[Event]:
        check_workspace(workspace)
        deadline = time.monotonic() + timeout
        with self._changed:
            while not (rows := self._written_after(workspace, since_seq)):
                remaining = deadline - time.monotonic()
                if remaining <= 0 or self._closed:
                    return []
                self._changed.wait(remaining)
        last = rows[:limit][-1].seq
        return [row.event() for row in rows if row.seq <= last]

    def _written_after(self, workspace: str, since_seq: int) -> list[_Row]:
        rows = [row for row in self._rows.values() if row.key[0] == workspace and row.seq > since_seq]
        return sorted(rows, key=lambda row: (row.seq, row.order))

    def stamp(self, workspace: str) -> int | None:
        check_workspace(workspace)
        with self._changed:
            self._check_open()
            return self._seq

    # the store as a whole

    def sweep(self) -> int:
        now = self._clock()
        with self._changed:
            expired = [key for key, row in self._rows.items() if not row.deleted and not row.living(now)]
            for key in expired:
                del self._rows[key]
        return len(expired)

    def purge(self) -> None:
        """Nothing to do: deleted text is not kept, and no file was ever written."""

    def info(self) -> StoreInfo:
        with self._changed:
            kept = Counter(row.key[1] for row in self._rows.values() if not row.deleted)
        return StoreInfo(
            adapter="in-memory",
            location="memory",
            schema=1,
            encoder=self.encoder.name,
            fingerprint=self.encoder.fingerprint,
            dimension=self.encoder.dimension,
            passages=kept["memory"],
            records=kept["records"],
            pending_embeddings=0,
            last_seq=self._seq,
            details={"embedding_jobs": self._jobs.told()},
        )

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _check_texts(*texts: str | None) -> None:
    """Raise `InvalidRequest` if one of *texts* could not be stored by every adapter."""
    for text in texts:
        if text is not None:
            PlainCodec().encode(text)


def _best(scores: Mapping[Key, float], limit: int) -> list[Key]:
    return sorted(scores, key=lambda key: (-scores[key], key))[:limit]


Place = tuple[float | None, str]


def _place(row: _Row, order_by: str | None) -> Place:
    return (row.payload.get(order_by) if order_by else None), row.key[2]


def _is_after(place: Place, other: Place, descending: bool) -> bool:
    """Whether *place* comes after *other* in a listing: those with a value first."""
    if (place[0] is None) != (other[0] is None):
        return place[0] is None
    left, right = (place[1:], other[1:]) if place[0] is None else (place, other)
    return left < right if descending else left > right


def _position(position: list[Any]) -> Place:
    if len(position) == 2 and isinstance(position[0], int | float | None) and isinstance(position[1], str):
        return position[0], position[1]
    raise InvalidRequest("the cursor is malformed; pass next_cursor as it came, or none")
