"""The compressor that asks the retrieval head, with keywords beside it, which units a query is about."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from ..errors import CompressorFailed
from ..logs import telling
from ..pieces import cut, pieces, texts_of
from ..ports import Kept, Passage
from ..render import check_budget, whole
from ..select import select
from . import fusion
from .head import Head
from .signals import signals

LEAST = 0.001
"""What the unit of least worth is worth beside the best, 1: what is worth 0 would never be kept."""


class QRHead:
    """Keeps the units that the head and keywords find nearest to the query. Safe to call from several threads.

    *head*: the shipped one, shared by all of this process, unless given.
    """

    name = "qr_head"

    def __init__(self, head: Head | None = None) -> None:
        self._head = head or shared()

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
        spans = [[(unit.start, unit.end) for unit in own] for own in found]
        seen = signals(self._head, [passage.text for passage in passages], spans, query)
        worths = fusion.fused(seen, self._weights, budget / max(before, 1))
        texts = texts_of(passages, found)
        scaled = _scaled(worths) + np.array(telling(passages, found, texts))
        return select(passages, pieces(passages, found, scaled.tolist()), budget, self.name, before=before)


_shared: list[Head] = []


def shared() -> Head:
    """The one head of this process, whose keys its users have in common."""
    if not _shared:
        _shared.append(Head())
    return _shared[0]


def _scaled(worths: fusion.Floats) -> fusion.Floats:
    """*worths* between `LEAST` and 1."""
    if not len(worths):
        return worths
    low, high = float(worths.min()), float(worths.max())
    return np.asarray(LEAST + (1 - LEAST) * (worths - low) / max(high - low, 1e-9), np.float32)
