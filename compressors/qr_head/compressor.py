"""The compressor that asks the retrieval head, with keywords beside it, which units a query is about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from ..errors import CompressorFailed
from ..keywords import Keywords
from ..logs import telling
from ..pieces import cut, pieces, texts_of
from ..ports import Kept, Passage
from ..render import check_budget, whole
from ..select import select
from ..structure.units import Unit
from . import fusion
from .head import Head
from .signals import signals
from .windows import Span
from .worths import LEAST, scaled

READ_CHARS = 600_000
"""Characters that one call reads, about what a window of 128,000 tokens holds."""
STRETCH_CHARS = 20_000
FEW = 40
"""Units of the shortest texts that the weights of fusion were fitted on. Half of fewer units is but a few of them, as a
smaller share of more is, and those are told by their own words, not by their surroundings."""


class QRHead:
    """Keeps the units that the head and keywords find nearest to the query. Safe to call from several threads.

    *head*: the shipped one, shared by all of this process, unless given. Of texts of more than *read_chars* characters
    in all, it reads the stretches that hold most of the query's words, so that a call takes seconds, not minutes; the
    other units come after all that was read.
    """

    name = "qr_head"

    def __init__(self, head: Head | None = None, read_chars: int = READ_CHARS) -> None:
        self._head, self._read_chars = head or shared(), read_chars

    @cached_property
    def _weights(self) -> fusion.Weights:
        return fusion.load()

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `ports.Compressor.compress`. Raises `CompressorFailed` without a query, by which the head has to look."""
        budget = check_budget(budget_tokens)
        before, everything = whole(passages, self.name, budget)
        if everything is not None:
            return everything
        if not query.strip():
            raise CompressorFailed("a retrieval head needs a query, and there is none")
        found = cut(passages, budget)
        texts = texts_of(passages, found)
        worths = np.array(telling(passages, found, texts))
        chosen = stretches(passages, found)
        if sum(stretch.chars for stretch in chosen) > self._read_chars:
            keywords = Keywords(texts).scores(query)
            worths += LEAST / 2 * scaled(np.array(keywords, np.float32))
            chosen = likeliest(chosen, keywords, self._read_chars)
        if chosen:
            places = np.concatenate([np.arange(each.first, each.first + len(each.units)) for each in chosen])
            texts_read, units = [each.text for each in chosen], [each.units for each in chosen]
            seen = signals(self._head, texts_read, units, query, self._weights)
            share = budget / max(before, 1) * min(1.0, len(texts) / FEW)
            worths[places] += scaled(fusion.fused(seen, self._weights, share))
        return select(passages, pieces(passages, found, worths.tolist()), budget, self.name, before=before)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Neighbouring units of one passage: their *text*, the *units* in it, and the number of the *first* of them."""

    text: str
    units: Sequence[Span]
    first: int

    @property
    def chars(self) -> int:
        return len(self.text)


def stretches(passages: Sequence[Passage], found: Sequence[Sequence[Unit]]) -> list[Stretch]:
    """All units of *passages*, in stretches of about `STRETCH_CHARS`; one that is not longer is a stretch by itself."""
    cut_up: list[Stretch] = []
    first = 0
    for passage, own in zip(passages, found, strict=True):
        begin = 0
        for place, unit in enumerate(own):
            if place + 1 == len(own) or unit.end - own[begin].start >= STRETCH_CHARS:
                start, some = own[begin].start, own[begin : place + 1]
                spans = [(each.start - start, each.end - start) for each in some]
                cut_up.append(Stretch(passage.text[start : unit.end], spans, first + begin))
                begin = place + 1
        first += len(own)
    return cut_up


def likeliest(chosen: Sequence[Stretch], keywords: Sequence[float], most_chars: int) -> list[Stretch]:
    """Those of *chosen* with the best unit by *keywords* that have *most_chars* characters together, in their order."""
    best = [max(keywords[each.first : each.first + len(each.units)]) for each in chosen]
    order = sorted(range(len(chosen)), key=lambda place: (-best[place], place))
    kept, room = [], most_chars
    for place in order:
        room -= chosen[place].chars
        if room < 0:
            break
        kept.append(place)
    return [chosen[place] for place in sorted(kept)]


@lru_cache(maxsize=1)
def shared() -> Head:
    """The one head of this process, whose keys its users have in common."""
    return Head()
