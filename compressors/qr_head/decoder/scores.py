"""From the calibrated scores of a document's tokens to the document's own: outliers left out, then summed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .parts import Floats, Read
from .prompt import Places

OUTLIER = 2.0
"""Standard deviations under the mean at which a token is left out (Chen et al. 2024, kept by the QRHead code)."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A document's *score*, and of each token of it its characters (*starts* to *ends*), its score, and whether it
    *counts* or was left out as an outlier."""

    score: float
    starts: Places
    ends: Places
    tokens: Floats
    counts: NDArray[np.bool_]


def counting(scores: Floats) -> NDArray[np.bool_]:
    """Which of *scores* (… × tokens) are above their mean - 2 standard deviations along the last axis."""
    if scores.shape[-1] < 2:
        return np.ones(scores.shape, dtype=np.bool_)
    exact = scores.astype(np.float64)
    spread = exact.std(axis=-1, ddof=1, keepdims=True)
    found: NDArray[np.bool_] = exact > exact.mean(axis=-1, keepdims=True) - OUTLIER * spread
    found |= spread == 0  # where all are equal none stands out; the official code leaves out all of them
    return found


def totals(read: Read, length_normalized: bool) -> NDArray[np.float64]:
    """The document's score by each of the heads (heads)."""
    every = np.concatenate([read.label, read.scores], axis=1)
    mask = counting(every)
    found: NDArray[np.float64] = (every * mask).sum(axis=1, dtype=np.float64)
    return found / np.maximum(1, mask.sum(axis=1)) if length_normalized else found


def scored(read: Read, length_normalized: bool) -> Scored:
    """What came of a document whose heads are summed already."""
    every = np.concatenate([read.label, read.scores], axis=1)
    mask = counting(every)[0, read.label.shape[1] :]
    score = float(totals(read, length_normalized)[0])
    return Scored(score, read.starts, read.ends, read.scores[0], mask)
