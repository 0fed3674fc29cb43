"""An attention function for transformers that lets the rows of a query be read, head by head, while a model runs.

Models that compute attention through transformers' attention interface hand it queries and keys as they are compared:
normed, rotated, with the cache's keys in front, and with their own scaling, soft cap, sinks and mask (causal, sliding).
So one function serves all of them, and nothing of a model's inside has to be known. It answers with what `sdpa` would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from ...errors import UnsupportedModel

NAME = "memoryops_query_rows"
HARMLESS = frozenset({"position_ids", "cache_position", "position_embeddings", "s_aux"})
"""Tensors among the arguments that change nothing here, or that are seen to."""


@dataclass(frozen=True, slots=True)
class Watch:
    """What is wanted of one run.

    *heads*: which heads of which layers. *take*: given a layer and, for each of its heads, the attention that each
    sequence of the batch pays to the first *context* keys, averaged over its first *lengths* rows (batch × heads ×
    context, float32); None where only the keys are to be cached. Layers behind the last of *heads* are not run.
    """

    heads: Mapping[int, Sequence[int]]
    take: Callable[[int, Tensor], None] | None = None
    lengths: Sequence[int] = ()
    context: int = 0


class Done(Exception):
    """All that is watched has been seen; ends the run of a model."""


_watch: ContextVar[Watch | None] = ContextVar("memoryops_watch", default=None)


def register() -> None:
    """Make `NAME` an attention implementation that models can be set to."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Within this, models set to `NAME` on this thread run up to the last watched layer, and no further.

    Raises `UnsupportedModel` where one comes to its end, because its attention did not pass here.
    """
    token = _watch.set(watch)
    try:
        yield
    except Done:
        return
    finally:
        _watch.reset(token)
    raise UnsupportedModel("the model does not compute its attention through transformers' attention interface")


def attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, **options: Any
) -> tuple[Tensor, None]:
    """Attention as transformers calls for it: *query* batch × heads × rows × width, *key* and *value* with their own
    number of heads and of positions; the answer is batch × rows × heads × width."""
    watch = _watch.get()
    if watch is not None:
        _refuse_unknown(module, options)
        if watch.take is not None and (heads := watch.heads.get(module.layer_idx)):
            watch.take(module.layer_idx, _means(watch, heads, query, key, attention_mask, options))
        if module.layer_idx == max(watch.heads):
            raise Done
    if options.get("softcap") is None and options.get("s_aux") is None:
        answer: tuple[Tensor, None] = sdpa_attention_forward(module, query, key, value, attention_mask, **options)
        return answer
    # What PyTorch's own function has no argument for, one key head after the other to hold no more than is needed.
    parts = []
    for head in range(key.shape[1]):
        group = _group(query, key, head)
        weights = _weights(query[:, group], key[:, head], attention_mask, group, options)
        parts.append(torch.matmul(weights.to(value.dtype), value[:, head, None]))
    return torch.cat(parts, dim=1).transpose(1, 2).contiguous(), None


def _means(
    watch: Watch, heads: Sequence[int], query: Tensor, key: Tensor, mask: Tensor | None, options: Mapping[str, Any]
) -> Tensor:
    rows = torch.arange(query.shape[2], device=query.device)
    lengths = torch.tensor(watch.lengths, device=query.device)
    share = (rows < lengths[:, None]) / lengths[:, None]
    size = query.shape[1] // key.shape[1]
    found = []
    for key_head, group in groupby(heads, lambda head: head // size):
        own = list(group)
        weights = _weights(query[:, own], key[:, key_head], mask, own, options)
        found.append(torch.einsum("br,bhrc->bhc", share, weights[..., : watch.context]))
    return torch.cat(found, dim=1)


def _group(query: Tensor, key: Tensor, key_head: int) -> list[int]:
    """The query heads that share *key_head*."""
    size = query.shape[1] // key.shape[1]
    return list(range(key_head * size, (key_head + 1) * size))


def _weights(
    query: Tensor, key: Tensor, mask: Tensor | None, heads: Sequence[int], options: Mapping[str, Any]
) -> Tensor:
    """The softmax attention (batch × heads × rows × keys, float32) of *query*'s *heads* to the keys of one head."""
    scaling = options.get("scaling")
    logits = torch.matmul(query.float(), key.float()[:, None].transpose(-1, -2))
    logits = logits * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if (cap := options.get("softcap")) is not None:
        logits = torch.tanh(logits / cap) * cap
    logits = _masked(logits, mask, heads)
    if (sinks := options.get("s_aux")) is None:
        return torch.softmax(logits, dim=-1)
    sink = sinks.float()[list(heads)].reshape(1, -1, 1, 1).expand(*logits.shape[:-1], 1)
    return torch.softmax(torch.cat([logits, sink], dim=-1), dim=-1)[..., :-1]


def _masked(logits: Tensor, mask: Tensor | None, heads: Sequence[int]) -> Tensor:
    rows, keys = logits.shape[-2:]
    if mask is None:  # transformers leaves the mask out where it is plainly causal
        place = torch.arange(keys, device=logits.device)
        seen = place <= place[keys - rows :, None]
        return logits.masked_fill(~seen, -torch.inf)
    own = mask[..., :keys] if mask.shape[1] == 1 else mask[:, list(heads), :, :keys]
    return logits.masked_fill(~own, -torch.inf) if own.dtype == torch.bool else logits + own


def _refuse_unknown(module: Any, options: Mapping[str, Any]) -> None:
    unknown = [name for name, each in options.items() if isinstance(each, Tensor) and name not in HARMLESS]
    if unknown:
        raise UnsupportedModel(
            f"{type(module).__name__} gives its attention {', '.join(unknown)}, which cannot be read faithfully"
        )
