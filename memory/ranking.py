"""From the two scores of each passage to one order. Pure functions of values.

Dense and BM25 scores are normalised by the best of their side, which does not depend on how many candidates
were fetched; so a ranking grows by appending, and a page boundary never moves what was shown before it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

DENSE_WEIGHT = 0.5
SPARSE_WEIGHT = 0.5
IMPORTANCE_WEIGHT = 0.05
RECENCY_WEIGHT = 0.05
HALF_LIFE_DAYS = 30.0
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Scored:
    """What is known of a passage before ranking. *dense* None: not embedded yet, judged by its words alone."""

    key: str
    dense: float | None
    sparse: float | None
    importance: float
    created_at: float


@dataclass(frozen=True, slots=True)
class Ranked:
    """A passage's score and the parts that it is the sum of."""

    key: str
    score: float
    parts: dict[str, float]

    @property
    def similar(self) -> bool:
        """Whether it has anything to do with the question, by meaning or by word."""
        return self.parts["dense"] > 0 or self.parts["sparse"] > 0


@dataclass(frozen=True, slots=True)
class Best:
    """The best score of each side, which every score is measured by."""

    dense: float
    sparse: float


def best(candidates: Sequence[Scored]) -> Best:
    """The best of *candidates* on each side, 0 where there is none."""
    return Best(
        max((c.dense for c in candidates if c.dense is not None), default=0.0),
        max((c.sparse for c in candidates if c.sparse is not None), default=0.0),
    )


def rank(candidates: Sequence[Scored], now: float, measure: Best | None = None) -> list[Ranked]:
    """*candidates* best first; ties by key. Parts: dense, sparse, importance, recency.

    *measure*: the best of all candidates, when *candidates* are only the later ones of them.
    """
    measure = measure or best(candidates)
    ranked = [_score(candidate, measure, now) for candidate in candidates]
    return sorted(ranked, key=lambda each: (-each.score, each.key))


def _score(candidate: Scored, measure: Best, now: float) -> Ranked:
    dense, sparse = _share(candidate.dense, measure.dense), _share(candidate.sparse, measure.sparse)
    if candidate.dense is None:
        dense = sparse
    elif candidate.sparse is None:
        sparse = dense
    parts = {
        "dense": DENSE_WEIGHT * dense,
        "sparse": SPARSE_WEIGHT * sparse,
        "importance": IMPORTANCE_WEIGHT * candidate.importance,
        "recency": RECENCY_WEIGHT * recency(candidate.created_at, now),
    }
    return Ranked(candidate.key, sum(parts.values()), parts)


def _share(score: float | None, best: float) -> float:
    """*score* as a share of the *best*, 0 for what is not above 0."""
    return max(score, 0.0) / best if score is not None and best > 0 else 0.0


def recency(created_at: float, now: float) -> float:
    """1 for what is new, half of it every `HALF_LIFE_DAYS`; the future counts as now."""
    return math.pow(0.5, max(now - created_at, 0.0) / DAY / HALF_LIFE_DAYS)
