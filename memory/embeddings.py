"""Vectors of given texts, by the encoder that the memory itself is searched with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..compressors import tokens
from ..encoders import registry
from ..encoders.ports import Encoder
from . import inputs
from .errors import InvalidInput

MOST_TEXTS = 2048
"""How many texts one call takes, as OpenAI's does."""
MOST_CHARS = 2_000_000
"""Characters of all texts of one call."""
SHORT_NAMES = {"minilm": "all-MiniLM-L6-v2"}


@dataclass(frozen=True, slots=True)
class Embedded:
    """A vector of unit length for each text, what made them, and the tokens of the texts."""

    vectors: Sequence[Sequence[float]]
    model: str
    tokens: int


class Embeddings:
    """Loads the encoder that *spec* names when it is first needed. Safe to use from several threads."""

    def __init__(self, spec: Callable[[], str], api_key: str | None = None) -> None:
        self._spec, self._api_key = spec, api_key
        self._encoder: Encoder | None = None
        self._lock = threading.Lock()

    def model(self) -> str:
        """The name of the encoder, as callers may give it."""
        return model_name(self._spec())

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Vectors of *texts*. What is longer than the encoder reads is cut there. Raises `InvalidInput`, or an
        `EncoderError`."""
        if not 0 < len(texts) <= MOST_TEXTS:
            raise InvalidInput(f"there are {len(texts)} texts; give 1 to {MOST_TEXTS}")
        for text in texts:
            inputs.text(text, "input")
        if sum(map(len, texts)) > MOST_CHARS:
            raise InvalidInput(f"the texts have over {MOST_CHARS:,} characters together; give fewer in one call")
        vectors = self._loaded().embed(texts)
        return Embedded(vectors.tolist(), self.model(), sum(map(tokens.count, texts)))

    def _loaded(self) -> Encoder:
        with self._lock:
            if self._encoder is None:
                self._encoder = registry.load(self._spec(), api_key=self._api_key)
            return self._encoder


def model_name(spec: str) -> str:
    """What an encoder is called as a model."""
    return SHORT_NAMES.get(spec, spec)


def names(spec: str) -> frozenset[str]:
    """All names by which the encoder *spec* may be asked for."""
    return frozenset({spec, model_name(spec), f"memoryops/{model_name(spec)}", f"memoryops/{spec}", "memoryops"})
