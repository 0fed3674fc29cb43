"""A model-free encoder: word stems hashed into a short vector. Instant and deterministic; knows no synonyms.

Part of the product as a fake for tests and as a last resort where no model may run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np

WORD = re.compile(r"\w+")


class HashingEncoder:
    """Bag of hashed word prefixes, unit length."""

    def __init__(self, dimension: int = 64) -> None:
        self.name = f"hashing:{dimension}"
        self.dimension = dimension
        self.fingerprint = f"hashing-v1-{dimension}"
        self.max_tokens = 1_000_000

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """Unit vectors of *texts*, float32 of shape (n, dimension)."""
        vectors = np.zeros((len(texts), self.dimension), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for word in WORD.findall(text.lower()) or [text]:
                self._add(row, word[:6])
            row /= np.linalg.norm(row) or 1.0
        return vectors

    def embed_query(self, text: str) -> np.ndarray:
        """The unit vector of *text*, float32 of shape (dimension,)."""
        vector: np.ndarray = self.embed([text])[0]
        return vector

    def _add(self, row: np.ndarray, stem: str) -> None:
        digest = hashlib.blake2b(stem.encode("utf-8", "surrogatepass"), digest_size=5).digest()
        row[int.from_bytes(digest[:4], "big") % self.dimension] += 1.0 if digest[4] & 1 else -1.0
