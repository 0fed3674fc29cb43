"""`QdrantStore`: LangGraph's long-term memory on MemoryOps.

    with MemoryOps.open() as ops:
        store = QdrantStore(ops)
        graph = builder.compile(store=store)

What an entry is and how it is found belongs to `ops.entries`; here LangGraph's operations become its calls.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self

from langgraph.store.base import (
    BaseStore,
    GetOp,
    IndexConfig,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    validate_op_namespace,
)

from ..memory.entries import Entries
from ..memory.entry_rows import DeleteEntry, Entry, PutEntry
from ..memory.errors import InvalidInput
from ..memory.scope import Scope
from ..memory.service import MemoryOps
from .opening import Opening
from .sweeper import Sweeper

Index = IndexConfig | Literal[False] | None

WHOLE = "$"
"""The path of a value as a whole."""


class QdrantStore(BaseStore):
    """A store in the workspace of *ops*, which the caller keeps open and closes. Sync and async, safe in threads.

    *index*: which fields are searched by meaning, `{"fields": ["text", "notes[*].title"]}`; None is the whole value,
    False nothing. The memory's encoder embeds: `dims` and `embed` may be left out, and have to fit it otherwise.
    *ttl*: `{"default_ttl": minutes, "refresh_on_read": True, "sweep_interval_minutes": 5}`; expired entries are
    never returned, swept or not.

    In a batch, all reads see what was there before it; of several puts to one key the last counts. A search without a
    query gives the last written first; with one, the closest first by cosine, without what is not indexed. What
    filters mean: `memoryops.memory.entry_filters`. Errors: `InvalidInput`, `InvalidNamespaceError`, a `StoreError`.
    """

    supports_ttl = True

    def __init__(self, ops: MemoryOps, *, index: Index = None, ttl: TTLConfig | None = None) -> None:
        self.ops = ops
        self._fields = _fields(ops, index)
        self.ttl_config = ttl
        self._sweeper = Sweeper(self.sweep_ttl)

    @classmethod
    def from_conn_string(
        cls, conn_string: str, *, index: Index = None, ttl: TTLConfig | None = None, scope: Scope | None = None
    ) -> Opening[Self]:
        """A store in the data folder, or on the Qdrant server, at *conn_string*: for `with` or `async with`.

        *scope*: the workspace and what narrows it; as configured (`MEMORYOPS_…`) unless given.
        """
        return Opening(conn_string, scope, lambda ops: cls(ops, index=index, ttl=ttl), cls.close)

    def setup(self) -> None:
        """Nothing to do: what the store needs is made when the memory is opened."""

    @property
    def _entries(self) -> Entries:
        return self.ops.entries

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Execute *ops*; each result stands at the place of its operation.

        The puts are one write, kept as a whole, up to 200,000 characters of values.
        """
        asked = list(ops)
        for op in asked:
            if not isinstance(op, GetOp | SearchOp | ListNamespacesOp | PutOp):
                raise InvalidInput(f"{type(op).__name__} is no operation of a store; use GetOp, SearchOp, PutOp, …")
            _check(op)
        changes = [self._change(op) for op in asked if isinstance(op, PutOp)]
        results: list[Result] = [None] * len(asked)
        gets = {place: op for place, op in enumerate(asked) if isinstance(op, GetOp)}
        found = self._entries.get_many([(tuple(op.namespace), op.key, op.refresh_ttl) for op in gets.values()])
        for place, entry in zip(gets, found, strict=True):
            results[place] = _item(entry) if entry is not None else None
        for place, op in enumerate(asked):
            if isinstance(op, SearchOp):
                results[place] = self._search(op)
            elif isinstance(op, ListNamespacesOp):
                results[place] = self._namespaces(op)
        if changes:
            self._entries.write(changes)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """`batch` in a worker thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def _change(self, op: PutOp) -> PutEntry | DeleteEntry:
        namespace = tuple(op.namespace)
        if op.value is None:
            return DeleteEntry(namespace, op.key)
        ttl = None if op.ttl is None else 60 * op.ttl
        return PutEntry(namespace, op.key, op.value, self._texts(op.value, op.index), ttl)

    def _texts(self, value: Mapping[str, Any], index: Literal[False] | Sequence[str] | None) -> list[str] | None:
        """What is searched of *value*; None for the whole of it."""
        fields = self._fields if index is None else index
        if index is False or not self._fields or not fields:
            return []
        if list(fields) == [WHOLE] or not isinstance(value, Mapping):
            return None  # a value that is no object is refused where it is kept
        return [text for field in fields for text in get_text_at_path(value, field)]

    def _search(self, op: SearchOp) -> list[SearchItem]:
        if op.query and not self._fields:
            raise InvalidInput("this store was made with index=False and cannot search by a query; leave index out")
        found = self._entries.search(
            op.namespace_prefix,
            op.query,
            where=op.filter,
            limit=op.limit,
            offset=op.offset,
            refresh=op.refresh_ttl,
        )
        return [_search_item(entry) for entry in found]

    def _namespaces(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        conditions = op.match_conditions or ()
        for condition in conditions:
            if condition.match_type not in ("prefix", "suffix"):
                raise InvalidInput(f"namespaces match by prefix or suffix, not by {condition.match_type!r}")
        return self._entries.namespaces(
            [condition.path for condition in conditions if condition.match_type == "prefix"],
            [condition.path for condition in conditions if condition.match_type == "suffix"],
            max_depth=op.max_depth,
            limit=op.limit,
            offset=op.offset,
        )

    # what expires

    def sweep_ttl(self) -> int:
        """Erase what has expired; how many rows of the whole memory that were (an entry is one, and each text of it).

        Reads never return what has expired, and the embedded store sweeps by itself twice a minute.
        """
        return self._entries.sweep()

    def start_ttl_sweeper(self, sweep_interval_minutes: float | None = None) -> Future[None]:
        """Sweep every so many minutes (default: as in `ttl`, else 5), until `stop_ttl_sweeper` or `close`.

        The future is done once it has stopped; cancelling it stops it. Without `ttl` nothing starts.
        """
        if not self.ttl_config:
            done: Future[None] = Future()
            done.set_result(None)
            return done
        return self._sweeper.start(sweep_interval_minutes or self.ttl_config.get("sweep_interval_minutes") or 5)

    def stop_ttl_sweeper(self, timeout: float | None = None) -> bool:
        """Stop sweeping; whether it has stopped within *timeout* seconds (None: waits as long as it takes)."""
        return self._sweeper.stop(timeout)

    def close(self) -> None:
        """Stop the sweeper. The memory stays open."""
        self.stop_ttl_sweeper()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)


def _fields(ops: MemoryOps, index: Index) -> list[str]:
    """The paths that are searched where a put names none. Raises `InvalidInput` for what the memory cannot do."""
    if index is None or index is False:
        return [WHOLE] if index is None else []
    if not isinstance(index, Mapping) or not index.keys() <= {"dims", "embed", "fields"}:
        raise InvalidInput(f"index is {index!r:.200}; give {{'fields': [paths]}}, or False for none")
    _check_encoder(ops, index)
    fields: Any = index.get("fields")
    fields = [WHOLE] if fields is None else fields
    if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
        raise InvalidInput(f"the fields of index are {fields!r:.200}; give a list of paths like 'text' or 'notes[*]'")
    return fields


def _check_encoder(ops: MemoryOps, index: IndexConfig) -> None:
    """Refuse an *index* that asks for other vectors than those of the memory's encoder."""
    if "dims" not in index and "embed" not in index:
        return
    info = ops.store.info()
    if index.get("dims", info.dimension) != info.dimension or index.get("embed", info.encoder) != info.encoder:
        raise InvalidInput(
            f"index asks for other embeddings than the memory makes: it has one encoder for everything, {info.encoder} "
            f"of {info.dimension} dimensions. Leave dims and embed out; to choose another encoder, set "
            "MEMORYOPS_ENCODER for a new memory, or run `memoryops reembed --encoder NAME` for this one"
        )


def _check(op: Op) -> None:
    """Refuse texts in place of lists: they would be read letter by letter."""
    namespace: Any = getattr(op, "namespace", ())
    if isinstance(namespace, str):
        raise InvalidInput(f"the namespace is {namespace!r:.100}; give a tuple of strings like ('users', 'anna')")
    index: Any = getattr(op, "index", None)
    if isinstance(index, str) or index is True:
        raise InvalidInput(f"the index of a put is {index!r:.100}; give a list of paths, False, or None")
    validate_op_namespace(op)


def _item(entry: Entry) -> Item:
    return Item(
        value=entry.value,
        key=entry.key,
        namespace=entry.namespace,
        created_at=_time(entry.created_at),
        updated_at=_time(entry.updated_at),
    )


def _search_item(entry: Entry) -> SearchItem:
    return SearchItem(
        namespace=entry.namespace,
        key=entry.key,
        value=entry.value,
        created_at=_time(entry.created_at),
        updated_at=_time(entry.updated_at),
        score=entry.score,
    )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
