"""BM25 of a query over the units of one context, the units being its documents."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property, lru_cache

from ..encoders.bm25 import Bm25, Sparse

WORDS_A_UNIT = 24.0
"""Words of a unit that BM25 neither favours nor holds back."""


class Keywords:
    """The terms of *texts*, stemmed."""

    def __init__(self, texts: Sequence[str]) -> None:
        self.vectors: list[Sparse] = [_engine().document(text) for text in texts]

    @cached_property
    def rarity(self) -> dict[int, float]:
        """The inverse document frequency of each term."""
        frequency = Counter(term for vector in self.vectors for term in vector.indices)
        return {term: math.log(1 + (len(self.vectors) - n + 0.5) / (n + 0.5)) for term, n in frequency.items()}

    def scores(self, query: str) -> list[float]:
        """The BM25 score of each text; all 0 for a blank query."""
        if not query.strip():
            return [0.0] * len(self.vectors)
        asked = {term: self.rarity[term] for term in _engine().query(query).indices if term in self.rarity}
        return [
            sum(weight * asked[term] for term, weight in zip(v.indices, v.values, strict=True) if term in asked)
            for v in self.vectors
        ]


@lru_cache(maxsize=1)
def _engine() -> Bm25:
    return Bm25(WORDS_A_UNIT)
