"""Scores of documents, and of each token in them, for a query: what the query's rows pay them in retrieval heads."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from ...errors import BadHeads, CompressorFailed, UnsupportedModel
from . import load as loading
from .head_lists import Head, HeadList, published_for
from .parts import Floats, Read, Slice, merged, packed, sliced
from .prompt import NULL_QUERY, Encoded, Frame, Prompter
from .scores import Scored, scored, totals

if TYPE_CHECKING:
    from torch import Tensor

SPARE = 2
"""Tokens of the window that are left free, for tokens that join differently in the whole prompt."""
LEAST_ROOM = 16
NO_WINDOW = 10**9
"""What tokenizers say instead of "no limit" is larger."""


class QRHeadScorer:
    """The paper's QRRetriever for any Hugging Face causal language model. Safe to call from several threads.

    *model*, *tokenizer*: as transformers loads them; the model is set to an attention implementation that answers as
    sdpa does. *heads*: which to read; by default the published list for the model's name; "all": every one. *frame*:
    the chat format, by default told from the tokenizer. *window*: tokens of a prompt at most, by default the model's
    own limit; longer contexts are scored in parts that overlap by *overlap* of a part. *chunk*: tokens of documents
    that run at once. *batch*: queries that do. *length_normalized*: divide a document's sum by its counted tokens.

    Raises `BadHeads` where no list is known for the model or it does not fit, and `UnsupportedModel`.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        heads: Sequence[Head] | HeadList | Literal["all"] | None = None,
        *,
        frame: Frame | None = None,
        window: int | None = None,
        overlap: float = 0.125,
        chunk: int = 512,
        batch: int = 8,
        length_normalized: bool = False,
    ) -> None:
        loading.require()
        from .reader import Reader, every_head, text_config

        if not 0 <= overlap < 1:
            raise ValueError(f"overlap is {overlap!r}; give a share of a part, 0 or more and below 1")
        if chunk < 1 or batch < 1:
            raise ValueError(f"chunk is {chunk!r} and batch {batch!r}; both are 1 or more")
        self.heads = tuple(every_head(model)) if heads == "all" else _chosen(heads, model)
        self.window = window or _window(text_config(model), tokenizer)
        self.length_normalized = length_normalized
        self._overlap, self._batch = overlap, batch
        self._prompter = Prompter(tokenizer, frame)
        self._reader = Reader(model, self.heads, chunk)
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls,
        model: str | Path,
        lora: str | Path | None = None,
        heads: Sequence[Head] | HeadList | Literal["all"] | None = None,
        *,
        dtype: str = "auto",
        device: str | None = None,
        **options: Any,
    ) -> QRHeadScorer:
        """One for the model in the folder *model*, with the adapter in *lora*; see `load.load` and the class.

        Raises `MissingExtra` and `ModelUnavailable`, too.
        """
        if heads is None:
            heads = published_for(model)
        loaded, tokenizer = loading.load(model, lora, dtype, device)
        return cls(loaded, tokenizer, heads, **options)

    def score(self, documents: Sequence[str], query: str) -> list[Scored]:
        """What each of *documents* is worth for *query*. Scores compare within one answer.

        Raises `CompressorFailed` where the query leaves no room for documents.
        """
        return self.score_all(documents, [query])[0]

    def score_all(self, documents: Sequence[str], queries: Sequence[str]) -> list[list[Scored]]:
        """As `score`, for each of *queries*: the documents run through the model once."""
        reads = self._reads(documents, queries, summed=True)
        return [[scored(read, self.length_normalized) for read in own] for own in reads]

    def score_heads(self, documents: Sequence[str], query: str) -> NDArray[np.float64]:
        """What each of *documents* is worth for *query* by each head alone: documents × heads, in their order.

        Outliers are left out for each head by itself, as the paper's detection does.
        """
        [reads] = self._reads(documents, [query], summed=False)
        return np.stack([totals(read, self.length_normalized) for read in reads])

    def _reads(self, documents: Sequence[str], queries: Sequence[str], *, summed: bool) -> list[list[Read]]:
        """For each query and each document, its tokens' calibrated scores: of each head, or of all *summed*."""
        if not documents or not queries:
            return [[] for _ in queries]
        found: list[list[list[Read]]] = [[[] for _ in documents] for _ in queries]
        with self._lock:
            for part in self._parts(documents, queries):
                prompts = [self._encoded(documents, part, query) for query in (NULL_QUERY, *queries)]
                for number, (prompt, rows) in enumerate(self._calibrated(prompts, summed)):
                    for each, read in zip(part, _of(part, prompt, rows), strict=True):
                        found[number][each.document].append(read)
        return [[merged(reads) for reads in own] for own in found]

    def _calibrated(self, prompts: Sequence[Encoded], summed: bool) -> Iterator[tuple[Encoded, Floats]]:
        """Each prompt but the first, and its scores (heads × prefix) above those of the first, the null query's."""
        null, *asked = prompts
        if any(prompt.ids[: prompt.prefix] != null.ids[: null.prefix] for prompt in asked):
            raise UnsupportedModel("the tokenizer joins the documents with the query; they cannot be read apart")
        cache = self._reader.documents(null.ids[: null.prefix])
        for start in range(0, len(asked), self._batch):
            batch = asked[start : start + self._batch]
            rows: Tensor = self._reader.queries(cache, [null.tail, *(prompt.tail for prompt in batch)])
            above = rows[1:] - rows[0]
            if summed:
                above = above.sum(dim=1, keepdim=True)
            yield from zip(batch, above.numpy(), strict=True)

    def _parts(self, documents: Sequence[str], queries: Sequence[str]) -> list[list[Slice]]:
        """The documents in parts, each of which fits the window with every query."""
        ask = max(len(self._prompter.encode([], query).ids) for query in (NULL_QUERY, *queries))
        room = self.window - ask - SPARE
        costs = [self._prompter.cost(document) for document in documents]
        while room >= LEAST_ROOM:
            overlap = int(self._overlap * room)
            slices = [
                each
                for number, (document, (cost, starts)) in enumerate(zip(documents, costs, strict=True))
                for each in sliced(number, len(document), starts, cost, room, overlap)
            ]
            parts = packed(slices, room, overlap)
            longest = max(self._encoded(documents, part, NULL_QUERY).prefix for part in parts)
            tail = max(len(self._encoded(documents, parts[0][:1], query).tail) for query in (NULL_QUERY, *queries))
            if (excess := longest + tail - self.window) <= 0:
                return parts
            room -= excess
        raise CompressorFailed(
            f"the query takes {ask} of the window's {self.window} tokens; shorten it, or give a larger window"
        )

    def _encoded(self, documents: Sequence[str], part: Sequence[Slice], query: str) -> Encoded:
        return self._prompter.encode([documents[each.document][each.start : each.end] for each in part], query)


def _of(part: Sequence[Slice], prompt: Encoded, rows: Floats) -> Iterator[Read]:
    """What *rows* (heads × prefix) say of each slice of *part*."""
    for each, placed in zip(part, prompt.documents, strict=True):
        label, text = rows[:, placed.first : placed.text], rows[:, placed.text : placed.last]
        yield Read(each, placed.starts + each.start, placed.ends + each.start, text, label)


def _chosen(heads: Sequence[Head] | HeadList | str | None, model: Any) -> tuple[Head, ...]:
    if isinstance(heads, str):
        raise BadHeads(f'heads is {heads!r}; give "all", a list of heads, or pairs of layer and head')
    if heads is None:
        name = str(getattr(model, "name_or_path", "") or "")
        heads = published_for(name)
        if heads is None:
            raise BadHeads(
                f"no retrieval heads are published for {name or 'this model'!r}; find them with "
                "`memoryops heads detect`, and give the file that it writes"
            )
    pairs = heads.heads if isinstance(heads, HeadList) else tuple((int(layer), int(head)) for layer, head in heads)
    return tuple(dict.fromkeys(pairs))


def _window(config: Any, tokenizer: Any) -> int:
    limits = (getattr(config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None))
    known = [int(limit) for limit in limits if limit and limit < NO_WINDOW]
    if not known:
        raise UnsupportedModel("neither the model nor its tokenizer says how many tokens it takes; give a window")
    return min(known)
