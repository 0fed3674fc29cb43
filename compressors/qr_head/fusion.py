"""From signals to one worth for each unit, by weights that depend on how much may be kept. Pure.

With room for half the text, its surroundings speak for a unit nearly as much as its own words; with room for a
fiftieth, the single best match is what counts. Each weight is a line over the logarithm of the share that may be kept,
fitted on held-out training data by `fit.py`, and read from `fusion.json`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

FILE = Path(__file__).with_name("fusion.json")
LEAST, MOST = 0.02, 0.5
"""Shares between which the weights were fitted; beyond them, those of the nearer end hold."""
CENTRE = 0.1

Floats = NDArray[np.float32]
Weights = Mapping[str, Sequence[float]]
"""By signal: its weight at a share of 0.1, and what is added for each doubling of the share."""


def load(path: Path = FILE) -> Weights:
    """The weights in *path*, without those that are 0 at every share: their signals need not be made."""
    read: dict[str, list[float]] = json.loads(path.read_text("utf-8"))
    return {name: each for name, each in read.items() if any(each)}


def doublings(share: float) -> float:
    """How often `CENTRE` must be doubled to give *share* (within `LEAST` and `MOST`)."""
    return math.log2(min(max(share, LEAST), MOST) / CENTRE)


def fused(signals: Mapping[str, Floats], weights: Weights, share: float) -> Floats:
    """The worth of each unit when *share* of the tokens may be kept."""
    step = doublings(share)
    return np.asarray(sum((at + slope * step) * signals[name] for name, (at, slope) in weights.items()), np.float32)
