"""What hygiene has archived: listed, and found by its words when it is asked for.

Archived memories are in no index, so that they cost other searches nothing: each search among them reads them all
and ranks their passages by BM25 alone.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..compressors import tokens
from ..encoders.bm25 import Bm25
from ..stores.filters import And, Eq, Exists, Filter, In, Range, all_of, walk
from ..stores.ports import Point, PointStore
from . import forms, inputs, paging
from .conditions import iso
from .errors import InvalidInput
from .hits import hit_of
from .models import Found, Hit
from .passages import split
from .scope import Scope

PAGE = 200
ASKED = Eq("state", forms.ARCHIVED)


@dataclass(frozen=True, slots=True)
class Match:
    """The best passage of an archived memory: where it lies, and how often it has each word of the question."""

    point: Point
    start: int
    end: int
    weights: dict[int, float]
    whole: bool


@dataclass(frozen=True, slots=True)
class Archived:
    """An archived memory: *hint* is its first line, *tokens* those of the whole."""

    id: str
    hint: str
    tokens: int
    priority: int
    content_type: str
    created_at: str


@dataclass(frozen=True, slots=True)
class ArchivePage:
    entries: Sequence[Archived]
    next_cursor: str | None = None


def listed(store: PointStore, scope: Scope, *, limit: int = 50, cursor: str | None = None) -> ArchivePage:
    """What is archived, the newest first."""
    inputs.whole(limit, "limit", 1, 1000)
    where = all_of(Eq("type", "item"), Eq("status", "active"), ASKED, scope.filter)
    page = paging.newest(store, scope.workspace, where, limit, cursor)
    return ArchivePage([_archived(point) for point in page.points], page.cursor)


def _archived(point: Point) -> Archived:
    payload = point.payload
    return Archived(
        point.id,
        payload["hint"],
        payload["tokens"],
        payload["priority"],
        payload["content_type"],
        iso(payload["created_at"]),
    )


def asked_for(condition: Filter | None) -> bool:
    """Whether *condition* asks for archived memories. Raises `InvalidInput` where it does so in another way."""
    if condition is None or not any(
        isinstance(node, Eq | In | Range | Exists) and node.field == "state" for node, _ in walk(condition)
    ):
        return False
    parts = condition.filters if isinstance(condition, And) else (condition,)
    if ASKED not in parts:
        raise InvalidInput("a search takes a condition on 'state' only as {'state': 'archived'}, beside others")
    return True


def search(
    store: PointStore, scope: Scope, query: str, condition: Filter | None, limit: int, max_tokens: int | None,
    cursor: str | None, explain: bool, now: float,
) -> Found:  # fmt: skip
    """The archived memories that meet *condition* and hold words of *query*, the best first."""
    listing = (scope.workspace, "archive", query, condition)
    asked, start = paging.resume(listing, cursor, now, int)
    ranked = _ranked(query, _points(store, scope, condition))
    hits: list[Hit] = []
    used, offset = 0, start or 0
    for score, match in ranked[offset:]:
        hit = _hit(match, score, max_tokens if not hits else None, explain)
        if len(hits) == limit or (hits and max_tokens is not None and used + hit.tokens > max_tokens):
            break
        hits.append(hit)
        used += hit.tokens
    rest = offset + len(hits)
    next_cursor = paging.keep(listing, asked, rest) if rest < len(ranked) else None
    return Found(hits, next_cursor is not None, next_cursor, used)


def _points(store: PointStore, scope: Scope, condition: Filter | None) -> Iterator[Point]:
    where = all_of(Eq("type", "item"), Eq("status", "active"), ASKED, condition, scope.filter)
    for page in paging.pages(store, scope.workspace, where, PAGE):
        yield from page.points


def _ranked(query: str, points: Iterator[Point]) -> list[tuple[float, Match]]:
    engine = Bm25()
    terms = set(engine.query(query).indices)
    matches: list[Match] = []
    passages = 0
    for point in points:
        text = point.text or ""
        found = split(text, point.payload["content_type"])
        passages += len(found)
        for each in found:
            vector = engine.document(text[each.start : each.end])
            weights = {t: w for t, w in zip(vector.indices, vector.values, strict=True) if t in terms}
            if weights:
                matches.append(Match(point, each.start, each.end, weights, len(found) == 1))
    frequency = Counter(term for match in matches for term in match.weights)
    rarity = {term: math.log(1 + (passages - n + 0.5) / (n + 0.5)) for term, n in frequency.items()}
    best: dict[str, tuple[float, Match]] = {}
    for match in matches:
        score = sum(weight * rarity[term] for term, weight in match.weights.items())
        if match.point.id not in best or score > best[match.point.id][0]:
            best[match.point.id] = (score, match)
    return sorted(best.values(), key=lambda found: (-found[0], found[1].point.id))


def _hit(match: Match, score: float, most: int | None, explain: bool) -> Hit:
    payload, text = match.point.payload, (match.point.text or "")[match.start : match.end]
    content = text if most is None or tokens.count(text) <= most else tokens.clip(text, most)
    value, size = round(score, 6), tokens.count(content)
    parts = {"dense": 0.0, "sparse": value} if explain else {}
    whole = match.whole and content == text
    return hit_of(payload, match.point.id, match.start, content, size, value, parts, whole=whole)
