"""MiniLM as it is trained: its own weights frozen, each linear map with a low-rank part, in torch.

The low-rank part is added to the weight, not to the output: one product of the usual size and its gradient cost less
on a CPU than the thin products beside it (a step took 5 CPU-seconds with peft's layers).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.utils import parametrize
from transformers import AutoModel

from ...encoders.minilm.adapter import HIDDEN, LAYERS, Adapter
from ...encoders.minilm.tokenizer import END, START, WordPieces
from .examples import Batch
from .windows import Windows, windows

TEMPERATURE = 0.05
POOLED_WEIGHT = 0.3
"""How much of the loss is that of the mean of a unit's states, the sentence embedding that fusion uses."""
QUERY_TOKENS = 64
CHUNKS = 3
"""Windows are run in this many groups of like length, to pad little."""
ATTENTION = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
INNER_MAP, OUTER_MAP = "intermediate.dense", "output.dense"


class LowRank(nn.Module):  # type: ignore[misc]  # torch is not installed where types are checked
    """``W + scale · B·A`` in place of a weight W (out, in); B begins as zeros."""

    def __init__(self, outputs: int, inputs: int, rank: int, scale: float) -> None:
        super().__init__()
        self.a = nn.Parameter(torch.empty(rank, inputs))
        self.b = nn.Parameter(torch.zeros(outputs, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.b @ self.a)


class Trained:
    """MiniLM, its adapter, and the weight of a query's word pieces."""

    def __init__(self, weights: Path, rank: int, alpha: float, seed: int) -> None:
        torch.manual_seed(seed)
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.model: Any = AutoModel.from_pretrained(weights, local_files_only=True, add_pooling_layer=False)
        self.model.requires_grad_(False).eval()  # without dropout: the run is short
        self.maps: dict[str, LowRank] = {}
        for name, module in list(self.model.named_modules()):
            if isinstance(module, nn.Linear) and name.startswith("encoder."):
                low = LowRank(module.out_features, module.in_features, rank, alpha / rank)
                parametrize.register_parametrization(module, "weight", low)
                self.maps[name] = low
        self.model.to(self.device)
        self.gate = nn.Parameter(torch.zeros(HIDDEN, device=self.device))

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [self.gate, *(each for low in self.maps.values() for each in (low.a, low.b))]

    def states(self, ids: Sequence[Sequence[int]]) -> list[Tensor]:
        """The last states of framed windows, (t, 384) each."""
        order = sorted(range(len(ids)), key=lambda place: len(ids[place]))
        found: dict[int, Tensor] = {}
        size = -(-len(order) // CHUNKS)
        with torch.autocast(self.device, torch.bfloat16), parametrize.cached():
            for start in range(0, len(order), size):
                some = order[start : start + size]
                tokens, real = _padded([ids[place] for place in some])
                states = self.model(input_ids=tokens.to(self.device), attention_mask=real.to(self.device))
                for row, place in zip(states.last_hidden_state.float(), some, strict=True):
                    found[place] = row[: len(ids[place])]
        return [found[place] for place in range(len(ids))]

    def adapter(self) -> Adapter:
        """What was learned, in the form that the shipped encoder takes."""

        def pair(layer: int, part: str) -> tuple[Any, Any]:
            low = self.maps[f"encoder.layer.{layer}.{part}"]
            a, b = (each.detach().cpu().numpy() for each in (low.a, low.b))
            return a.T, low.scale * b.T

        attention = [[pair(layer, part) for part in ATTENTION] for layer in range(LAYERS)]
        inner, outer = ([pair(layer, part) for layer in range(LAYERS)] for part in (INNER_MAP, OUTER_MAP))
        return Adapter(
            np.array([[a for a, _ in row] for row in attention]),
            np.array([[b for _, b in row] for row in attention]),
            *(np.array([each[side] for each in maps]) for maps in (inner, outer) for side in (0, 1)),
        )


def _padded(ids: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor]:
    longest = max(map(len, ids))
    tokens = torch.zeros(len(ids), longest, dtype=torch.long)
    real = torch.zeros(len(ids), longest, dtype=torch.long)
    for row, each in enumerate(ids):
        tokens[row, : len(each)] = torch.tensor(each)
        real[row, : len(each)] = 1
    return tokens, real


class Reader:
    """Batches as word pieces."""

    def __init__(self) -> None:
        self._pieces = WordPieces()

    def windows(self, passage: Sequence[str]) -> Windows:
        """A passage's units, a line each, as windows."""
        spans, start = [], 0
        for unit in passage:
            spans.append((start, start + len(unit)))
            start += len(unit) + 1
        tokens = self._pieces.whole("\n".join(passage))
        return windows(tokens.ids, tokens.offsets, spans)

    def query(self, text: str) -> list[int]:
        return [START, *self._pieces.whole(text).ids[:QUERY_TOKENS], END]


def loss(trained: Trained, reader: Reader, batch: Batch) -> Tensor:
    """The mean over questions of the mean over their answering units of -log softmax against the other units."""
    ids: list[Sequence[int]] = []
    owner, units = [], 0
    for passage in batch.passages:
        cut = reader.windows(passage)
        ids.extend([START, *each, END] for each in cut.ids)
        owner.append(np.where(cut.owner >= 0, cut.owner + units, -1))
        units += len(passage)
    queries = [reader.query(each.query) for each in batch.asked]
    states = trained.states([*ids, *queries])
    owners = torch.from_numpy(np.concatenate(owner)).to(trained.device)
    inner = torch.cat([each[1:-1] for each in states[: len(ids)]])
    keys, owners = normalize(inner[owners >= 0], dim=-1), owners[owners >= 0]
    pooled = normalize(keys.new_zeros(units, HIDDEN).index_add(0, owners, keys), dim=-1)

    scores, sentence = [], []
    for asked in states[len(ids) :]:
        weights = torch.softmax(asked @ trained.gate, 0)
        query = normalize(asked, dim=-1)
        logits = query @ keys.T
        best = logits.new_full((len(query), units), -1.0)
        best = best.scatter_reduce(1, owners.expand(len(query), -1), logits, "amax")
        scores.append(weights @ best)
        sentence.append(pooled @ normalize(weights @ query, dim=-1))
    return _listwise(scores, batch) + POOLED_WEIGHT * _listwise(sentence, batch)


def _listwise(scores: Sequence[Tensor], batch: Batch) -> Tensor:
    losses = []
    for each, asked in zip(scores, batch.asked, strict=True):
        row = each / TEMPERATURE
        gold = row[torch.tensor(list(asked.gold), device=row.device)]
        against = torch.logsumexp(row[torch.tensor(list(asked.own), device=row.device)], 0)
        losses.append((torch.logaddexp(gold, against) - gold).mean())
    return torch.stack(losses).mean()
