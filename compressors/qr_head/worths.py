"""From scores, which may be below 0, to worths, which are above it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST = 0.001
"""What the unit of least worth is worth beside the best, 1: what is worth 0 would never be kept."""


def scaled(worths: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """*worths* from `LEAST` to 1, in the same order; all 1 where they are equal."""
    if not worths.size:
        return np.zeros(0)
    low, high = float(worths.min()), float(worths.max())
    if high <= low:
        return np.ones(worths.size)
    return LEAST + (1 - LEAST) * (worths.astype(np.float64) - low) / (high - low)
