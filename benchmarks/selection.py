"""What a compressor keeps of what answers a question, at 50, 25, 10, 5 and 2 % of the tokens.

    python benchmarks/selection.py --data selection.jsonl.gz            every way to choose, side by side
    python benchmarks/selection.py --data selection.jsonl.gz --head RUN/fitted --json figures.json

A row of the file is {set, id, query, units, groups, evidence, need} (`compressors/qr_head/cases.py`): sentences or
turns in order, and which of them answer the query. Every way gives each unit a worth; those of most worth are kept
while they fit. Means are per set, then over sets; intervals are paired bootstraps over questions, within sets. Tokens
are word pieces of MiniLM.

Token dropping, as LLMLingua-2 does it, keeps the word pieces of most worth instead of whole units; it is measured
leniently, by the share of the evidence's pieces that is left, also where the others must keep a whole unit.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memoryops.compressors.keywords import Keywords
from memoryops.compressors.qr_head import fusion
from memoryops.compressors.qr_head.cases import SHARES, Case, kept, read, score
from memoryops.compressors.qr_head.head import Context, Head, HeadWeights, Query, matches, votes
from memoryops.compressors.qr_head.keys import KeyCache
from memoryops.compressors.qr_head.signals import signals, standard
from memoryops.encoders.minilm import MiniLM

QR_HEAD, HEAD_ALONE, UNTRAINED, HYBRID = "QR-HEAD", "head alone", "untrained MaxSim", "BM25 + MiniLM"
HEAD_VOTES, UNTRAINED_VOTES = "head's votes", "untrained votes"
DROPPING = "tokens dropped"
ORDERS = ("random", "lead", "recency")
WAYS = (
    *ORDERS,
    "BM25",
    "MiniLM sentence",
    HYBRID,
    UNTRAINED,
    UNTRAINED_VOTES,
    DROPPING,
    HEAD_ALONE,
    HEAD_VOTES,
    QR_HEAD,
)
PAIRS = (
    (QR_HEAD, HYBRID),
    (QR_HEAD, UNTRAINED),
    (HEAD_ALONE, UNTRAINED),
    (HEAD_VOTES, UNTRAINED_VOTES),
    (HEAD_VOTES, UNTRAINED),
)
RESAMPLES = 2000
MOST_KEYS = 4_000_000

Scores = dict[str, list[float]]


class Ways:
    """The ways to choose, over one model."""

    def __init__(self, folder: Path | None) -> None:
        self.encoder = MiniLM()
        weights = HeadWeights.load(folder) if folder else HeadWeights.load()
        self.head = Head(self.encoder, weights, KeyCache(MOST_KEYS))
        self.plain = Head(self.encoder, HeadWeights.untrained(), KeyCache(MOST_KEYS))
        self.weights = fusion.load(folder / fusion.FILE.name) if folder else fusion.load()
        self._sentences: dict[tuple[str, ...], np.ndarray] = {}
        self._chance = np.random.default_rng(0)

    def measure(self, case: Case) -> Scores:
        """How much of what answers *case* each way keeps, at each of `SHARES`."""
        costs = [self.encoder.count_tokens(unit) for unit in case.units]
        budgets = [int(share * sum(costs)) for share in SHARES]
        seen = signals(self.head, case.texts, case.spans, case.query)
        plain = self.plain.query(case.query)
        best = matches([plain], self.plain.context(case.texts, case.spans))
        words = standard(np.array(Keywords(case.units).scores(case.query), np.float32))
        single, around = self._sentence(case)
        fixed = {
            "random": self._chance.random(len(costs)),
            "lead": -np.arange(len(costs)),
            "recency": np.arange(len(costs)),
            "BM25": words,
            "MiniLM sentence": single,
            HYBRID: standard(around) + 0.5 * words,
            UNTRAINED: plain.weights @ best,
            UNTRAINED_VOTES: votes(plain, best),
            HEAD_ALONE: seen["head"],
            HEAD_VOTES: seen["votes"],
        }
        found = {way: _kept(case, [worths] * len(SHARES), costs, budgets) for way, worths in fixed.items()}
        fused = [fusion.fused(seen, self.weights, share) for share in SHARES]
        found[QR_HEAD] = _kept(case, fused, costs, budgets)
        found[DROPPING] = self._dropped(case, budgets)
        return found

    def _sentence(self, case: Case) -> tuple[np.ndarray, np.ndarray]:
        """The cosine of each unit's sentence vector with the query's: alone, and with the units on either side."""
        for passage in case.passages:
            if passage not in self._sentences:
                triples = ["\n".join(passage[max(0, n - 1) : n + 2]) for n in range(len(passage))]
                vectors = self.encoder.embed([*passage, *triples])
                self._sentences[passage] = vectors.reshape(2, len(passage), -1)
        query = self.encoder.embed_query(case.query)
        both = np.concatenate([self._sentences[passage] @ query for passage in case.passages], axis=1)
        return both[0], both[1]

    def _dropped(self, case: Case, budgets: Sequence[int]) -> list[float]:
        context, query = self.head.context(case.texts, case.spans), self.head.query(case.query)
        worths = _by_token(query, context)
        found = []
        for budget in budgets:
            left = np.zeros(len(worths), bool)
            left[np.argsort(-worths, kind="stable")[:budget]] = True
            shares = []
            for each in case.evidence if case.need == "any" else [{u for one in case.evidence for u in one}]:
                own = np.isin(context.owner, list(each))
                shares.append(left[own].sum() / max(1, min(own.sum(), budget)))
            found.append(float(max(shares)))
        return found


def _by_token(query: Query, context: Context) -> np.ndarray:
    return np.concatenate([query.weights @ (query.rows @ keys.T) for keys, _ in context.blocks()])


def _kept(case: Case, worths: Sequence[np.ndarray], costs: Sequence[int], budgets: Sequence[int]) -> list[float]:
    pairs = zip(worths, budgets, strict=True)
    return [score(case, kept(each, costs, budget), costs, budget) for each, budget in pairs]


def resampled(sets: Mapping[str, np.ndarray], macro: Sequence[str]) -> np.ndarray:
    """(RESAMPLES, shares): means over the sets of *macro* of means over questions drawn anew within each set."""
    chance = np.random.default_rng(0)
    total = np.zeros((RESAMPLES, len(SHARES)))
    for name in macro:
        rows = sets[name]
        drawn = chance.integers(0, len(rows), (RESAMPLES, len(rows)))
        total += rows[drawn].mean(axis=1)
    return total / len(macro)


def report(results: Mapping[str, Sequence[Scores]], macros: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Figures in %: by set and way, by macro and way, and the paired differences of `PAIRS` with their intervals."""
    by_set = {name: {way: np.array([row[way] for row in rows]) for way in WAYS} for name, rows in results.items()}
    figures: dict[str, Any] = {"sets": {}, "macro": {}, "paired": {}}
    for name, ways in by_set.items():
        figures["sets"][name] = {way: (100 * rows.mean(axis=0)).round(1).tolist() for way, rows in ways.items()}
    for macro, names in macros.items():
        figures["macro"][macro] = {
            way: np.mean([100 * by_set[name][way].mean(axis=0) for name in names], axis=0).round(1).tolist()
            for way in WAYS
        }
        for one, other in PAIRS:
            differences = {name: by_set[name][one] - by_set[name][other] for name in names}
            drawn = 100 * resampled(differences, names)
            middle = 100 * np.mean([each.mean(axis=0) for each in differences.values()], axis=0)
            low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
            cells = np.stack([middle, low, high], axis=1).round(1).tolist()
            figures["paired"].setdefault(macro, {})[f"{one} - {other}"] = cells
    return figures


def show(figures: Mapping[str, Any], rows: Mapping[str, int], console: Console) -> None:
    heads = [f"{share:.0%}" for share in SHARES]
    for title, ways in [*figures["sets"].items(), *figures["macro"].items()]:
        about = f"{title}, {rows[title]} questions" if title in rows else f"mean over {title}"
        table = Table(about, *heads, title_justify="left")
        for way, values in ways.items():
            table.add_row(way, *(f"{value:.1f}" for value in values))
        console.print(table)
    for macro, pairs in figures["paired"].items():
        table = Table(f"difference, mean over {macro}", *heads)
        for pair, cells in pairs.items():
            table.add_row(pair, *(f"{middle:+.1f} [{low:+.1f}, {high:+.1f}]" for middle, low, high in cells))
        console.print(table)


def by_set(cases: Sequence[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.set, []).append(case)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the file of rows")
    parser.add_argument("--head", type=Path, help="folder of another head's files (default: the shipped one)")
    parser.add_argument("--rows", type=int, default=10**9, help="rows of each set (default: all)")
    parser.add_argument("--also", action="append", default=[], help="another mean, over these sets (by comma)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args(arguments)
    try:
        cases = read(options.data)
    except (OSError, ValueError) as error:
        parser.error(str(error))
    chosen = [case for own in by_set(cases).values() for case in own[: options.rows]]
    ways, results = Ways(options.head), dict[str, list[Scores]]()
    for case in track(chosen, "questions", console=Console(stderr=True)):
        results.setdefault(case.set, []).append(ways.measure(case))
    macros = {"all sets": list(results)}
    for names in options.also:
        macros[names] = [name for name in names.split(",") if name in results]
    figures = report(results, {name: sets for name, sets in macros.items() if sets})
    show(figures, {name: len(rows) for name, rows in results.items()}, Console(width=120))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
