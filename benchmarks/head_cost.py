"""What the retrieval head costs: keys of 128,000 tokens, then a query over a million cached keys, beside torch float32.

    python benchmarks/head_cost.py                                     the head alone
    python benchmarks/head_cost.py --data selection.jsonl.gz           also what int8 costs in quality

The text is this Python's standard library. With the packages of `make test-extras` the same keys are made by torch from
the original float32 weights in the same run, with the same adapter; with --data, what the head alone keeps is measured
with both (`selection.py`).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from ingest import sources
from rich.console import Console
from rich.progress import track
from rich.table import Table
from selection import by_set

from memoryops.compressors.qr_head.cases import SHARES, Case, kept, read, score
from memoryops.compressors.qr_head.head import Context, Head, HeadWeights, scores
from memoryops.compressors.qr_head.keys import KeyCache, Keys
from memoryops.encoders.minilm import MiniLM
from memoryops.encoders.minilm.tokenizer import END, START

KEYS, CACHED = 128_000, 1_000_000
QUERIES = (
    "Where is the connection closed when the server has sent its last answer?",
    "Which function parses a date?",
    "What happens if the file is not there?",
)
PASSAGE_CHARS = 4000


class Float32(MiniLM):
    """The original weights in torch, with an adapter, in place of the shipped int8 file."""

    def __init__(self) -> None:
        super().__init__()
        import torch
        from transformers import AutoModel

        from memoryops.compressors.qr_head.train import original

        self._torch, self._adapted = torch, None
        self._model: Any = AutoModel.from_pretrained(original(), local_files_only=True).eval()

    def window_states(
        self, windows: Sequence[Sequence[int]], adapter: Any = None, *, special: bool = False, merge: bool = False
    ) -> list[np.ndarray]:
        self._adapt(adapter)
        found: dict[int, np.ndarray] = {}
        order = sorted(range(len(windows)), key=lambda place: len(windows[place]))
        inner = slice(None) if special else slice(1, -1)
        for start in range(0, len(order), 8):
            some = order[start : start + 8]
            longest = max(len(windows[place]) for place in some) + 2
            ids = np.zeros((len(some), longest), np.int64)
            mask = np.zeros_like(ids)
            for row, place in enumerate(some):
                framed = [START, *windows[place], END]
                ids[row, : len(framed)], mask[row, : len(framed)] = framed, 1
            with self._torch.inference_mode():
                states = self._model(
                    input_ids=self._torch.from_numpy(ids), attention_mask=self._torch.from_numpy(mask)
                ).last_hidden_state.numpy()
            for row, place in enumerate(some):
                found[place] = states[row, : len(windows[place]) + 2][inner]
        return [found[place] for place in range(len(windows))]

    def _adapt(self, adapter: Any) -> None:
        """Add the adapter to the weights, once."""
        if adapter is self._adapted:
            return
        assert self._adapted is None, "one adapter a model"
        self._adapted = adapter
        maps = ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense")
        for number, layer in enumerate(self._model.encoder.layer):
            pairs = [
                (name, adapter.attention_a[number, i], adapter.attention_b[number, i]) for i, name in enumerate(maps)
            ]
            pairs.append(("intermediate.dense", adapter.ffn_in_a[number], adapter.ffn_in_b[number]))
            pairs.append(("output.dense", adapter.ffn_out_a[number], adapter.ffn_out_b[number]))
            for name, a, b in pairs:
                weight = layer.get_submodule(name).weight
                weight.data += self._torch.from_numpy((a @ b).T)


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    """What *call* returns, and its wall and CPU seconds."""
    used, began = time.process_time(), time.perf_counter()
    value = call()
    return value, time.perf_counter() - began, time.process_time() - used


def text_of(encoder: MiniLM, wanted: int) -> tuple[list[str], int]:
    """Passages of source of *wanted* tokens in all, and how many they have."""
    texts, total = [], 0
    for _, source in sources(2 * wanted):
        for start in range(0, len(source), PASSAGE_CHARS):
            part = source[start : start + PASSAGE_CHARS]
            size = encoder.count_tokens(part)
            if total + size > wanted:
                return texts, total
            texts.append(part)
            total += size
    return texts, total


def lines(text: str) -> list[tuple[int, int]]:
    found, start = [], 0
    for one in text.split("\n"):
        if one.strip():
            found.append((start, start + len(one)))
        start += len(one) + 1
    return found


def repeated(context: Context, wanted: int) -> Context:
    """*context* so often that it has *wanted* keys, each time as units of its own."""
    times = -(-wanted // len(context))
    windows = [Keys(keys.values.copy(), keys.scale) for _ in range(times) for keys in context.windows]
    owner = np.concatenate([np.where(context.owner >= 0, context.owner + n * context.units, -1) for n in range(times)])
    return Context(windows, owner, times * context.units)


def cost(head: Head, texts: Sequence[str]) -> dict[str, float]:
    spans = [lines(text) for text in texts]
    head.context(["warm up"], [[(0, 7)]])
    context, wall, cpu = timed(lambda: head.context(texts, spans))
    million = repeated(context, CACHED)
    searched = []
    for query in QUERIES * 3:
        asked = head.query(query)
        searched.append(timed(lambda asked=asked: scores([asked], million)))
    return {
        "keys": float(len(context)),
        "keys_s": wall,
        "keys_cpu_s": cpu,
        "per_million_s": statistics.median(each[1] for each in searched) * CACHED / len(million),
        "per_million_cpu_s": statistics.median(each[2] for each in searched) * CACHED / len(million),
        "mb_per_million": sum(keys.values.nbytes + keys.scale.nbytes for keys in context.windows) / len(context),
    }


def quality(head: Head, cases: Sequence[Case]) -> list[float]:
    """What the head alone keeps at each of `SHARES`, mean over sets."""
    found: dict[str, list[list[float]]] = {}
    for case in track(cases, "questions", console=Console(stderr=True), transient=True):
        costs = [head.encoder.count_tokens(unit) for unit in case.units]
        worths = scores([head.query(case.query)], head.context(case.texts, case.spans))[0]
        budgets = [int(share * sum(costs)) for share in SHARES]
        row = [score(case, kept(worths, costs, budget), costs, budget) for budget in budgets]
        found.setdefault(case.set, []).append(row)
    means: list[float] = (100 * np.mean([np.mean(rows, axis=0) for rows in found.values()], axis=0)).tolist()
    return means


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="file of rows for the quality (default: none)")
    parser.add_argument("--rows", type=int, default=20, help="rows of each set for the quality (default: 20)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    ways: dict[str, Head] = {"int8, onnxruntime": Head(MiniLM(), cache=KeyCache(0))}
    if find_spec("torch") and find_spec("transformers"):
        ways["float32, torch"] = Head(Float32(), HeadWeights.load(), KeyCache(0))
    else:
        print("torch is not installed; the float32 side is left out", file=sys.stderr)
    texts, total = text_of(MiniLM(), KEYS)
    found: dict[str, Any] = {name: cost(head, texts) for name, head in ways.items()}
    if options.data:
        cases = [case for own in by_set(read(options.data)).values() for case in own[: options.rows]]
        for name, head in ways.items():
            cached = Head(head.encoder, head.weights, KeyCache(4_000_000))
            found[name]["kept"] = quality(cached, cases)
    table = Table(f"{total:,} tokens", *found)
    table.add_row("keys, wall s / CPU s", *(f"{f['keys_s']:.1f} / {f['keys_cpu_s']:.1f}" for f in found.values()))
    table.add_row(
        "a query over a million keys, wall s / CPU s",
        *(f"{f['per_million_s']:.2f} / {f['per_million_cpu_s']:.2f}" for f in found.values()),
    )
    table.add_row("memory for a million keys, MB", *(f"{f['mb_per_million']:.0f}" for f in found.values()))
    if options.data:
        shares = " / ".join(f"{share:.0%}" for share in SHARES)
        table.add_row(f"kept at {shares}", *(" / ".join(f"{v:.1f}" for v in f["kept"]) for f in found.values()))
    Console(width=120).print(table)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
