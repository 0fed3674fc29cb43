"""Searching: candidates from both sides, one order, then as much as the caller has room for.

The candidates come in blocks: the best passages of each side among the memories that no earlier block gave. A
block's ranking is appended to theirs, so that following the cursor visits every match once, however many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..compressors import tokens
from ..stores import cursors
from ..stores.errors import InvalidRequest
from ..stores.filters import METADATA, Eq, Exists, Filter, In, Not, Range, all_of, walk
from ..stores.payloads import is_number
from ..stores.ports import Candidate, PointStore, Query
from . import inputs
from .conditions import Where, iso, parse
from .drafts import SHARED
from .errors import InvalidInput
from .models import Found, Hit
from .ranking import Best, Ranked, Scored, best, rank
from .scope import Scope

FIRST_BLOCK = 64
GROWTH = 2
DEEPEST_BLOCK = 1024
MAX_LIMIT = 100


class Recall:
    """Search among the memories of one scope."""

    def __init__(self, store: PointStore, scope: Scope, clock: Callable[[], float] = time.time) -> None:
        self.store, self.scope, self.clock = store, scope, clock

    def search(
        self,
        query: str,
        *,
        limit: int = 8,
        where: Where = None,
        max_tokens: int | None = None,
        cursor: str | None = None,
        explain: bool = False,
    ) -> Found:
        """See `MemoryOps.search`."""
        inputs.text(query, "query", 4 * inputs.MAX_QUERY_CHARS)
        inputs.whole(limit, "limit", 1, MAX_LIMIT)
        if max_tokens is not None:
            inputs.whole(max_tokens, "max_tokens", 1, 10_000_000)
        condition = all_of(self.scope.filter, _searchable(parse(where)))
        listing = (self.scope.workspace, query, condition)
        start, now = self._position(listing, cursor)
        page = _Page(limit, max_tokens, explain)
        for offset, (candidate, ranked) in enumerate(self._ranking(query, condition, now)):
            if offset < start:
                continue
            if not page.take(candidate, ranked):
                return page.found(cursors.encode(listing, [offset, now]))
        return page.found(None)

    def _position(self, listing: object, cursor: str | None) -> tuple[int, float]:
        if cursor is None:
            return 0, self.clock()
        try:
            position = cursors.decode(listing, cursor)
        except InvalidRequest as error:
            raise InvalidInput(str(error)) from error
        offset, now = position if len(position) == 2 else (None, None)
        if not isinstance(offset, int) or not isinstance(now, int | float) or not is_number(now) or offset < 0:
            raise InvalidInput("the cursor is malformed; pass next_cursor as it came, or none")
        return offset, float(now)

    def _ranking(self, query: str, condition: Filter | None, now: float) -> Iterator[tuple[Candidate, Ranked]]:
        """Each memory that matches once, by its best passage, best first within each block."""
        seen: dict[str, None] = {}
        measure: Best | None = None
        depth = FIRST_BLOCK
        while True:
            unseen = all_of(condition, Not(In("item", tuple(seen))) if seen else None)
            found = self.store.search(self.scope.workspace, Query(query, depth, unseen))
            if not found:
                return
            candidates = {candidate.point.id: candidate for candidate in found}
            scored = [_scored(candidate) for candidate in found]
            measure = measure or best(scored)
            known = len(seen)
            for ranked in rank(scored, now, measure):
                item = candidates[ranked.key].point.payload["item"]
                if item not in seen and ranked.similar:
                    seen[item] = None
                    yield candidates[ranked.key], ranked
            if len(seen) == known:
                return
            depth = min(depth * GROWTH, DEEPEST_BLOCK)


def _searchable(condition: Filter | None) -> Filter | None:
    """*condition* itself, if passages carry every field it names. Raises `InvalidInput` otherwise."""
    for node, _ in walk(condition) if condition is not None else ():
        named = node.field if isinstance(node, Eq | In | Range | Exists) else "item"
        if named not in (*SHARED, "item") and not named.startswith(METADATA):
            raise InvalidInput(f"a search cannot filter by {named!r}; use {', '.join(SHARED)}, item or metadata.<key>")
    return condition


def _scored(candidate: Candidate) -> Scored:
    payload = candidate.point.payload
    return Scored(candidate.point.id, candidate.dense, candidate.sparse, payload["importance"], payload["created_at"])


@dataclass(slots=True)
class _Page:
    """Collects hits until the limit or the token budget is reached."""

    limit: int
    budget: int | None
    explain: bool
    hits: list[Hit] = field(default_factory=list)
    tokens: int = 0

    def take(self, candidate: Candidate, ranked: Ranked) -> bool:
        """Add one hit; False when it has no room. A first hit that is too long is cut to the budget."""
        if len(self.hits) >= self.limit:
            return False
        content = candidate.point.text or ""
        size = tokens.count(content)
        whole = bool(candidate.point.payload.get("whole"))
        if self.budget is not None and self.tokens + size > self.budget:
            if self.hits:
                return False
            content = tokens.clip(content, self.budget)
            size, whole = tokens.count(content), False
        self.tokens += size
        self.hits.append(_hit(candidate, ranked, content, size, whole, self.explain))
        return True

    def found(self, cursor: str | None) -> Found:
        return Found(self.hits, cursor is not None, cursor, self.tokens)


def _hit(candidate: Candidate, ranked: Ranked, content: str, size: int, whole: bool, explain: bool) -> Hit:
    payload: Mapping[str, Any] = candidate.point.payload
    return Hit(
        id=payload["item"],
        content=content,
        score=ranked.score,
        parts=ranked.parts if explain else {},
        kind=payload["kind"],
        content_type=payload["content_type"],
        tokens=size,
        start=payload["start"],
        end=payload["start"] + len(content),
        whole=whole,
        created_at=iso(payload["created_at"]),
        priority=payload["priority"],
        tags=payload.get("tags", ()),
        metadata=payload.get("metadata", {}),
        thread=payload.get("thread"),
        speaker=payload.get("speaker"),
        agent=payload.get("agent"),
        flagged=payload["flagged"],
        expires_at=payload.get("expires_at"),
    )
