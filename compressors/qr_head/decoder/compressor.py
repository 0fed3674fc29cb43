"""The compressor that asks the retrieval heads of a decoder which units a query is about."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ...errors import CompressorFailed
from ...pieces import cut, pieces
from ...ports import Kept, Passage
from ...render import check_budget, whole
from ...select import select
from ...structure.units import Unit
from ..worths import scaled
from . import head_lists
from . import load as loading
from .config import SECONDS, DecoderConfig
from .scorer import QRHeadScorer
from .scores import Scored


class DecoderQRHead:
    """Keeps the units that the retrieval heads of a causal language model attend to from the query.

    *source*: a `DecoderConfig`, whose model is loaded at the first use, or a scorer that is there. *top_k*: as in the
    config, for a scorer. A unit's worth is the sum of its tokens' scores, without outliers (or their mean, see the
    config). Raises `MissingExtra` with the command that installs what is missing.
    """

    name = "qr_head_decoder"

    def __init__(self, source: DecoderConfig | QRHeadScorer, top_k: int | None = None) -> None:
        loading.require()
        self._source = source
        config = source if isinstance(source, DecoderConfig) else None
        top_k = config.top_k if config else top_k
        self._top_k = top_k if top_k is None else check_budget(top_k)
        self.patience_seconds = config.seconds if config else SECONDS
        self._lock = threading.Lock()

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        """See `ports.Compressor.compress`.

        Raises `CompressorFailed` without a query, which these heads have nothing to say without, and where the model
        cannot be had.
        """
        budget = check_budget(budget_tokens)
        if self._top_k is not None:
            budget = min(budget, self._top_k)
        before, everything = whole(passages, self.name, budget)
        if everything is not None:
            return everything
        if not query.strip():
            raise CompressorFailed("retrieval heads need a query, and there is none")
        found = cut(passages, budget)
        asked = [number for number, own in enumerate(found) if own]
        scorer = self._ready()
        answers = dict(zip(asked, scorer.score([passages[number].text for number in asked], query), strict=True))
        raw = [_sums(answers[number], found[number], scorer.length_normalized) for number in asked]
        worths = scaled(np.concatenate(raw) if raw else np.zeros(0)).tolist()
        return select(passages, pieces(passages, found, worths), budget, self.name, before=before)

    def _ready(self) -> QRHeadScorer:
        with self._lock:
            if isinstance(self._source, DecoderConfig):
                self._source = _loaded(self._source)
            return self._source


def _loaded(config: DecoderConfig) -> QRHeadScorer:
    return QRHeadScorer.load(
        config.model,
        config.lora,
        None if config.heads is None else head_lists.read(config.heads),
        device=config.device,
        window=config.window,
        length_normalized=config.length_normalized,
    )


def _sums(answer: Scored, units: Sequence[Unit], length_normalized: bool) -> NDArray[np.float64]:
    """What the tokens that start in each of *units* score together, or on average."""
    edges = np.array([(unit.start, unit.end) for unit in units]).reshape(-1, 2)
    low, high = np.searchsorted(answer.starts, edges[:, 0]), np.searchsorted(answer.starts, edges[:, 1])
    counted = np.concatenate([[0.0], np.cumsum(np.where(answer.counts, answer.tokens, 0.0), dtype=np.float64)])
    sums: NDArray[np.float64] = counted[high] - counted[low]
    if not length_normalized:
        return sums
    numbers = np.concatenate([[0], np.cumsum(answer.counts)])
    sums /= np.maximum(1, numbers[high] - numbers[low])
    return sums
