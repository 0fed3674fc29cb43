"""Fit what stands around a trained adapter: the projection of its states, and the weights that fuse it with the rest.

    python -m memoryops.compressors.qr_head.fit --data selection_train.jsonl.gz --run RUN --out FOLDER

Only the validation part of the training data is used (`held_out.py`), put together to contexts of many passages.
The projection keeps the directions in which the states of those passages are largest (singular vectors, uncentred).
The weights are fitted by coordinate ascent on what is kept at 50, 25, 10, 5 and 2 %, mean over sets and shares.
*FOLDER* gets `adapter.npz`, `head.npz` and `fusion.json`, all that the head needs.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...encoders.minilm import Adapter, MiniLM
from . import fusion
from .cases import SHARES, Case, kept, score, spans
from .examples import Row, contexts, read
from .head import ADAPTER, HEAD, Head, HeadWeights
from .held_out import split
from .keys import KeyCache
from .signals import signals
from .windows import windows

DIMENSION = 128
QUESTIONS = 120
"""Validation questions of each source."""
PASSAGES: Mapping[str, Sequence[int]] = {"squad": (8,), "policy": (21,), "friends": (6, 25), "qmsum": (24,)}
"""Of how many passages a source's contexts are made: short scenes, and a long conversation."""
STEPS = (0.4, 0.2, 0.1)
LEAST_GAIN = 2e-4
"""A step is taken if it keeps so much more; less is noise."""
PROJECTED_PASSAGES = 600

Floats = NDArray[np.float32]
Weights = dict[str, list[float]]


def cases(rows: Sequence[Row], questions: int = QUESTIONS, seed: int = 0) -> list[Case]:
    """Validation *rows* as cases, up to *questions* of each source and length."""
    chance = random.Random(f"cases {seed}")
    made = []
    for source, lengths in PASSAGES.items():
        own = [row for row in rows if row.source == source]
        chosen = chance.sample(own, min(questions, len(own)))
        for length in lengths:
            need = "all" if source == "qmsum" or length > min(lengths) else "any"
            for row, passages, place in contexts(chosen, length, seed):
                first = sum(len(each) for each in passages[:place])
                gold = tuple(first + unit for unit in row.gold)
                evidence = (gold,) if need == "all" else tuple((unit,) for unit in gold)
                made.append(Case(f"{source} {length}", row.query, tuple(passages), evidence, need))
    return made


def projection(encoder: MiniLM, adapter: Adapter, passages: Sequence[Sequence[str]], dimension: int) -> Floats:
    """(384, *dimension*): the directions in which the states of *passages* are largest."""
    ids: list[Sequence[int]] = []
    for passage in passages:
        tokens = encoder.encode_tokens("\n".join(passage))
        ids.extend(windows(tokens.ids, tokens.offsets, spans(passage)).ids)
    states = np.concatenate(encoder.window_states(ids, adapter))
    states /= np.linalg.norm(states, axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(states.T @ states)
    return np.ascontiguousarray(vectors[:, ::-1][:, :dimension], np.float32)


class Measured:
    """Cases with their signals, so that many weights can be tried."""

    def __init__(self, head: Head, chosen: Sequence[Case]) -> None:
        from rich.progress import track

        self.cases = list(chosen)
        count = cache(head.encoder.count_tokens)
        self.costs = [np.array([count(unit) for unit in case.units]) for case in self.cases]
        self.signals = [
            signals(head, case.texts, case.spans, case.query) for case in track(self.cases, "signals", transient=True)
        ]

    def scores(self, weights: fusion.Weights) -> dict[str, list[float]]:
        """By set: the mean score at each of `SHARES`."""
        found: dict[str, list[list[float]]] = {}
        for case, costs, seen in zip(self.cases, self.costs, self.signals, strict=True):
            row = []
            for share in SHARES:
                budget = int(share * int(costs.sum()))
                row.append(score(case, kept(fusion.fused(seen, weights, share), costs, budget), costs, budget))
            found.setdefault(case.set, []).append(row)
        return {name: np.mean(rows, axis=0).tolist() for name, rows in found.items()}

    def mean(self, weights: fusion.Weights) -> float:
        return float(np.mean(list(self.scores(weights).values())))


def fit(measured: Measured, start: fusion.Weights) -> Weights:
    """Weights that keep more, by trying steps along each of them until none helps."""
    best: Weights = {name: list(each) for name, each in start.items()}
    reached = measured.mean(best)
    for size in STEPS:
        moved = True
        while moved:
            moved = False
            for name in best:
                for part in (0, 1):
                    if name == "head" and part == 0:
                        continue  # only ratios count
                    for step in (size, -size):
                        tried = {**best, name: [v + step * (i == part) for i, v in enumerate(best[name])]}
                        value = measured.mean(tried)
                        if value > reached + LEAST_GAIN:
                            best, reached, moved = tried, value, True
                            break
            print(f"step {size}: {100 * reached:.2f}", file=sys.stderr, flush=True)
    return {name: [round(v, 3) for v in each] for name, each in best.items()}


START: Mapping[str, Sequence[float]] = {
    "head": (1.0, 0.0),
    "null": (0.0, 0.0),
    "words": (0.25, 0.0),
    "sentence": (0.0, 0.0),
    "near": (0.0, 0.0),
    "section": (0.0, 0.0),
    "topic": (0.0, 0.0),
    "hop": (0.0, 0.0),
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the training rows")
    parser.add_argument("--run", type=Path, required=True, help="the folder that train.py wrote")
    parser.add_argument("--out", type=Path, required=True, help="folder for the head's three files")
    parser.add_argument("--dimension", type=int, default=DIMENSION, help=f"of a key (default: {DIMENSION})")
    parser.add_argument("--questions", type=int, default=QUESTIONS, help=f"of each source (default: {QUESTIONS})")
    chosen = parser.parse_args(arguments)
    _, rows = split(read(chosen.data))
    chosen.out.mkdir(parents=True, exist_ok=True)
    if chosen.run != chosen.out:
        shutil.copyfile(chosen.run / ADAPTER, chosen.out / ADAPTER)
    encoder, adapter = MiniLM(), Adapter.load(chosen.out / ADAPTER)
    passages = sorted({row.units for row in rows} | {each for row in rows for each in row.negatives})
    some = random.Random(0).sample(passages, min(PROJECTED_PASSAGES, len(passages)))
    arrays: dict[str, Any] = {
        "projection": projection(encoder, adapter, some, chosen.dimension).astype(np.float16),
        "gate": np.load(chosen.run / "gate.npy").astype(np.float16),
    }
    np.savez_compressed(chosen.out / HEAD, allow_pickle=False, **arrays)
    measured = Measured(Head(encoder, HeadWeights.load(chosen.out), KeyCache(4_000_000)), cases(rows, chosen.questions))
    print(json.dumps({"before": measured.scores(START)}), file=sys.stderr)
    weights = fit(measured, START)
    (chosen.out / fusion.FILE.name).write_text(json.dumps(weights, indent=1) + "\n", "utf-8")
    print(json.dumps({"after": measured.scores(weights), "weights": weights}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
