"""How entries are found: the newest first, or the closest to a query.

The store narrows by tags; what it finds is read, and the values have the last word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from ..stores.filters import And, Eq, Filter, In, Not
from ..stores.ports import Candidate, Point, PointStore, Query
from . import entry_filters, entry_rows, inputs, namespaces
from .batches import batched
from .entry_rows import NAMESPACE, PASSAGE, PUT_AT, TYPE, entry

PAGE = 200
"""Records of one page of a listing that a filter may thin out."""
FIRST_BLOCK = 64
DEEPEST_BLOCK = 4096
READ_AT_ONCE = 32
MOST_EXCLUDED = 10_000
"""Ids that one condition of a filter names."""

Found = tuple[Point, float | None]
"""The record of an entry, and its score."""


@dataclass(slots=True)
class EntrySearch:
    """One search in *space* for entries under *prefix* that meet *filter*. *most*: how many will be looked at."""

    store: PointStore
    space: str
    prefix: Sequence[str]
    filter: entry_filters.Filter
    most: int
    _settled: list[str] = field(default_factory=list)
    _outdated: list[str] = field(default_factory=list)

    def newest(self) -> Iterator[Found]:
        """The last written first."""
        where = And((self._place(), entry_rows.under(self.prefix, self.filter)))
        size = PAGE if self.filter else min(self.most, PAGE)
        cursor: str | None = None
        while size:
            page = self.store.scroll(
                self.space, "records", where=where, order_by=PUT_AT, descending=True, limit=size, cursor=cursor
            )
            yield from ((point, None) for point in page.points if self._meets(point))
            cursor = page.cursor
            if cursor is None:
                return

    def _place(self) -> Filter:
        """Where to look: in one namespace, by the store's index of it, or at every entry."""
        if self.prefix and self.store.get(self.space, "records", [entry_rows.above_id(self.prefix)]) == [None]:
            return Eq(NAMESPACE, namespaces.join(self.prefix))
        return Eq("type", TYPE)

    def closest(self, query: str) -> Iterator[Found]:
        """The closest to *query* first, each by the best of its passages; then what waits for its embedding.

        The passages come in blocks of the next best, without those of entries that were seen. Blocks are the same
        however many entries are looked at: so pages join, even where scores are equal.
        """
        inputs.text(query, "query", 4 * inputs.MAX_QUERY_CHARS)
        waiting: list[Candidate] = []
        depth = FIRST_BLOCK
        while self.most:
            block = self.store.search(self.space, Query(query, depth, self._unseen(), sparse=not waiting))
            # What only its words found lies behind others, which the next block brings.
            best = sorted(((each.dense, each) for each in block if each.dense is not None), key=_by_score)[:depth]
            waiting += [each for each in block if each.dense is None]
            outdated = len(self._outdated)
            yield from self._records([(each, score) for score, each in best])
            if len(best) < depth and len(self._outdated) == outdated:
                break
            depth = min(2 * depth, DEEPEST_BLOCK)
        yield from self._records([(each, None) for each in waiting])

    def _unseen(self) -> Filter:
        settled = [Not(In("item", some)) for some in batched(self._settled, MOST_EXCLUDED)]
        outdated = [Not(In("source", some)) for some in batched(self._outdated, MOST_EXCLUDED)]
        return And((Eq("type", PASSAGE), entry_rows.under(self.prefix, self.filter), *settled, *outdated))

    def _records(self, passages: Sequence[tuple[Candidate, float | None]]) -> Iterator[Found]:
        """The records that *passages* are of, in their order and each once, as far as they meet the filter.

        A passage of an earlier value is passed over: the entry is gone, or put anew, and a next block has its new ones.
        """
        known = set(self._settled)
        for some in batched(passages, READ_AT_ONCE):
            fresh = [(each.point.payload, score) for each, score in some if each.point.payload["item"] not in known]
            ids = list(dict.fromkeys(payload["item"] for payload, _ in fresh))
            records = dict(zip(ids, self.store.get(self.space, "records", ids) if ids else [], strict=True))
            for payload, score in fresh:
                id, source = payload["item"], payload["source"]
                if id in known:
                    continue
                point = records[id]
                if point is None or point.payload["source"] != source:
                    self._outdated.append(source)
                    continue
                known.add(id)
                self._settled.append(id)
                if self._meets(point):
                    yield point, score

    def _meets(self, point: Point) -> bool:
        namespace = namespaces.split(point.payload[NAMESPACE])
        if namespace[: len(self.prefix)] != tuple(self.prefix):
            return False
        return not self.filter or entry_filters.matches(self.filter, entry(point).value)


def _by_score(pair: tuple[float, Candidate]) -> tuple[float, str]:
    return -pair[0], pair[1].point.id
