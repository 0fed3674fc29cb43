"""What a question says besides its meaning: which words, which people, which times. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ..encoders.bm25 import Bm25
from ..encoders.words import words
from .moments import Span, in_words, named

DAYS_AFTER = 10.0
"""A time that a question names pulls at what was said in the days after it: a third is left after so many days,"""
DAYS_BEFORE = 20.0
"""and at what was said before it, when it was looked forward to."""
LONG_SPAN = 100.0
"""Days; a longer span, such as a year, holds what lies in it and pulls at nothing else."""

_bm25 = Bm25()


@dataclass(frozen=True)
class Question:
    """A question asked at *now* (seconds since the epoch)."""

    text: str
    now: float

    @cached_property
    def times(self) -> Sequence[Span]:
        """The times that it names."""
        return named(self.text, self.now)

    @cached_property
    def terms(self) -> frozenset[int]:
        """The numbers of its stemmed words, as BM25 has them: without stop words, unless there is nothing else."""
        return frozenset(_bm25.query(self.text).indices)

    @cached_property
    def _spelled(self) -> frozenset[str]:
        return frozenset(word.casefold() for word in words(self.text))

    @cached_property
    def _beginnings(self) -> Sequence[str]:
        """How words begin that may have one of the terms."""
        own = (word for word in self._spelled if word.isascii() and self.terms & _numbers(word))
        return sorted({word[: max(3, len(word) - 4)] for word in own})

    @cached_property
    def _plain(self) -> re.Pattern[str]:
        """Finds the words that begin so."""
        return re.compile(rf"(?<![^\W_])(?:{'|'.join(map(re.escape, self._beginnings))})[^\W_]*(?:'[^\W_]+)*")

    @cached_property
    def _other(self) -> Sequence[tuple[str, frozenset[int]]]:
        """Its words in other scripts, looked for as they are."""
        own = [word for word in self._spelled if not word.isascii()]
        return [(word, self.terms & _numbers(word)) for word in own if self.terms & _numbers(word)]

    def found_in(self, text: str) -> frozenset[int]:
        """Which of its terms *text* holds."""
        lower = text.casefold()
        found: set[int] = set()
        if any(beginning in lower for beginning in self._beginnings):  # most texts hold none
            for word in set(self._plain.findall(lower)):
                found |= _numbers(word)
        for word, numbers in self._other:
            if word in lower:
                found |= numbers
        return self.terms & found

    def names(self, speaker: str | None) -> bool:
        """Whether it names *speaker*, by any part of the name."""
        return speaker is not None and not self._spelled.isdisjoint(_parts(speaker))

    def nearness(self, moment: float) -> float:
        """How near *moment* is to a time that it names: 1 within one, towards 0 with every day; 0 if it names none."""
        return max(_near(span, moment) for span in self.times) if self.times else 0.0


def read_with_context(text: str, payload: Mapping[str, Any]) -> str:
    """*text* with what a reader of the conversation sees beside it: who said it and when."""
    if payload.get("kind") != "message":
        return text
    return f"{payload.get('speaker') or ''} {in_words(payload['created_at'])} {text}"


def _near(span: Span, moment: float) -> float:
    distance = span.distance(moment)
    if distance == 0:
        return 1.0
    if (span.end - span.start) / 86400 > LONG_SPAN:
        return 0.0
    return math.exp(distance / DAYS_BEFORE if distance < 0 else -distance / DAYS_AFTER)


@lru_cache(maxsize=16384)
def _numbers(word: str) -> frozenset[int]:
    return frozenset(_bm25.document(word).indices)


@lru_cache(maxsize=1024)
def _parts(name: str) -> frozenset[str]:
    parts = frozenset(word.casefold() for word in words(name) if len(word) > 1)
    return parts | frozenset(f"{part}'s" for part in parts)
