"""From the scores of passages to one order, in two steps that can be read alone. Pure functions of values.

**Fusion** adds up what speaks for a passage as an answer: closeness in meaning and BM25, each as a share of the best
candidate's; how many of the question's words stand in it or in the two turns on either side of it; how close the next
turn is (who asks is often closer to the question than who answers); whether the question names its speaker, or a time
near it. What holds all of the question's words and is about the best by BM25 is what was asked for: context does not
bury it. A turn that is a question itself, or very short, is held back a little.

**Priority** adds importance and recency. Together they weigh less than the least of what tells an exact match from a
passing one, so they decide between equals and bury nothing.

The weights were fitted on conversations, leaving one out (`docs/benchmarks.md`), and rounded; but for the one of an
exact match, those that add sum to 1.
Shares do not depend on how many candidates were fetched, so a ranking grows by appending.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

WEIGHTS: Mapping[str, float] = {
    "dense": 0.20,
    "sparse": 0.12,
    "words": 0.26,
    "next": 0.11,
    "speaker": 0.14,
    "time": 0.17,
    "exact": 0.25,
    "question": -0.03,
    "short": -0.04,
}
IMPORTANCE_WEIGHT = 0.03
RECENCY_WEIGHT = 0.03
HALF_LIFE_DAYS = 30.0
SHORT_WORDS = 12
EXACT = 0.9
"""How near to the best BM25 score what holds all of the question's words must be to count as an exact match."""
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Scored:
    """What is known of a passage before ranking.

    *dense* None: not embedded yet, judged by its words alone. *words*: which share of the question's words it and its
    neighbours hold. *next*: the dense score of the turn after it; None for what stands alone, which then counts
    itself. *time*: nearness to a time that the question names. Shares lie in [0, 1].
    """

    key: str
    dense: float | None
    sparse: float | None
    importance: float
    created_at: float
    words: float = 0.0
    next: float | None = None
    speaker: bool = False
    time: float = 0.0
    question: bool = False
    short: bool = False
    complete: bool = False
    """Whether it holds all of the question's words itself."""


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
    """*candidates* best first; ties by key. Parts: those of `WEIGHTS`, importance, recency.

    *measure*: the best of all candidates, when *candidates* are only the later ones of them.
    """
    measure = measure or best(candidates)
    ranked = [_ranked(candidate, measure, now) for candidate in candidates]
    return sorted(ranked, key=lambda each: (-each.score, each.key))


def _ranked(candidate: Scored, measure: Best, now: float) -> Ranked:
    parts = fusion(candidate, measure)
    parts |= priority(candidate, now)
    return Ranked(candidate.key, sum(parts.values()), parts)


def fusion(candidate: Scored, measure: Best) -> dict[str, float]:
    """What speaks for *candidate* as an answer, each part by its weight."""
    dense, sparse = _share(candidate.dense, measure.dense), _share(candidate.sparse, measure.sparse)
    if candidate.dense is None:
        dense = sparse
    elif candidate.sparse is None:
        sparse = dense
    signals = {
        "dense": dense,
        "sparse": sparse,
        "words": candidate.words,
        "next": dense if candidate.next is None else _share(candidate.next, measure.dense),
        "speaker": float(candidate.speaker),
        "time": candidate.time,
        "exact": float(candidate.complete and sparse >= EXACT),
        "question": float(candidate.question),
        "short": float(candidate.short),
    }
    return {name: WEIGHTS[name] * signal for name, signal in signals.items()}


def priority(candidate: Scored, now: float) -> dict[str, float]:
    """What speaks for *candidate* whatever the question."""
    return {
        "importance": IMPORTANCE_WEIGHT * candidate.importance,
        "recency": RECENCY_WEIGHT * recency(candidate.created_at, now),
    }


def _share(score: float | None, best: float) -> float:
    """*score* as a share of the *best*, at most 1, 0 for what is not above 0."""
    return min(max(score, 0.0) / best, 1.0) if score is not None and best > 0 else 0.0


def recency(created_at: float, now: float) -> float:
    """1 for what is new, half of it every `HALF_LIFE_DAYS`; the future counts as now."""
    return math.pow(0.5, max(now - created_at, 0.0) / DAY / HALF_LIFE_DAYS)
