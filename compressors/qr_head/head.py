"""One query-focused retrieval head over MiniLM: keys of a context without the query, and their logits for a query.

The last hidden states of MiniLM under a LoRA adapter, projected and of length 1, are the head's keys and queries. A
unit's score is its best pre-softmax logit with each of the query's word pieces (MaxSim, Khattab and Zaharia 2020),
averaged by a learned weight of each piece, less a share of what it scores for a query that asks nothing (the null
query of QRHead, Zhang et al. 2025). Beside its score a unit has votes: each piece's softmax over units, averaged by
the same weights, which finds what answers half of a question. Keys depend on their window alone, so they are made once
and kept, as a KV cache is; a further query costs a matrix product.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .keys import KeyCache, Keys, joined
from .windows import WINDOW_TOKENS, Span, Windows, windows

if TYPE_CHECKING:
    from ...encoders.minilm import Adapter, MiniLM

FOLDER = Path(__file__).parent
ADAPTER, HEAD = "adapter.npz", "head.npz"
NULL_QUERY = "N/A"
BLOCK = 32_768
"""Keys that are compared at once: with a query of 100 word pieces, 13 MB of logits."""
WINDOWS_A_RUN = 256
"""Windows whose states are held at once, 50 MB; those of one length run together."""
VOTE_TEMPERATURE = 0.2
"""Logits that differ by so much share a piece's vote by e to 1. 0.1 keeps more of joined questions, less of a source
that trained nothing (`docs/qr-head.md`)."""
MOST_QUERY_TOKENS = 4 * WINDOW_TOKENS
"""Word pieces of a query that are read, from its beginning."""

Floats = NDArray[np.float32]
Ints = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Context:
    """The keys of some passages: those of each *windows*, and for each key the unit that it belongs to (-1: none)."""

    windows: Sequence[Keys]
    owner: Ints
    units: int

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self.owner)

    def keys_of(self, unit: int) -> Floats:
        """The keys of *unit*, (keys, dimension) of length 1."""
        places = np.flatnonzero(self.owner == unit)
        ends = np.cumsum([len(keys) for keys in self.windows])
        found = [
            keys.rows[places[(places >= end - len(keys)) & (places < end)] - (end - len(keys))]
            for keys, end in zip(self.windows, ends, strict=True)
            if len(places) and end > places[0] and end - len(keys) <= places[-1]
        ]
        return np.concatenate(found) if found else np.zeros((0, 0), np.float32)

    def blocks(self, most: int = BLOCK) -> Iterator[tuple[Floats, Ints]]:
        """About *most* keys at a time, whole windows: (keys, dimension) of length 1, and the unit of each."""
        some: list[Keys] = []
        first = size = 0
        for keys in self.windows:
            if some and size + len(keys) > most:
                yield joined(some).rows, self.owner[first : first + size]
                first, some, size = first + size, [], 0
            some.append(keys)
            size += len(keys)
        if size:
            yield joined(some).rows, self.owner[first : first + size]


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A query as the head sees it: *rows* (pieces, dimension) of length 1, *weights* (pieces,) that sum to 1."""

    rows: Floats
    weights: Floats


@dataclass(frozen=True, slots=True, eq=False)
class HeadWeights:
    """What makes MiniLM a retrieval head.

    *adapter*: the LoRA (None: MiniLM as it is). *projection*: (384, dimension), of states to keys and queries. *gate*:
    (384,), whose product with the state of a query's piece is the logarithm of the piece's weight; None weighs all
    pieces alike, but for the start and end tokens, which then count nothing.
    """

    adapter: Adapter | None
    projection: Floats
    gate: Floats | None

    @classmethod
    def load(cls, folder: Path = FOLDER) -> HeadWeights:
        """The weights in *folder*. Raises `AdapterInvalid`, or `OSError` where a file is gone."""
        from ...encoders.minilm import Adapter

        with np.load(folder / HEAD, allow_pickle=False) as stored:
            projection, gate = (stored[name].astype(np.float32) for name in ("projection", "gate"))
        return cls(Adapter.load(folder / ADAPTER), projection, gate)

    @classmethod
    def untrained(cls) -> HeadWeights:
        """MaxSim over the states of MiniLM as it is, in all their dimensions."""
        from ...encoders.minilm.adapter import HIDDEN

        return cls(None, np.eye(HIDDEN, dtype=np.float32), None)


class Head:
    """The head with *weights* (those of the package unless given). Safe to use from several threads.

    *encoder*: the MiniLM that it runs on, a new one unless given. *cache*: keeps keys, `MOST_KEYS` unless given. The
    files are read at the first use.
    """

    def __init__(
        self,
        encoder: MiniLM | None = None,
        weights: HeadWeights | None = None,
        cache: KeyCache | None = None,
    ) -> None:
        self._encoder, self._weights = encoder, weights
        self._cache = KeyCache() if cache is None else cache
        self._loading = Lock()

    @property
    def weights(self) -> HeadWeights:
        with self._loading:
            if self._weights is None:
                self._weights = HeadWeights.load()
            return self._weights

    @property
    def encoder(self) -> MiniLM:
        from ...encoders.minilm import MiniLM

        with self._loading:
            if self._encoder is None:
                self._encoder = MiniLM()
            return self._encoder

    def context(self, texts: Sequence[str], units: Sequence[Sequence[Span]]) -> Context:
        """The keys of *texts*, whose *units* are character spans in order; units are numbered through all texts."""
        cut: list[Windows] = []
        owners: list[Ints] = [np.zeros(0, np.intp)]
        first = 0
        for text, spans in zip(texts, units, strict=True):
            tokens = self.encoder.encode_tokens(text)
            found = windows(tokens.ids, tokens.offsets, spans)
            cut.append(found)
            owners.append(np.where(found.owner >= 0, found.owner + first, -1))
            first += len(spans)
        keys = self._cache.get([ids for each in cut for ids in each.ids], self._keys)
        return Context(keys, np.concatenate(owners), first)

    def query(self, text: str) -> Query:
        """*text* as queries of the head, its first `MOST_QUERY_TOKENS` word pieces."""
        ids = self.encoder.encode_tokens(text[: 40 * MOST_QUERY_TOKENS]).ids[:MOST_QUERY_TOKENS]
        parts = [ids[start : start + WINDOW_TOKENS] for start in range(0, len(ids), WINDOW_TOKENS)] or [[]]
        weights = self.weights
        several = self.encoder.window_states(parts, weights.adapter, special=True)
        states = np.concatenate(several)
        if weights.gate is None:
            logits = np.concatenate([_inner(len(rows)) for rows in several])
        else:
            logits = states @ weights.gate
        shares = np.exp(logits - logits.max())
        return Query(_unit(states @ weights.projection), shares / shares.sum())

    @cached_property
    def null(self) -> Query:
        """The query that asks nothing."""
        return self.query(NULL_QUERY)

    def _keys(self, missing: Sequence[Sequence[int]]) -> list[Keys]:
        """The keys of each of *missing*, in runs over windows of like length."""
        weights = self.weights
        order = sorted(range(len(missing)), key=lambda place: len(missing[place]))
        found: dict[int, Keys] = {}
        for start in range(0, len(order), WINDOWS_A_RUN):
            some = order[start : start + WINDOWS_A_RUN]
            states = self.encoder.window_states([missing[place] for place in some], weights.adapter)
            for place, rows in zip(some, states, strict=True):
                found[place] = Keys.of(rows @ weights.projection)
        return [found[place] for place in range(len(missing))]


def matches(queries: Sequence[Query], context: Context, block: int = BLOCK) -> Floats:
    """(pieces of all *queries*, units): the best logit of each piece in each unit; -1 without keys.

    About *block* keys are compared at once.
    """
    rows = np.concatenate([query.rows for query in queries])
    best = np.full((len(rows), context.units), -1, np.float32)
    for keys, owner in context.blocks(block):
        starts, here, owned = _runs(owner)
        tops = np.maximum.reduceat(rows @ keys.T, starts, axis=1)[:, owned]
        best[:, here] = np.maximum(best[:, here], tops)
    return best


def scores(queries: Sequence[Query], context: Context, block: int = BLOCK) -> Floats:
    """(queries, units): each unit's best logit for a query's pieces, averaged by their weights; -1 without keys.

    About *block* keys are compared at once.
    """
    return averaged(queries, matches(queries, context, block))


def averaged(queries: Sequence[Query], best: Floats) -> Floats:
    """(queries, units): *best*, the `matches` of *queries*, averaged by the weights of each query's pieces."""
    ends = np.cumsum([len(query.rows) for query in queries]).tolist()
    return np.stack([query.weights @ best[a:b] for query, (a, b) in zip(queries, pairwise([0, *ends]), strict=True)])


def votes(query: Query, best: Floats) -> Floats:
    """(units,): the share that each unit has of the votes of *query*, which sum to 1.

    *best*: (pieces of the query, units), its `matches`. Each piece shares its weight among units by a softmax over its
    logits, so that a unit that answers half of a question well is not held back by the other half.
    """
    if not best.shape[1]:
        return np.zeros(0, np.float32)
    shares = np.exp((best - best.max(axis=1, keepdims=True)) / VOTE_TEMPERATURE)
    return np.asarray((query.weights / shares.sum(axis=1)) @ shares, np.float32)


def means(context: Context, dimension: int) -> Floats:
    """(units, dimension): the mean of each unit's keys, of length 1; zeros without keys."""
    sums = np.zeros((context.units, dimension), np.float32)
    for keys, owner in context.blocks():
        starts, here, owned = _runs(owner)
        sums[here] += np.add.reduceat(keys, starts, axis=0)[owned]
    return _unit(sums)


def _runs(owner: Ints) -> tuple[Ints, Ints, NDArray[np.bool_]]:
    """Where runs of one owner start in a block, the units among the owners, and which of the runs are theirs."""
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    owned = owner[starts] >= 0
    return starts, owner[starts][owned], owned


def _inner(pieces: int) -> Floats:
    """Logits that leave out the first and the last of *pieces*, unless there are no others."""
    logits = np.zeros(pieces, np.float32)
    if pieces > 2:
        logits[[0, -1]] = -np.inf
    return logits


def _unit(rows: Floats) -> Floats:
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1), np.float32)
