"""Checks that every encoder from outside passes its answers through."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from .errors import BadEncoderAnswer, DimensionMismatch
from .ports import Vectors


def unit_rows(rows: ArrayLike, name: str) -> Vectors:
    """*rows* (n, d) as float32 with length 1; `BadEncoderAnswer` for NaN, infinity and zero vectors."""
    matrix = np.asarray(rows, np.float64)
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    if not np.isfinite(lengths).all() or not lengths.all():
        raise BadEncoderAnswer(
            f"{name} gave a vector that is zero or not finite. Check the model on its server, "
            "or choose another encoder."
        )
    units: Vectors = (matrix / lengths).astype(np.float32)
    return units


def require_dimension(found: int, wanted: int, name: str) -> None:
    """`DimensionMismatch` unless both are equal."""
    if found != wanted:
        raise DimensionMismatch(
            f"{name} gave vectors of {found} numbers where {wanted} were expected. If the model changed, run "
            "`memoryops reembed`; otherwise correct the encoder's dimensions."
        )
