"""How a passage becomes vectors, the same in every adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..encoders.bm25 import Bm25
from ..encoders.ports import Encoder
from .errors import InvalidRequest

INLINE_CHARS = 4000
"""Writes of up to this many characters are embedded before they are acknowledged, larger ones right after."""
BEFORE_CHARS = 200
"""How much of each passage that comes before is embedded with a passage."""


def dense_text(text: str, context: str, before: Sequence[str] = ()) -> str:
    """What is embedded for a passage: its context, itself, then what came before it, each as `said` gives it."""
    head = f"{context}: {text}" if context else text
    return "\n".join([head, *before])


def said(text: str, payload: Mapping[str, Any]) -> str:
    """The end of *text* as a line of what comes before another passage, with its speaker if it has one."""
    speaker = payload.get("speaker")
    return f"{speaker}: {text[-BEFORE_CHARS:]}" if speaker else text[-BEFORE_CHARS:]


def sparse_text(text: str, context: str) -> str:
    """What BM25 indexes of a passage."""
    return f"{context}\n{text}" if context else text


def terms(bm25: Bm25, text: str, context: str) -> tuple[list[int], list[float]]:
    """The BM25 terms of a passage as (indices, values)."""
    sparse = bm25.document(sparse_text(text, context))
    return list(sparse.indices), list(sparse.values)


def pack(vector: np.ndarray) -> bytes:
    """*vector* as float16 bytes: the form that documents and index both keep, so that a rebuild is exact."""
    return np.asarray(vector, np.float32).astype(np.float16).tobytes()


def unpack(data: bytes) -> np.ndarray:
    """The float32 values of what `pack` made."""
    return np.frombuffer(data, np.float16).astype(np.float32)


def query_vector(encoder: Encoder, text: str) -> np.ndarray:
    """The unit vector of a query, shape (dimension,)."""
    vector = np.asarray(encoder.embed_query(text), np.float32)
    if vector.shape != (encoder.dimension,):
        raise InvalidRequest(
            f"the encoder {encoder.name} gave a vector of shape {vector.shape}, not {encoder.dimension}"
        )
    return vector
