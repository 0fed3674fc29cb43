"""Every request to the server passes here: its errors get our types, its reads and writes one set of options."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, TypeVar

import grpc  # type: ignore[import-untyped]  # ships no types
from qdrant_client import QdrantClient, models
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import ApiException, UnexpectedResponse

from ..errors import InvalidRequest, StoreError, StoreFull, StoreUnavailable
from ..ports import Collection

T = TypeVar("T")

SCAN = 1000
"""Points per request where only a few fields of each are read."""
RETRIEVE = 100
"""Points per request where their payloads or texts are read too."""
STRONG = models.WriteOrdering.STRONG
MAJORITY = models.ReadConsistencyType.MAJORITY


class Gateway:
    """The two collections of one prefix on one server.

    Local mode, the client's own test double, differs in two things, both kept here: it is not safe for
    threads, so that its calls take turns, and it warns about payload indexes, which it does not have.
    """

    def __init__(self, client: QdrantClient, prefix: str) -> None:
        options = client.init_options
        self.local = options.get("location") == ":memory:" or options.get("path") is not None
        self.address = str(options.get("path") or options.get("url") or options.get("location") or options.get("host"))
        self.prefix = prefix
        self._client = client
        self._turn: AbstractContextManager[Any] = threading.RLock() if self.local else nullcontext()
        self._closed = False

    def name(self, collection: Collection) -> str:
        return f"{self.prefix}_{collection}"

    def call(self, request: Callable[[QdrantClient], T]) -> T:
        """The answer to *request*. Raises `StoreUnavailable`, `StoreFull` or `InvalidRequest`."""
        if self._closed:
            raise StoreUnavailable(f"this store on {self.address} was closed; open another one")
        try:
            with self._turn:
                return request(self._client)
        except (ApiException, QdrantException, grpc.RpcError, OSError) as error:
            raise translate(error, self.address) from error

    def server_version(self) -> str:
        return self.call(lambda client: client.info()).version

    def close(self, *, client: bool) -> None:
        """Take no more calls; with *client*, end its connections too."""
        self._closed = True
        if client:
            self._client.close()

    # reads

    def retrieve(
        self, collection: Collection, ids: Sequence[str], fields: models.PayloadSelector | bool = True
    ) -> dict[str, models.Record]:
        """The points of *ids* by id, as the majority of replicas has them."""
        found: dict[str, models.Record] = {}
        for start in range(0, len(ids), RETRIEVE):
            records = self._some(collection, ids[start : start + RETRIEVE], fields)
            found.update((str(record.id), record) for record in records)
        return found

    def _some(
        self, collection: Collection, ids: Sequence[str], fields: models.PayloadSelector | bool
    ) -> list[models.Record]:
        name = self.name(collection)
        return self.call(lambda client: client.retrieve(name, ids, with_payload=fields, consistency=MAJORITY))

    def scan(
        self, collection: Collection, where: models.Filter, fields: models.PayloadSelector, batch: int = SCAN
    ) -> Iterator[models.Record]:
        """All points that meet *where*, in no useful order."""
        offset: Any = None
        while True:
            records, offset = self._page(collection, where, fields, batch, offset)
            yield from records
            if offset is None:
                return

    def _page(
        self, collection: Collection, where: models.Filter, fields: models.PayloadSelector, batch: int, offset: Any
    ) -> tuple[list[models.Record], Any]:
        name = self.name(collection)
        return self.call(
            lambda client: client.scroll(
                name, where, limit=batch, offset=offset, with_payload=fields, consistency=MAJORITY
            )
        )

    def ordered(
        self, collection: Collection, where: models.Filter, order: models.OrderBy, fields: Sequence[str], limit: int
    ) -> list[models.Record]:
        """The first *limit* points that meet *where* in *order*; points that tie come in any order."""
        records, _ = self.call(
            lambda client: client.scroll(
                self.name(collection),
                where,
                limit=limit,
                order_by=order,
                with_payload=list(fields),
                consistency=MAJORITY,
            )
        )
        return records

    def count(self, collection: Collection, where: models.Filter) -> int:
        return self.call(lambda client: client.count(self.name(collection), where, exact=True)).count

    # writes

    def insert(self, collection: Collection, points: Sequence[models.PointStruct]) -> None:
        """Add *points*; those that exist already stay as they are."""
        self._upsert(collection, points, models.UpdateMode.INSERT_ONLY, None)

    def replace(self, collection: Collection, points: Sequence[models.PointStruct], only: models.Filter) -> None:
        """Overwrite those of *points* that exist and meet *only*."""
        self._upsert(collection, points, models.UpdateMode.UPDATE_ONLY, only)

    def _upsert(
        self,
        collection: Collection,
        points: Sequence[models.PointStruct],
        mode: models.UpdateMode,
        only: models.Filter | None,
    ) -> None:
        self.call(
            lambda client: client.upsert(
                self.name(collection), list(points), wait=True, ordering=STRONG, update_filter=only, update_mode=mode
            )
        )

    def set_payload(self, collection: Collection, payload: dict[str, Any], only: models.Filter) -> None:
        """Set the keys of *payload* on the points that meet *only*."""
        selector = models.FilterSelector(filter=only)
        self.call(
            lambda client: client.set_payload(
                self.name(collection), payload, points=selector, wait=True, ordering=STRONG
            )
        )

    def delete(self, collection: Collection, only: models.Filter) -> None:
        """Remove the points that meet *only*, for good."""
        selector = models.FilterSelector(filter=only)
        self.call(lambda client: client.delete(self.name(collection), selector, wait=True, ordering=STRONG))


def translate(error: Exception, address: str) -> StoreError:
    """The store's error for what the client raised."""
    status, text = _status(error)
    if any(sign in text.lower() for sign in ("no space left", "disk is full", "out of disk", "disk usage")):
        return StoreFull(
            f"the Qdrant server at {address} has no room ({text:.200}); free space there, then repeat the call"
        )
    if status in (401, 403, "UNAUTHENTICATED", "PERMISSION_DENIED"):
        return StoreUnavailable(
            f"the Qdrant server at {address} refuses the key; set MEMORYOPS_QDRANT_API_KEY to a valid one"
        )
    if status in (429, "RESOURCE_EXHAUSTED"):
        return StoreUnavailable(f"the Qdrant server at {address} limits its calls ({text:.200}); repeat the call later")
    if status in (400, 422, "INVALID_ARGUMENT"):
        return InvalidRequest(f"the Qdrant server at {address} refused the request: {text:.300}")
    if status in (404, "NOT_FOUND"):
        return StoreUnavailable(
            f"the Qdrant server at {address} lacks what this store made there ({text:.200}); open it anew"
        )
    if isinstance(status, int):
        return StoreUnavailable(f"the Qdrant server at {address} answered {status} ({text:.200}); see its log")
    return StoreUnavailable(
        f"the Qdrant server at {address} cannot be reached ({text:.200}); start it, or correct MEMORYOPS_QDRANT_URL"
    )


def _status(error: Exception) -> tuple[int | str | None, str]:
    """The HTTP status or gRPC code of *error*, and what it says."""
    if isinstance(error, UnexpectedResponse):
        return error.status_code, error.content.decode("utf-8", "replace")
    if isinstance(error, ResourceExhaustedResponse):
        return 429, str(error)
    if isinstance(error, grpc.RpcError):
        code, details = getattr(error, "code", None), getattr(error, "details", None)
        return (code().name if code else None), str((details() if details else None) or error)
    return None, str(getattr(error, "source", error)) or type(error).__name__
