"""Selection without a model: BM25 of the query over the units, their place, and how well they stand for the whole.

Without a query, or where none of its words occurs, what counts is how close a unit is to the centroid of all of them
(tf-idf, as in MEAD: Radev et al. 2004; LexRank's graph of all pairs would cost the square of the length).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ...encoders.bm25 import Sparse
from ..keywords import Keywords
from ..logs import telling
from ..pieces import cut, pieces, texts_of
from ..ports import Kept, Passage
from ..render import check_budget, whole
from ..select import select
from ..structure.units import Unit

NEIGHBOUR = 0.25
"""How much of the better neighbour's match a unit gets: answers stand beside what names the question's things."""
GENERAL = 0.1
"""What standing for the whole is worth beside a match of the query, which is worth 1 at best."""
LEAD = 0.2
"""What the beginning of a passage is worth beside closeness to the centroid; it halves with every `LEAD_UNITS`."""
LEAD_UNITS = 10.0


class Extractive:
    """The compressor that every install has: no model, linear time, deterministic."""

    name = "extractive"

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `ports.Compressor.compress`."""
        budget = check_budget(budget_tokens)
        before, everything = whole(passages, self.name, budget)
        if everything is not None:
            return everything
        found = cut(passages, budget)
        worths = _worths(passages, found, texts_of(passages, found), query)
        return select(passages, pieces(passages, found, worths), budget, self.name, before=before)


def _worths(
    passages: Sequence[Passage], found: Sequence[Sequence[Unit]], texts: Sequence[str], query: str
) -> list[float]:
    keywords = Keywords(texts)
    match = keywords.scores(query)
    general = _scaled(_centrality(keywords.vectors, keywords.rarity))
    lead = [LEAD * 0.5 ** (place / LEAD_UNITS) for own in found for place in range(len(own))]
    worths = [g + head for g, head in zip(general, lead, strict=True)]
    best = max(match, default=0.0)
    if best > 0:
        near = _with_neighbours([each / best for each in match], found)
        worths = [n + GENERAL * worth for n, worth in zip(near, worths, strict=True)]
    return [worth + each for worth, each in zip(worths, telling(passages, found, texts), strict=True)]


def _centrality(vectors: Sequence[Sparse], rarity: Mapping[int, float]) -> list[float]:
    """The cosine of each unit with the sum of all of them, by tf-idf."""
    centre: dict[int, float] = {}
    for vector in vectors:
        for term, weight in zip(vector.indices, vector.values, strict=True):
            centre[term] = centre.get(term, 0.0) + weight * rarity[term]
    found = []
    for vector in vectors:
        along = length = 0.0
        for term, weight in zip(vector.indices, vector.values, strict=True):
            value = weight * rarity[term]
            along += value * centre[term]
            length += value * value
        found.append(along / math.sqrt(length) if length else 0.0)
    return found


def _scaled(values: Sequence[float]) -> list[float]:
    best = max(values, default=0.0)
    return [value / best for value in values] if best > 0 else [1.0] * len(values)


def _with_neighbours(match: Sequence[float], units: Sequence[Sequence[Unit]]) -> list[float]:
    """Each match with a part of its better neighbour's, within its passage."""
    found = []
    first = 0
    for own in units:
        end = first + len(own)
        for place in range(first, end):
            left = match[place - 1] if place > first else 0.0
            right = match[place + 1] if place + 1 < end else 0.0
            found.append(match[place] + NEIGHBOUR * max(left, right))
        first = end
    return found
