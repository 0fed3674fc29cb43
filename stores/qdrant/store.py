"""The store on a Qdrant server."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from qdrant_client import QdrantClient, models

from ...encoders.bm25 import Bm25
from ...encoders.ports import Encoder
from .. import cursors
from ..embedding import INLINE_CHARS, dense_text, pack, query_vector, said, sparse_text, terms, unpack
from ..embedding_jobs import EmbeddingJobs
from ..errors import InvalidRequest, Unsupported
from ..filters import KEYWORDS, LISTS, NUMBERS, Filter, check
from ..payloads import check_change, check_query, check_workspace
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
from . import filters, schema, writing
from .claims import CLAIMS, GRACE, Claims
from .clock import Ticks
from .edits import Edit, Prepared
from .filters import DELETED, EMBEDDING, ID, SEQ, WORKSPACE, among, equals
from .gateway import Gateway
from .listing import Listing
from .pending import PendingEmbeddings, texts
from .rows import UNIQUE, Vectors, check_texts, parse, point_id
from .search import Search
from .watching import Watch

TIMEOUT = 30
"""Seconds that a request may take."""
SWEEP = 500


class QdrantServerStore:
    """`PointStore` on a Qdrant server (1.19 or newer), for any number of processes and machines at once.

    A write of several changes is not atomic: it is planned and checked before anything is written, row by row
    compared and set, and repaired by repeating it if its process dies midway. Numbers are filtered and ordered
    as 64-bit floats. Listings by id read the ids of all rows that match, for each page.

    Deleting a row removes its text, vectors and payload from the point at once, and `sweep` removes expired
    points; the server's files lose the bytes when it next vacuums the segment, which nobody can force from
    here, hence no `purge`. Backups are Qdrant's own snapshots, or an export.

    What happens between concurrent writers rests on documented behaviour (conditional updates, strong
    ordering); it is tested on the client's local mode and unproven until it has run on a real server.
    """

    capabilities = Capabilities("qdrant-server", atomic_writes=False, backup=False, purge=False, shared=True)

    def __init__(
        self,
        client: QdrantClient | None = None,
        *,
        encoder: Encoder,
        url: str | None = None,
        api_key: str | None = None,
        prefix: str = "memoryops",
        shard_number: int | None = None,
        replication_factor: int | None = None,
        write_consistency_factor: int | None = None,
        clock: Callable[[], float] = time.time,
        grace: float = GRACE,
    ) -> None:
        """Open (or make) the collections `{prefix}_memory` and `{prefix}_records`.

        Give *url* (and *api_key*), or a *client* of your own, which `close` leaves open. *shard_number* and the two
        factors count only when the collections are made. A unique key that a dead write has claimed is free
        after *grace* seconds. Raises `StoreUnavailable`, `EncoderMismatch`,
        `SchemaTooNew` or `Unsupported`.
        """
        if (client is None) == (url is None):
            raise InvalidRequest("give either a client or the url of a Qdrant server")
        self._owns_client = client is None
        self._gateway = Gateway(client or _connect(url, api_key), prefix)
        self.encoder = encoder
        self._clock, self._grace = clock, grace
        self._closed = False
        sharding = schema.Sharding(shard_number, replication_factor, write_consistency_factor)
        self.settings = schema.prepare(self._gateway, encoder, sharding)
        self._bm25 = Bm25()
        self._ticks = Ticks()
        self._ticks.observe(self._last_seq())
        self._watch = Watch(self._gateway)
        self._jobs = EmbeddingJobs()
        self._pending = PendingEmbeddings(self._gateway, self._embed)
        self._pending.start()
        self._pending.wake()

    # writes

    def write(self, workspace: str, changes: Sequence[Change], *, durable: bool = True) -> Written:
        check_workspace(workspace)
        for change in changes:
            check_change(change)
            if isinstance(change, Put):
                check_texts([change.text, change.context, change.unique, *change.after])
        edits = self._prepared(workspace, changes)
        written = writing.write(self._gateway, self._ticks, workspace, edits, self._clock(), self._grace)
        if any(isinstance(edit, Prepared) and edit.vectors and edit.vectors.dense is None for edit in edits):
            self._pending.wake()
        return written

    def _prepared(self, workspace: str, changes: Sequence[Change]) -> list[Edit]:
        puts = [c for c in changes if isinstance(c, Put) and c.collection == "memory" and c.text is not None]
        dense: Mapping[int, np.ndarray] = {}
        if puts and sum(len(put.text or "") for put in puts) <= INLINE_CHARS:
            own = {put.id: said(put.text, put.payload) for put in puts if put.text}
            vectors = self._embed([self._dense_text(workspace, put, own) for put in puts])
            dense = {id(put): vector for put, vector in zip(puts, vectors, strict=True)}
        return [
            Prepared(change, self._vectors(change, dense.get(id(change)))) if isinstance(change, Put) else change
            for change in changes
        ]

    def _vectors(self, put: Put, dense: np.ndarray | None) -> Vectors | None:
        if put.collection == "records" or put.text is None:
            return None
        return Vectors(dense, terms(self._bm25, put.text, put.context))

    def _dense_text(self, workspace: str, put: Put, own: Mapping[str, str]) -> str:
        if not put.after:
            return dense_text(put.text or "", put.context)
        before = [[own[id]] if id in own else texts(self._gateway, workspace, [id]) for id in put.after]
        return dense_text(put.text or "", put.context, [text for found in before for text in found if text])

    def _embed(self, passages: Sequence[str]) -> list[np.ndarray]:
        with self._jobs.timed(len(passages)):
            vectors = self.encoder.embed(passages)
        if vectors.shape != (len(passages), self.encoder.dimension):
            raise InvalidRequest(f"the encoder {self.encoder.name} gave vectors of shape {vectors.shape}")
        return [unpack(pack(vector)) for vector in vectors]

    # reads

    def get(self, workspace: str, collection: Collection, ids: Sequence[str]) -> list[Point | None]:
        check_workspace(workspace)
        points = [point_id(workspace, collection, id) for id in ids]
        records = self._gateway.retrieve(collection, list(dict.fromkeys(points)))
        rows = {point: parse(collection, record) for point, record in records.items()}
        now = self._clock()
        return [rows[point].point() if point in rows and rows[point].living(now) else None for point in points]

    def search(self, workspace: str, query: Query) -> list[Candidate]:
        check_workspace(workspace)
        check_query(query)
        vector = query_vector(self.encoder, query.text) if query.dense else None
        wanted = self._bm25.query(sparse_text(query.text, "")) if query.sparse else None
        sparse = (list(wanted.indices), list(wanted.values)) if wanted is not None else None
        return Search(self._gateway, workspace, query, vector, sparse, self._clock()).run()

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
        check(where)
        if order_by is not None and order_by not in NUMBERS:
            raise InvalidRequest(f"cannot order by {order_by!r}; use one of {', '.join(sorted(NUMBERS))}, or nothing")
        if not 1 <= limit <= 10_000:
            raise InvalidRequest(f"limit is {limit}; use 1 to 10,000")
        name = (workspace, collection, where, order_by, descending)
        position = cursors.decode(name, cursor) if cursor else None
        listing = Listing(self._gateway, workspace, collection, where, order_by, descending, self._clock())
        places = listing.after(position, limit + 1)
        points = [row.point() for row in listing.rows(places[:limit])]
        more = len(places) > limit
        return Page(points, cursors.encode(name, list(places[limit - 1])) if more else None)

    def count(self, workspace: str, collection: Collection, where: Filter | None = None) -> int:
        check_workspace(workspace)
        return self._count(workspace, collection, filters.conditions(check(where)))

    def _count(self, workspace: str, collection: Collection, conditions: Sequence[models.Condition]) -> int:
        return self._gateway.count(collection, filters.living(workspace, self._clock(), *conditions))

    def facet(
        self, workspace: str, collection: Collection, field: str, where: Filter | None = None, limit: int = 100
    ) -> dict[str, int]:
        check_workspace(workspace)
        check(where)
        if field not in KEYWORDS | LISTS:
            raise InvalidRequest(f"cannot count {field!r}; use one of {', '.join(sorted(KEYWORDS | LISTS))}")
        living = filters.living(workspace, self._clock(), *filters.conditions(where))
        name = self._gateway.name(collection)
        response = self._gateway.call(lambda client: client.facet(name, field, living, limit=limit, exact=True))
        return {str(hit.value): hit.count for hit in response.hits}

    def total(self, workspace: str, collection: Collection, field: str, where: Filter | None = None) -> float:
        """Reads that field of all rows that match: Qdrant has no sums."""
        check_workspace(workspace)
        check(where)
        if field not in NUMBERS:
            raise InvalidRequest(f"cannot sum {field!r}; use one of {', '.join(sorted(NUMBERS))}")
        living = filters.living(workspace, self._clock(), *filters.conditions(where))
        only = models.PayloadSelectorInclude(include=[field])
        records = self._gateway.scan(collection, living, only)
        return math.fsum((record.payload or {}).get(field) or 0 for record in records)

    def embedding(self, workspace: str, item: str | None = None) -> Embedding:
        check_workspace(workspace)
        of_item = [equals("item", item)] if item is not None else []
        states: tuple[Embedding, ...] = ("failed", "pending", "ready")
        for state in states:
            if self._count(workspace, "memory", [*of_item, equals(EMBEDDING, state)]):
                return state
        return "none"

    def watch(self, workspace: str, since_seq: int, *, timeout: float = 0.0, limit: int = 1000) -> list[Event]:
        check_workspace(workspace)
        return self._watch.wait(workspace, since_seq, timeout, limit, lambda: self._closed)

    def stamp(self, workspace: str) -> int | None:
        """None: a server does not say for nothing whether somebody wrote."""
        check_workspace(workspace)
        return None

    # the store as a whole

    def sweep(self) -> int:
        """Besides, embed what a process that died has left pending."""
        self._pending.wake()
        expired = models.Filter(must=[filters.between("expires_at", lte=self._clock())])
        return sum(self._sweep(collection, expired) for collection in ("memory", "records"))

    def _sweep(self, collection: Collection, expired: models.Filter) -> int:
        fields = models.PayloadSelectorInclude(include=[WORKSPACE, ID, UNIQUE, SEQ])
        records = list(self._gateway.scan(collection, expired, fields))
        for start in range(0, len(records), SWEEP):
            some = among([str(record.id) for record in records[start : start + SWEEP]])
            self._gateway.delete(collection, models.Filter(must=[some, expired]))
        for payload in (record.payload or {} for record in records):
            if UNIQUE in payload:
                claims = Claims(self._gateway, payload[WORKSPACE])
                claims.release(payload[UNIQUE], (collection, payload[ID]), payload[SEQ])
        return len(records)

    def purge(self) -> None:
        raise Unsupported(
            "a Qdrant server erases deleted data from its files by itself, at the next vacuum of the segment; "
            "the rows are gone from every read already"
        )

    def info(self) -> StoreInfo:
        kept: dict[Collection, int] = {"memory": 0, "records": 0}
        for collection in kept:
            kept[collection] = self._gateway.count(collection, models.Filter(must=[equals(DELETED, False)]))
        waiting = models.Filter(must=[equals(EMBEDDING, "pending"), equals(DELETED, False)])
        return StoreInfo(
            adapter="qdrant-server",
            location=self._gateway.address,
            schema=self.settings.schema,
            encoder=self.settings.encoder,
            fingerprint=self.settings.fingerprint,
            dimension=self.settings.dimension,
            passages=kept["memory"],
            records=kept["records"],
            pending_embeddings=self._gateway.count("memory", waiting),
            last_seq=self._last_seq(),
            details={
                "embedding_error": self._pending.error,
                "embedding_jobs": self._jobs.told(),
                "server": self._gateway.server_version(),
            },
        )

    def _last_seq(self) -> int:
        others = models.Filter(must_not=[equals(WORKSPACE, CLAIMS)])
        order = models.OrderBy(key=SEQ, direction=models.Direction.DESC)
        newest = [
            (record.payload or {})[SEQ]
            for collection in ("memory", "records")
            for record in self._gateway.ordered(collection, others, order, [SEQ], 1)
        ]
        return max(newest, default=0)

    def close(self) -> None:
        """End the background thread, and the connection if this store made it. Further calls fail."""
        self._closed = True
        self._pending.stop()
        self._gateway.close(client=self._owns_client)


def _connect(url: str | None, api_key: str | None) -> QdrantClient:
    # `schema.prepare` checks the server's version itself, with an error instead of a warning
    return QdrantClient(url=url, api_key=api_key, prefer_grpc=True, timeout=TIMEOUT, check_compatibility=False)
