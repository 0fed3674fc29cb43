"""all-MiniLM-L6-v2 on onnxruntime: sentence vectors and token states."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .. import runtime
from ..errors import EncoderUnavailable
from ..ports import Vectors
from .adapter import HIDDEN, Adapter
from .tokenizer import END, MAX_TOKENS, START, TOKENIZER, Tokens, WordPieces, missing_file

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

MODEL = Path(__file__).with_name("model.onnx")
VERSION = "mean-1"
TOKENS_PER_RUN = 512
FEW_TOKENS = 64
"""So few are read one text after another: side by side they took as long by the clock, and twice the CPU time."""
MOST_THREADS = 4

States = list[tuple[NDArray[np.float32], list[tuple[int, int]]]]


class MiniLM:
    """The default encoder: 384 dimensions, no download, no torch.

    *threads* is how many texts (or groups of one length) of a call run side by side, by default as many as the machine
    has cores but at most 4; one text runs on one core. *adapter* changes every result and the fingerprint. The model is
    loaded at the first use; several threads may share one instance.

    A text's vector does not depend, to the last bit, on the texts embedded with it nor on *threads*: each row
    is quantised by its own scale, and texts that run together have the same length, so none is padded.
    Another processor or version of onnxruntime may round differently (see ``README.md``).
    """

    name = "minilm"
    dimension = HIDDEN
    max_tokens = MAX_TOKENS

    def __init__(self, threads: int | None = None, adapter: Adapter | None = None) -> None:
        if threads is not None and threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        self._threads = threads or min(MOST_THREADS, os.cpu_count() or 1)
        self._adapter = adapter
        self._pieces = WordPieces()
        self._session: InferenceSession | None = None
        self._loading = Lock()

    def __repr__(self) -> str:
        return f"MiniLM(threads={self._threads})"

    @cached_property
    def fingerprint(self) -> str:
        """``minilm-``, 16 hex digits over model, tokenizer, pooling and length limit, then the adapter's."""
        digest = hashlib.sha256(f"{VERSION}-{MAX_TOKENS}".encode())
        for path in (MODEL, TOKENIZER):
            digest.update(hashlib.sha256(_present(path).read_bytes()).digest())
        base = f"minilm-{digest.hexdigest()[:16]}"
        return f"{base}-{self._adapter.fingerprint}" if self._adapter else base

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Mean-pooled vectors of *texts*, (n, 384) float32 of length 1; 256 tokens of a text are read."""
        passages = self._pieces.passages(texts)
        vectors = np.zeros((len(texts), HIDDEN), np.float32)
        feeds = self._adapter.feeds if self._adapter else {}
        for group, found in self._groups([passage.ids for passage in passages], "sentence", feeds):
            vectors[group] = found
        return vectors

    def embed_query(self, text: str) -> Vectors:
        """The vector of *text*, (384,): the model treats questions and passages alike."""
        vector: Vectors = self.embed([text])[0]
        return vector

    def token_states(self, texts: Sequence[str], adapter: Adapter | None = None, *, special: bool = False) -> States:
        """The last layer's states of each text: ((t, 384) float32, t pairs of characters (start, end)).

        A text's first 254 word pieces are read. *adapter* takes the place of the encoder's own. With
        *special*, the states of the start and end tokens stand first and last, at offset (0, 0).
        """
        passages = self._pieces.passages(texts)
        states = self._states([passage.ids for passage in passages], adapter)
        inner = slice(None) if special else slice(1, -1)
        return [(rows[inner], passage.offsets[inner]) for rows, passage in zip(states, passages, strict=True)]

    def window_states(
        self, windows: Sequence[Sequence[int]], adapter: Adapter | None = None, *, special: bool = False
    ) -> list[Vectors]:
        """The last layer's states of word pieces that are cut already: (t, 384) for each window of t ids.

        A window has at most 510 ids, as `encode_tokens` gives them. The start and end tokens are read around it; with
        *special*, their states stand first and last.
        """
        inner = slice(None) if special else slice(1, -1)
        states = self._states([[START, *ids, END] for ids in windows], adapter)
        return [rows[inner] for rows in states]

    def _states(self, framed: Sequence[Sequence[int]], adapter: Adapter | None) -> list[Vectors]:
        adapter = adapter or self._adapter
        found: list[Vectors] = [np.zeros((0, HIDDEN), np.float32)] * len(framed)
        for group, states in self._groups(framed, "token_states", adapter.feeds if adapter else {}):
            for i, rows in zip(group, states, strict=True):
                found[i] = rows.copy()
        return found

    def count_tokens(self, text: str) -> int:
        """Word pieces of the whole *text*, without the two special tokens that a passage gets."""
        return len(self._pieces.whole(text))

    def encode_tokens(self, text: str) -> Tokens:
        """Ids and character offsets of all word pieces of *text*, without special tokens or truncation."""
        return self._pieces.whole(text)

    def _groups(
        self, framed: Sequence[Sequence[int]], output: str, feeds: Mapping[str, Any]
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        """Places of *framed* and their *output*, group by group, several at a time."""
        run = self._loaded().run

        def one(group: list[int]) -> NDArray[np.float32]:
            ids = np.array([framed[i] for i in group], np.int64)
            (result,) = run([output], {"input_ids": ids, "attention_mask": np.ones_like(ids), **feeds})
            return np.asarray(result, np.float32)

        groups = list(equal_lengths(framed))
        if self._threads == 1 or len(groups) < 2 or sum(map(len, framed)) <= FEW_TOKENS:
            yield from zip(groups, map(one, groups), strict=True)
            return
        with ThreadPoolExecutor(min(self._threads, len(groups)), "minilm") as pool:
            yield from zip(groups, pool.map(one, groups), strict=True)

    def _loaded(self) -> InferenceSession:
        with self._loading:
            if self._session is None:
                self._session = open_session(MODEL)
            return self._session


def equal_lengths(passages: Sequence[Sequence[int]]) -> Iterator[list[int]]:
    """Places of *passages* in groups of one length each and at most 512 tokens (or one passage)."""
    order = sorted(range(len(passages)), key=lambda i: len(passages[i]))
    group: list[int] = []
    for i in order:
        size = len(passages[i])
        if group and (len(passages[group[0]]) != size or (len(group) + 1) * size > TOKENS_PER_RUN):
            yield group
            group = []
        group.append(i)
    if group:
        yield group


def open_session(path: Path) -> InferenceSession:
    """An onnxruntime session on *path* for the CPU, each run of which takes one core: on several it would wait for the
    slowest of them in each of many small products.

    Only basic graph rewriting: the extended level puts a slower kernel in the place of Add +
    LayerNormalization (a fifth of the speed). Severity 3 hides a warning that the adapter inputs, which have
    defaults, are no constants.
    """
    onnxruntime = runtime.onnxruntime()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    return onnxruntime.InferenceSession(str(_present(path)), options, providers=["CPUExecutionProvider"])


def _present(path: Path) -> Path:
    if not path.is_file():
        raise EncoderUnavailable(missing_file(path))
    return path
