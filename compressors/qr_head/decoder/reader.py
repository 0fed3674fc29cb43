"""Runs a model over documents once, and over any number of queries on their cached keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

from ...errors import BadHeads, UnsupportedModel
from . import attention
from .attention import Watch
from .head_lists import Head

KNOWN_LAYERS = {"full_attention", "sliding_attention"}


class Reader:
    """Reads *heads* of *model*, which it sets to `attention.NAME` (the answers are those of sdpa) and to evaluation.

    *chunk*: tokens of the documents that run at once: masks and softmaxes are chunk × context at most. Raises
    `BadHeads` for heads that the model does not have, `UnsupportedModel` for one that cannot be read.
    """

    def __init__(self, model: Any, heads: Sequence[Head], chunk: int) -> None:
        config = text_config(model)
        unknown = {*(getattr(config, "layer_types", None) or ())} - KNOWN_LAYERS
        if unknown:
            raise UnsupportedModel(f"{type(model).__name__} has layers of {', '.join(sorted(unknown))}")
        _check(heads, config)
        attention.register()
        model.set_attn_implementation(attention.NAME)
        if model.config._attn_implementation != attention.NAME:
            raise UnsupportedModel(f"{type(model).__name__} takes no other attention implementation")
        self._model = model.eval()
        self._chunk = chunk
        self._device = model.get_input_embeddings().weight.device
        self._layers: dict[int, list[int]] = {}
        for layer, head in sorted(heads):
            self._layers.setdefault(layer, []).append(head)
        order = {head: place for place, head in enumerate(sorted(heads))}
        self._order = [order[head] for head in heads]

    def documents(self, ids: Sequence[int]) -> Cache:
        """The keys and values of the tokens *ids*, for `queries`, in every layer up to the last that is read.

        Sliding layers keep all of them, too: transformers' sliding cache drops what a further query would need, and
        the mask hides what a layer does not see anyway.
        """
        cache = DynamicCache()
        with torch.inference_mode():
            for start in range(0, len(ids), self._chunk):
                part = torch.tensor([ids[start : start + self._chunk]], device=self._device)
                with attention.watching(Watch(self._layers)):
                    self._model(input_ids=part, past_key_values=cache, use_cache=True)
        return Cache(layers=[_Shared(layer.keys, layer.values) for layer in cache.layers])

    def queries(self, documents: Cache, tails: Sequence[Sequence[int]]) -> Tensor:
        """The attention of each of *tails* to the tokens of *documents*: tails × heads × tokens, float32, on the CPU.

        Averaged over the rows of a tail; heads in the order that they were given in.
        """
        lengths = [len(tail) for tail in tails]
        # Padded on the right, where the causal mask keeps it out of every row that is read.
        ids = torch.zeros((len(tails), max(lengths)), dtype=torch.long)
        for row, tail in enumerate(tails):
            ids[row, : len(tail)] = torch.tensor(tail)
        found: dict[int, Tensor] = {}

        def take(layer: int, means: Tensor) -> None:
            found[layer] = means.cpu()

        watch = Watch(self._layers, take, lengths, documents.get_seq_length())
        with torch.inference_mode(), attention.watching(watch):
            self._model(input_ids=ids.to(self._device), past_key_values=documents, use_cache=True)
        return torch.cat([found[layer] for layer in sorted(found)], dim=1)[:, self._order]


class _Shared(DynamicLayer):  # type: ignore[misc]  # transformers is not installed where mypy runs
    """The documents' keys and values of one layer: every sequence of a batch sees them, and none adds to them."""

    def __init__(self, keys: Tensor, values: Tensor) -> None:
        super().__init__()
        self.keys, self.values = keys, values
        self.dtype, self.device = keys.dtype, keys.device
        self.is_initialized = True

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        batch = key_states.shape[0]
        return (
            torch.cat([self.keys.expand(batch, -1, -1, -1), key_states], dim=-2),
            torch.cat([self.values.expand(batch, -1, -1, -1), value_states], dim=-2),
        )


def text_config(model: Any) -> Any:
    """The configuration of the model's decoder."""
    return model.config.get_text_config(decoder=True)


def every_head(model: Any) -> list[Head]:
    """All heads of *model*, layer by layer."""
    config = text_config(model)
    return [(layer, head) for layer in range(config.num_hidden_layers) for head in range(config.num_attention_heads)]


def _check(heads: Sequence[Head], config: Any) -> None:
    layers, width = config.num_hidden_layers, config.num_attention_heads
    if not heads:
        raise BadHeads("no heads are given")
    for layer, head in heads:
        if not (0 <= layer < layers and 0 <= head < width):
            raise BadHeads(f"the model has no head {layer}-{head}: it has {layers} layers of {width} heads")
