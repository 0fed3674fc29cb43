"""The one door to storage, the same for the embedded store, a Qdrant server and the in-memory fake.

Two collections: `memory` holds passages (searched by meaning and by keyword), `records` holds everything
else (items, tasks, agents, HIL requests, …), told apart by the payload field `type`. Every call names the
workspace; no call reaches two.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from .filters import Filter

Collection = Literal["memory", "records"]
Embedding = Literal["none", "pending", "ready", "failed"]
Payload = Mapping[str, Any]

MAX_TEXT_BYTES = 10 * 1024 * 1024
"""Longest text of one row, in UTF-8 bytes."""


@dataclass(frozen=True, slots=True)
class Point:
    """A row as it was read. *rev* counts its writes from 1; *seq* orders all writes of the store."""

    collection: Collection
    id: str
    payload: Payload
    text: str | None
    rev: int
    seq: int
    embedding: Embedding = "none"


@dataclass(frozen=True, slots=True)
class Put:
    """Write a whole row.

    *expected_rev*: None writes in any case, 0 only if there is no such row, n only over revision n.
    *unique*: a key that no two living rows of the workspace share.
    In `memory`, *text* is indexed; *context* (a heading, speaker, date) is embedded and indexed with it, and
    the texts of the rows *after* (passages that come before this one in its thread) are embedded with it.
    The payload field `expires_at` (seconds since the epoch) takes the row out of every read from then on.
    """

    collection: Collection
    id: str
    payload: Payload
    text: str | None = None
    context: str = ""
    after: tuple[str, ...] = ()
    expected_rev: int | None = None
    unique: str | None = None


@dataclass(frozen=True, slots=True)
class Patch:
    """Set payload *fields* on every row that meets *where*; a value of None removes the field. Text is kept."""

    collection: Collection
    where: Filter
    fields: Payload


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete one row; a row that does not exist is no error. *expected_rev* as in `Put`."""

    collection: Collection
    id: str
    expected_rev: int | None = None


@dataclass(frozen=True, slots=True)
class DeleteWhere:
    """Delete every row that meets *where*."""

    collection: Collection
    where: Filter


Change = Put | Patch | Delete | DeleteWhere


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did: the revisions of its `Put` rows by id, how many rows were patched and deleted."""

    revs: Mapping[str, int]
    patched: int
    deleted: int
    seq: int


@dataclass(frozen=True, slots=True)
class Query:
    """A search for *text* among the passages that meet *where*: up to *limit* candidates from each side."""

    text: str
    limit: int = 256
    where: Filter | None = None
    dense: bool = True
    sparse: bool = True


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage with both of its scores, whichever side found it.

    *dense*: cosine in [-1, 1], None while the passage is not embedded (or that side was not asked).
    *sparse*: BM25 with the workspace's own statistics, ≥ 0.
    """

    point: Point
    dense: float | None
    sparse: float | None


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in order, and the *cursor* that continues after the last of them (None at the end)."""

    points: Sequence[Point]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """A row changed: its state after write *seq*."""

    seq: int
    collection: Collection
    id: str
    type: str | None
    rev: int
    deleted: bool


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What an adapter can and cannot do, as data."""

    name: str
    atomic_writes: bool
    """A write of several changes happens as a whole or not at all, even when the process is killed."""
    backup: bool
    """`backup` writes a consistent copy to a file."""
    purge: bool
    """Deleted text can be erased from the disk at once."""
    shared: bool
    """Several processes may hold it open together."""


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """The store as a whole, for `doctor` and `state`."""

    adapter: str
    location: str
    schema: int
    encoder: str
    fingerprint: str
    dimension: int
    passages: int
    records: int
    pending_embeddings: int
    last_seq: int
    details: Mapping[str, Any] = field(default_factory=dict)


class PointStore(Protocol):
    """See the module's docstring. Methods are safe to call from several threads."""

    @property
    def capabilities(self) -> Capabilities: ...

    def write(self, workspace: str, changes: Sequence[Change], *, durable: bool = True) -> Written:
        """Apply *changes* in order, all or (by `capabilities.atomic_writes`) repaired by a retry.

        Returns after they are durable and found by keyword; *durable* False skips the wait for the disk
        (for access times, never for content). Raises `Conflict`, `Duplicate`, `InvalidRequest`, `StoreFull`;
        then nothing of the call is kept.
        """
        ...

    def get(self, workspace: str, collection: Collection, ids: Sequence[str]) -> list[Point | None]:
        """The rows of *ids* in that order; None for one that does not exist, was deleted or has expired."""
        ...

    def search(self, workspace: str, query: Query) -> list[Candidate]:
        """The union of both sides' best passages, each with both scores, best first by either; see `Query`."""
        ...

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
        """Rows that meet *where*, by a number field *order_by* and then id (rows without it come last), or by id.

        *limit* 1 to 10,000; a page of very long texts may end earlier. A cursor visits each row once, whatever
        is written meanwhile to other rows.
        """
        ...

    def count(self, workspace: str, collection: Collection, where: Filter | None = None) -> int:
        """How many rows meet *where*, exactly."""
        ...

    def facet(
        self,
        workspace: str,
        collection: Collection,
        field: str,
        where: Filter | None = None,
        limit: int = 100,
    ) -> dict[str, int]:
        """How many rows hold each value of a keyword or list *field*, most frequent first."""
        ...

    def total(self, workspace: str, collection: Collection, field: str, where: Filter | None = None) -> float:
        """The sum of a number *field* over the rows that meet *where*; rows without it add nothing."""
        ...

    def embedding(self, workspace: str, item: str | None = None) -> Embedding:
        """Of the passages whose payload field `item` is *item* (None: of all): failed if any is, else pending if
        any is, else ready; none where there is no passage."""
        ...

    def watch(self, workspace: str, since_seq: int, *, timeout: float = 0.0, limit: int = 1000) -> list[Event]:
        """What changed after *since_seq*, oldest first; waits up to *timeout* seconds for a first change."""
        ...

    def stamp(self, workspace: str) -> int | None:
        """A number that is another one after each write to *workspace*, from before that write returns; asking costs
        next to nothing. While it is the one from before a read, what was read is still so, but for what expired
        and for embeddings. None where that cannot be told."""
        ...

    def sweep(self) -> int:
        """Delete for good what has expired, in all workspaces; how many rows that were."""
        ...

    def purge(self) -> None:
        """Leave no byte of deleted text in any file of the store (backups excepted). Raises `Unsupported`."""
        ...

    def info(self) -> StoreInfo: ...

    def close(self) -> None: ...
