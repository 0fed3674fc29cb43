"""BERT in plain numpy, float64, over the weights of the shipped model: another way to the same numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from memoryops.encoders import Adapter, minilm

Array = np.ndarray[Any, np.dtype[np.float64]]
MODEL = Path(minilm.__file__).with_name("model.onnx")


def shipped_weights() -> dict[str, Array]:
    """The constants of the shipped model by name. Needs onnx."""
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(str(MODEL)).graph
    return {c.name: numpy_helper.to_array(c).astype(np.float64) for c in graph.initializer}


class NumpyBert:
    """Token states of one text; each adapter is one full matrix here, A·B, not two thin ones."""

    def __init__(self, weights: dict[str, Array], adapter: Adapter | None = None) -> None:
        self._weights = weights
        self._adapter = adapter

    def states(self, ids: Sequence[int]) -> Array:
        """(t, 384) of *ids*."""
        weights = self._weights
        words = weights["words"][list(ids)] * weights["words_scale"][list(ids)]
        x = self._norm(words + weights["positions"][: len(ids)], "embedded_norm")
        for layer in range(6):
            x = self._layer(x, layer)
        return x

    def _layer(self, x: Array, layer: int) -> Array:
        name = f"layer{layer}"
        q, k, v = (self._linear(x, f"{name}_qkv{i}", "attention", (layer, i)) for i in range(3))
        heads = [self._head(*(m[:, 32 * h : 32 * h + 32] for m in (q, k, v))) for h in range(12)]
        attended = self._linear(np.hstack(heads), f"{name}_attention0", "attention", (layer, 3))
        x = self._norm(attended + x, f"{name}_attention_norm")
        inner = self._linear(x, f"{name}_ffn_in0", "ffn_in", (layer,))
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))
        return self._norm(self._linear(inner, f"{name}_ffn_out0", "ffn_out", (layer,)) + x, f"{name}_ffn_norm")

    def _linear(self, x: Array, name: str, adapter: str, slot: tuple[int, ...]) -> Array:
        weight = self._weights[f"{name}_weight"] * self._weights[f"{name}_scale"]
        product: Array = self._rounded(x) @ weight + self._weights[f"{name}_bias"]
        if self._adapter is not None:
            feeds = self._adapter.feeds
            product += x @ (feeds[f"{adapter}_a"][slot].astype(float) @ feeds[f"{adapter}_b"][slot])
        return product

    @staticmethod
    def _rounded(x: Array) -> Array:
        """*x* with each row on its own grid of 255 values, as the model multiplies it."""
        step = np.abs(x).max(axis=1, keepdims=True) / 127
        rounded: Array = np.rint(x / step) * step
        return rounded

    def _norm(self, x: Array, name: str) -> Array:
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(axis=1, keepdims=True) + 1e-12)
        norm: Array = scaled * self._weights[f"{name}_gamma"] + self._weights[f"{name}_beta"]
        return norm

    @staticmethod
    def _head(q: Array, k: Array, v: Array) -> Array:
        scores = q @ k.T / math.sqrt(32)
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        mixed: Array = odds / odds.sum(axis=1, keepdims=True) @ v
        return mixed
