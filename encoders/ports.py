"""The one door to text encoders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]


@runtime_checkable
class Encoder(Protocol):
    """Turns text into dense vectors of unit length. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """The specification that `memoryops.encoders.load` accepts, without key or path."""

    @property
    def fingerprint(self) -> str:
        """Changes whenever the vectors would; vectors of different fingerprints must not be mixed."""

    @property
    def dimension(self) -> int:
        """Length of a vector, measured."""

    @property
    def max_tokens(self) -> int:
        """Longest passage, in the encoder's own tokens with its special ones, that is not truncated."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of *texts*, (n, dimension) float32, each of length 1. No texts give (0, dimension)."""

    def embed_query(self, text: str) -> Vectors:
        """The vector of a question, shape (dimension,), to be compared with those of `embed`."""
