"""Searching: candidates from both sides with their context, one order, then as much as the caller has room for.

`ranking.py` says what the order is, `question.py` what is read out of the question. The candidates come in blocks: the
best passages of each side among the memories that no earlier block gave. A block's ranking is appended to theirs, so
that following the cursor visits every match once, however many there are.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ..compressors import tokens
from ..stores.filters import METADATA, Eq, Exists, Filter, In, Not, Or, Range, all_of, matches, walk
from ..stores.ports import Candidate, PointStore, Query
from . import archive, inputs, paging
from .conditions import Where, parse
from .drafts import SHARED
from .errors import InvalidInput
from .hits import hit_of
from .models import Found, Hit
from .question import Question, read_with_context
from .ranking import SHORT_WORDS, Best, Ranked, Scored, best, rank
from .rerank import Reranker
from .scope import Scope

FIRST_BLOCK = 64
GROWTH = 2
DEEPEST_BLOCK = 1024
MAX_LIMIT = 100
WITH_NEIGHBOURS = 64
"""How many turns of a block are seen with the two turns on either side of them."""
NEIGHBOURS = 4 * WITH_NEIGHBOURS


class Recall:
    """Search among the memories of one scope."""

    def __init__(
        self,
        store: PointStore,
        scope: Scope,
        clock: Callable[[], float] = time.time,
        reranker: Reranker | None = None,
    ) -> None:
        self.store, self.scope, self.clock = store, scope, clock
        self.reranker = reranker or Reranker()

    def search(
        self,
        query: str,
        *,
        limit: int = 8,
        where: Where = None,
        max_tokens: int | None = None,
        cursor: str | None = None,
        explain: bool = False,
        rerank: bool = False,
    ) -> Found:
        """See `MemoryOps.search`."""
        inputs.text(query, "query", 4 * inputs.MAX_QUERY_CHARS)
        inputs.whole(limit, "limit", 1, MAX_LIMIT)
        if max_tokens is not None:
            inputs.whole(max_tokens, "max_tokens", 1, 10_000_000)
        wanted = parse(where)
        if archive.asked_for(wanted):
            return archive.search(
                self.store, self.scope, query, wanted, limit, max_tokens, cursor, explain, self.clock()
            )
        condition = all_of(self.scope.filter, _searchable(wanted))
        listing = (self.scope.workspace, query, condition, rerank)
        now, start = paging.resume(listing, cursor, self.clock(), int)
        page = _Page(limit, max_tokens, explain)
        for offset, (candidate, ranked) in enumerate(self._ranking(query, condition, now, page if rerank else None)):
            if offset < (start or 0):
                continue
            if not page.take(candidate, ranked):
                return page.found(paging.keep(listing, now, offset))
        return page.found(None)

    def matching(self, query: str, wanted: Filter | None) -> Iterator[tuple[Candidate, Ranked]]:
        """Each memory that fits *query* and meets *wanted*, none of them archived, by its best passage, best first."""
        return self._ranking(query, all_of(self.scope.filter, _searchable(wanted)), self.clock(), None)

    def _ranking(
        self, query: str, condition: Filter | None, now: float, reranked: _Page | None
    ) -> Iterator[tuple[Candidate, Ranked]]:
        """Each memory that matches once, by its best passage, best first within each block.

        The first block is ranked once more where *reranked* is given, which learns why if that fails.
        """
        seen: dict[str, None] = {}
        measure: Best | None = None
        depth = FIRST_BLOCK
        while True:
            unseen = all_of(condition, Not(In("item", tuple(seen))) if seen else None)
            found = self.store.search(self.scope.workspace, Query(query, depth, unseen))
            if not found:
                return
            own = {candidate.point.id: candidate for candidate in found}
            rows = own | self._neighbours(query, found)
            newest = max(candidate.point.payload["created_at"] for candidate in rows.values())
            scored = scores(Question(query, min(now, newest)), rows)
            measure = measure or best(scored)
            block = []
            for ranked in rank(scored, now, measure):
                candidate = rows[ranked.key]
                item = candidate.point.payload["item"]
                wanted = ranked.key in own or matches(condition, candidate.point.payload)
                if item not in seen and ranked.similar and wanted:
                    seen[item] = None
                    block.append((candidate, ranked))
            if reranked is not None and depth == FIRST_BLOCK:
                block, reranked.not_reranked = self.reranker.rank(query, block, rows)
            yield from block
            if not block:
                return
            depth = min(depth * GROWTH, DEEPEST_BLOCK)

    def _neighbours(self, query: str, found: Sequence[Candidate]) -> dict[str, Candidate]:
        """The turns around the best of *found*, with their scores: they are its context, and may be the answer."""
        turns = [each for each in found if each.point.payload["kind"] == "message"]
        ranked = rank([_alone(each) for each in turns], 0.0)[:WITH_NEIGHBOURS]
        chosen = {each.key for each in ranked}
        if not chosen:
            return {}
        before = {id for each in turns if each.point.id in chosen for id in each.point.payload.get("follows", ())}
        around = Or((In("item", tuple(sorted({id.rpartition(":")[0] for id in before}))), In("follows", tuple(chosen))))
        where = all_of(self.scope.filter, Eq("kind", "message"), around)
        near = self.store.search(self.scope.workspace, Query(query, NEIGHBOURS, where))
        return {candidate.point.id: candidate for candidate in near}


def scores(question: Question, rows: Mapping[str, Candidate]) -> list[Scored]:
    """What is known of each of *rows* (by passage id) as an answer to *question*; they are each other's context."""
    texts = {id: read_with_context(each.point.text or "", each.point.payload) for id, each in rows.items()}
    held = {id: question.found_in(text) for id, text in texts.items()}
    follows = {id: [n for n in each.point.payload.get("follows", ()) if n in rows] for id, each in rows.items()}
    later: dict[str, list[str]] = {id: [] for id in rows}
    for id, earlier in follows.items():
        for each in earlier:
            later[each].append(id)
    result = []
    for id, candidate in rows.items():
        beside = (*follows[id], *later[id])
        around = held[id].union(*(held[n] for n in beside)) if beside else held[id]
        share = len(around) / len(question.terms) if question.terms else 0.0
        after = [rows[n] for n in later[id] if rows[n].point.payload["follows"][0] == id]
        complete = bool(question.terms) and held[id] == question.terms
        result.append(_scored(question, candidate, share, after, complete))
    return result


def _scored(
    question: Question, candidate: Candidate, words: float, after: Sequence[Candidate], complete: bool
) -> Scored:
    payload, text = candidate.point.payload, candidate.point.text or ""
    turn = payload["kind"] == "message"
    return Scored(
        candidate.point.id,
        candidate.dense,
        candidate.sparse,
        payload["importance"],
        payload["created_at"],
        words=words,
        next=max((each.dense or 0.0 for each in after), default=0.0) if turn else None,
        speaker=question.names(payload.get("speaker")),
        time=question.nearness(payload["created_at"]),
        question=turn and text.rstrip().endswith("?"),
        short=turn and len(text.split(None, SHORT_WORDS)) < SHORT_WORDS,
        complete=complete,
    )


def _alone(candidate: Candidate) -> Scored:
    """*candidate* by its two scores, without importance."""
    return Scored(candidate.point.id, candidate.dense, candidate.sparse, 0.0, 0.0)


def _searchable(condition: Filter | None) -> Filter | None:
    """*condition* itself, if passages carry every field it names. Raises `InvalidInput` otherwise."""
    for node, _ in walk(condition) if condition is not None else ():
        named = node.field if isinstance(node, Eq | In | Range | Exists) else "item"
        if named not in (*SHARED, "item") and not named.startswith(METADATA):
            raise InvalidInput(f"a search cannot filter by {named!r}; use {', '.join(SHARED)}, item or metadata.<key>")
    return condition


@dataclass(slots=True)
class _Page:
    """Collects hits until the limit or the token budget is reached."""

    limit: int
    budget: int | None
    explain: bool
    hits: list[Hit] = field(default_factory=list)
    tokens: int = 0
    not_reranked: str = ""

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
        return Found(self.hits, cursor is not None, cursor, self.tokens, self.not_reranked)


def _hit(candidate: Candidate, ranked: Ranked, content: str, size: int, whole: bool, explain: bool) -> Hit:
    payload = candidate.point.payload
    parts = ranked.parts if explain else {}
    return hit_of(payload, payload["item"], payload["start"], content, size, ranked.score, parts, whole=whole)
