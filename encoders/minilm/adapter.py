"""Low-rank adapters: a few small arrays that are fed to the model beside the text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..errors import AdapterInvalid

LAYERS, HIDDEN, INNER = 6, 384, 1536

ADAPTER_SHAPES: Mapping[str, tuple[int | str, ...]] = {
    "attention_a": (LAYERS, 4, HIDDEN, "rank"),
    "attention_b": (LAYERS, 4, "rank", HIDDEN),
    "ffn_in_a": (LAYERS, HIDDEN, "rank"),
    "ffn_in_b": (LAYERS, "rank", INNER),
    "ffn_out_a": (LAYERS, INNER, "rank"),
    "ffn_out_b": (LAYERS, "rank", HIDDEN),
}

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Adapter:
    """A LoRA over MiniLM: each linear map becomes ``y = W·x + b + (x·A)·B``.

    Shapes, with one *rank* ≥ 1 for all, float32; LoRA's ``alpha / rank`` is folded into B:
    *attention_a* (6 layers, 4 maps, 384, rank) and *attention_b* (6, 4, rank, 384), the maps in the order
    query, key, value, attention output; *ffn_in_a* (6, 384, rank), *ffn_in_b* (6, rank, 1536); *ffn_out_a*
    (6, 1536, rank), *ffn_out_b* (6, rank, 384). A map that is not adapted holds zeros.

    Raises `AdapterInvalid` for a wrong shape, a rank of 0, unequal ranks or values that are not finite.
    """

    attention_a: Floats
    attention_b: Floats
    ffn_in_a: Floats
    ffn_in_b: Floats
    ffn_out_a: Floats
    ffn_out_b: Floats

    def __post_init__(self) -> None:
        for name, shape in ADAPTER_SHAPES.items():
            array = np.array(getattr(self, name), np.float32, order="C")
            array.setflags(write=False)
            object.__setattr__(self, name, array)
            wanted = tuple(self.rank if size == "rank" else size for size in shape)
            if array.shape != wanted or self.rank < 1:
                raise AdapterInvalid(
                    f"adapter array {name!r} has shape {array.shape}; wanted {shape} with one rank >= 1 for "
                    "all six arrays. Export the adapter again for this model."
                )
            if not np.isfinite(array).all():
                raise AdapterInvalid(f"adapter array {name!r} holds NaN or infinity. Train it again.")

    @classmethod
    def zeros(cls, rank: int) -> Adapter:
        """An adapter of *rank* that changes nothing."""
        shapes = {n: [rank if size == "rank" else int(size) for size in s] for n, s in ADAPTER_SHAPES.items()}
        return cls(**{name: np.zeros(shape, np.float32) for name, shape in shapes.items()})

    @classmethod
    def load(cls, path: Path | str) -> Adapter:
        """Read an ``.npz`` that holds the six arrays; `AdapterInvalid` when it does not."""
        try:
            with Path(path).open("rb") as file, np.load(file, allow_pickle=False) as stored:
                return cls(**{name: stored[name] for name in ADAPTER_SHAPES})
        except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise AdapterInvalid(
                f"{str(path)!r} is not a MiniLM adapter ({error}). Give an .npz file with the arrays "
                f"{', '.join(ADAPTER_SHAPES)}, as Adapter.save writes it."
            ) from error

    def save(self, path: Path | str) -> None:
        """Write the six arrays to *path* as a compressed ``.npz``."""
        with Path(path).open("wb") as file:
            np.savez_compressed(file, allow_pickle=False, **self.feeds)

    @property
    def rank(self) -> int:
        """The inner width shared by all six arrays."""
        return int(np.shape(self.attention_a)[-1]) if np.ndim(self.attention_a) else 0

    @property
    def feeds(self) -> dict[str, Floats]:
        """The arrays by the names of the model's inputs."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def fingerprint(self) -> str:
        """16 hex digits over rank and values."""
        digest = hashlib.sha256(str(self.rank).encode())
        for array in self.feeds.values():
            digest.update(array.tobytes())
        return digest.hexdigest()[:16]
