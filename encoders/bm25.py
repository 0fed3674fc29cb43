"""Sparse vectors for BM25: which words a text holds, stemmed, and how often."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from .words import RULES, words

if TYPE_CHECKING:
    import qdrant_edge

SATURATION = 1.2
LENGTH_WEIGHT = 0.75
AVERAGE_LENGTH = 128.0


@dataclass(frozen=True)
class Sparse:
    """Term numbers (*indices*, unsigned 32 bit, each once) and their weights (*values*, same length)."""

    indices: list[int]
    values: list[float]

    def __len__(self) -> int:
        return len(self.indices)


class Bm25:
    """English-stemmed BM25 over words, identifiers and their parts (see `memoryops.encoders.words.words`).

    Give the collection's sparse vector the IDF modifier: the vectors hold term frequencies only.
    *average_length* is the length, in words, of a passage that is neither favoured nor held back.

    Documents keep their stop words. Queries drop English stop words unless nothing else is left, so that
    "to be or not to be" finds what it should. Only a text without a printable character gives none.
    """

    def __init__(self, average_length: float = AVERAGE_LENGTH) -> None:
        if average_length <= 0:
            raise ValueError(f"average_length must be above 0, not {average_length}")
        self._average_length = average_length

    @cached_property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would: rules, parameters, version of the stemmer."""
        parts = (RULES, SATURATION, LENGTH_WEIGHT, self._average_length, version("qdrant-edge-py"))
        return f"bm25-{hashlib.sha256(repr(parts).encode()).hexdigest()[:16]}"

    def document(self, text: str) -> Sparse:
        """The terms of a stored *text*, weighted by frequency and length."""
        return _sparse(self._all_words.embed_document(" ".join(words(text))))

    def query(self, text: str) -> Sparse:
        """The terms of a question, each with weight 1."""
        joined = " ".join(words(text))
        meaningful = _sparse(self._without_stopwords.embed_query(joined))
        return meaningful if len(meaningful) else _sparse(self._all_words.embed_query(joined))

    @cached_property
    def _all_words(self) -> qdrant_edge.Bm25:
        import qdrant_edge

        return self._engine(qdrant_edge.StopwordsSet(languages=set(), custom=set()))

    @cached_property
    def _without_stopwords(self) -> qdrant_edge.Bm25:
        import qdrant_edge

        return self._engine(qdrant_edge.Language.English)

    def _engine(self, stopwords: qdrant_edge.Stopwords) -> qdrant_edge.Bm25:
        import qdrant_edge

        config = qdrant_edge.Bm25Config(
            k=SATURATION,
            b=LENGTH_WEIGHT,
            avg_len=self._average_length,
            tokenizer=qdrant_edge.TokenizerType.Whitespace,
            language="english",
            lowercase=True,
            ascii_folding=True,
            stopwords=stopwords,
            stemmer=qdrant_edge.SnowballParams(qdrant_edge.SnowballLanguage.English),
        )
        return qdrant_edge.Bm25(config)


def _sparse(vector: qdrant_edge.SparseVector) -> Sparse:
    return Sparse(list(vector.indices), [float(value) for value in vector.values])
