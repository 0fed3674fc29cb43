"""Entries: JSON values under namespaces and keys, found by filters and by meaning. What a program keeps, not what it
was told: entries are no memories, and `MemoryOps.search` does not find them.

    ops.entries.put(("users", "anna"), "diet", {"text": "Anna is vegetarian", "sure": True})
    ops.entries.search(("users",), "who eats meat?", where={"sure": True})

`entry_rows.py` says how they lie in the store, `entry_search.py` how they are found, `entry_filters.py` what a filter
means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import Any

from ..stores.filters import And, Eq
from ..stores.ports import Change, Delete, DeleteWhere, Patch, Point, PointStore
from . import entry_filters, entry_rows, inputs, namespaces
from .batches import writes
from .entry_rows import NAMESPACE, TYPE, DeleteEntry, Entry, PutEntry, entry, row_id
from .entry_search import EntrySearch
from .ids import new_id
from .namespaces import Namespace
from .scope import Scope

MOST_NAMESPACES = 1_000_000
MOST = 10**9


class Entries:
    """The entries of one scope. What is bound in the scope beside its workspace has entries of its own."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.space, self.clock = store, entry_rows.space(scope), clock

    # write

    def put(
        self,
        namespace: Sequence[str],
        key: str,
        value: Mapping[str, Any],
        *,
        texts: Sequence[str] | None = None,
        ttl: float | None = None,
    ) -> None:
        """Keep *value* under *namespace* and *key*; see `PutEntry`. Raises `InvalidInput` or a `StoreError`."""
        self.write([PutEntry(tuple(namespace), key, value, texts, ttl)])

    def delete(self, namespace: Sequence[str], key: str) -> None:
        """Let go of what is kept under *namespace* and *key*; nothing there is no error."""
        self.write([DeleteEntry(tuple(namespace), key)])

    def write(self, changes: Sequence[PutEntry | DeleteEntry]) -> None:
        """Apply *changes*; of several to one address the last counts.

        All are checked before the first is kept. Up to 200,000 characters are one write, which happens as a whole where
        the store can (`capabilities.atomic_writes`); more are several. Raises `InvalidInput` or a `StoreError`.
        """
        last = {(change.namespace, change.key): _checked(change) for change in changes}
        known = self._records(list(last))
        now = self.clock()
        drafts = [self._changes(change, known.get(address), now) for address, change in last.items()]
        above = self._above([change.namespace for change in last.values() if isinstance(change, PutEntry)])
        for number, run in enumerate(writes(drafts, _length)):
            self.store.write(self.space, [*(above if number == 0 else ()), *(each for draft in run for each in draft)])

    def _above(self, namespaces: Sequence[Namespace]) -> list[Change]:
        """What is not known yet of the namespaces above *namespaces*."""
        wanted = {put.id: put for namespace in namespaces for put in entry_rows.above(namespace)}
        known = self.store.get(self.space, "records", list(wanted)) if wanted else []
        return [put for put, point in zip(wanted.values(), known, strict=True) if point is None]

    def _changes(self, change: PutEntry | DeleteEntry, old: Point | None, now: float) -> list[Change]:
        id = row_id(change.namespace, change.key)
        searched: list[Change] = [DeleteWhere("memory", Eq("item", id))]
        if isinstance(change, DeleteEntry):
            return [Delete("records", id), *searched]
        created_at = old.payload["first_at"] if old is not None else now
        rows = entry_rows.rows(change, new_id(), now, created_at)
        return [rows[0], *(searched if old is not None else []), *rows[1:]]

    # read

    def get(self, namespace: Sequence[str], key: str, *, refresh: bool = True) -> Entry | None:
        """What is kept under *namespace* and *key*, None if nothing is. *refresh*: its ttl begins anew."""
        return self.get_many([(tuple(namespace), key, refresh)])[0]

    def get_many(self, wanted: Sequence[tuple[Namespace, str, bool]]) -> list[Entry | None]:
        """What is kept under each namespace and key of *wanted*, in that order; the third says whether to refresh."""
        found = self._records([(namespace, entry_rows.check_key(key)) for namespace, key, _ in wanted])
        self._refresh([found[namespace, key] for namespace, key, refresh in wanted if refresh])
        points = [found[namespace, key] for namespace, key, _ in wanted]
        return [entry(point) if point is not None else None for point in points]

    def search(
        self,
        prefix: Sequence[str] = (),
        query: str | None = None,
        *,
        where: entry_filters.Filter | None = None,
        limit: int = 10,
        offset: int = 0,
        refresh: bool = True,
    ) -> list[Entry]:
        """The entries in namespaces that begin with *prefix* that meet *where*: *limit* after the first *offset*.

        With a *query* (other than blank) those of which something is searched, the closest in meaning first, by the
        cosine of the best passage; what still waits for its embedding follows where it shares a word with the query.
        Without one all, the last written first. *where* as in `entry_filters`. *refresh*: the ttl of what is returned
        begins anew. Raises `InvalidInput` or a `StoreError`.
        """
        namespaces.check(prefix, "prefix")
        filter = entry_filters.check(where)
        inputs.whole(limit, "limit", 0, MOST)
        inputs.whole(offset, "offset", 0, MOST)
        search = EntrySearch(self.store, self.space, prefix, filter, offset + limit)
        coming = search.closest(query) if query and not query.isspace() else search.newest()
        found = list(islice(coming, offset, offset + limit))
        if refresh:
            self._refresh([point for point, _ in found])
        return [entry(point, score) for point, score in found]

    def namespaces(
        self,
        prefixes: Sequence[Sequence[str]] = (),
        suffixes: Sequence[Sequence[str]] = (),
        *,
        max_depth: int | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> list[Namespace]:
        """The namespaces that hold entries now, in order: *limit* of them, after the first *offset*.

        Each begins as all *prefixes* say and ends as all *suffixes* do; the label "*" stands for any one. *max_depth*
        cuts them to so many labels, each then listed once. Raises `InvalidInput` or a `StoreError`.
        """
        for pattern in (*prefixes, *suffixes):
            namespaces.check(pattern, "pattern")
        inputs.whole(limit, "limit", 0, MOST)
        inputs.whole(offset, "offset", 0, MOST)
        if max_depth is not None:
            inputs.whole(max_depth, "max_depth", 1, namespaces.MAX_CHARS)
        under = (entry_rows.under(pattern, {}) for pattern in prefixes if namespaces.ANY not in pattern)
        where = And((Eq("type", TYPE), *under))
        counts = self.store.facet(self.space, "records", NAMESPACE, where, MOST_NAMESPACES)
        found = namespaces.listed((namespaces.split(name) for name in counts), prefixes, suffixes, max_depth)
        return found[offset : offset + limit]

    def sweep(self) -> int:
        """Erase what has expired, which no read returns any more; how many rows of the whole store that were."""
        return self.store.sweep()

    def _records(self, addresses: Sequence[tuple[Namespace, str]]) -> dict[tuple[Namespace, str], Point | None]:
        ids = [row_id(namespace, key) for namespace, key in addresses]
        points = self.store.get(self.space, "records", ids) if ids else []
        return dict(zip(addresses, points, strict=True))

    def _refresh(self, points: Sequence[Point | None]) -> None:
        """Let the ttl of *points* begin anew, where they have one and nobody has put something else there since."""
        now = self.clock()
        changes: list[Change] = []
        for point in points:
            if point is not None and (ttl := point.payload.get("ttl")) is not None:
                same = And((Eq("item", point.id), Eq("source", point.payload["source"])))
                fields = {"expires_at": now + ttl}
                changes += [Patch("records", same, fields), Patch("memory", same, fields)]
        if changes:
            # As with access times: what a crash of the machine loses is how long it stays, never the entry.
            self.store.write(self.space, changes, durable=False)


def _checked(change: PutEntry | DeleteEntry) -> PutEntry | DeleteEntry:
    namespaces.check(change.namespace, empty=isinstance(change, DeleteEntry))
    entry_rows.check_key(change.key)
    if isinstance(change, PutEntry) and change.ttl is not None:
        inputs.seconds(change.ttl, "ttl")
    return change


def _length(draft: Sequence[Change]) -> int:
    return sum(len(getattr(change, "text", None) or "") for change in draft)
