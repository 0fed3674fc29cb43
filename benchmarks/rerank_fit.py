"""How much the retrieval head should say in the order of a search's hits, fitted on dialogues that trained nothing.

    python benchmarks/rerank_fit.py --data selection_train.jsonl.gz

The rows are those that `compressors/qr_head/train.py` reads; of them, the held-out scenes of dialogues (FriendsQA)
become turns in a memory, and their questions are asked: recall @5/@10/@20 by the weight of the head
(`memory/rerank.py`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memoryops import MemoryOps
from memoryops.compressors.qr_head.cases import Case
from memoryops.compressors.qr_head.examples import read
from memoryops.compressors.qr_head.fit import cases
from memoryops.compressors.qr_head.held_out import split
from memoryops.memory.evaluation import wait_until_embedded
from memoryops.memory.recall import MAX_LIMIT
from memoryops.memory.rerank import WEIGHT
from memoryops.memory.settings import Settings

KS = (5, 10, 20)
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.8, 1.2, 2.0)
DAY = 86_400.0
START = 1.6e9


def turn(unit: str, scene: int, place: int) -> dict[str, Any]:
    """A line such as "Monica: Hello." as a memory."""
    speaker, _, text = unit.partition(": ")
    named = bool(text) and len(speaker) <= 40
    return {
        "content": text if named else unit,
        "kind": "message",
        "thread": f"scene {scene}",
        "speaker": speaker if named else None,
        "created_at": START + scene * DAY + place,
        "metadata": {"turn": f"{scene}:{place}"},
    }


def asked(ops: MemoryOps, case: Case, scenes: Mapping[tuple[str, ...], int]) -> tuple[np.ndarray, np.ndarray, int]:
    """(scores without the head, its part) of the hits, whether each is evidence, and how much evidence there is."""
    turns = [f"{scenes[passage]}:{place}" for passage in case.passages for place in range(len(passage))]
    wanted = {turns[unit] for each in case.evidence for unit in each}
    hits = ops.search(case.query, limit=MAX_LIMIT, explain=True, rerank=True).hits
    parts = np.array([[hit.score - hit.parts.get("rerank", 0.0), hit.parts.get("rerank", 0.0)] for hit in hits])
    return parts, np.array([hit.metadata["turn"] in wanted for hit in hits]), len(wanted)


def recall(found: Sequence[tuple[np.ndarray, np.ndarray, int]], weight: float) -> list[float]:
    """Recall at each of `KS` where the head has *weight*."""
    rows = []
    for parts, good, wanted in found:
        order = np.argsort(-(parts[:, 0] + weight / WEIGHT * parts[:, 1]), kind="stable")
        rows.append([good[order[:k]].sum() / wanted for k in KS])
    means: list[float] = (100 * np.mean(rows, axis=0)).tolist()
    return means


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the training rows")
    parser.add_argument("--questions", type=int, default=150, help="questions to ask (default: 150)")
    options = parser.parse_args(arguments)
    try:
        _, rows = split(read(options.data))
    except (OSError, ValueError) as error:
        parser.error(str(error))
    chosen = [case for case in cases(rows, options.questions) if case.set == "friends 25"]
    scenes = {passage: n for n, passage in enumerate(dict.fromkeys(p for case in chosen for p in case.passages))}
    with (
        tempfile.TemporaryDirectory(prefix="mo-") as folder,
        MemoryOps.open(settings=Settings(data_dir=Path(folder), in_process=True)) as ops,
    ):
        ops.recall.reranker.limit_seconds = 60.0
        for passage, scene in scenes.items():
            ops.add_many([turn(unit, scene, place) for place, unit in enumerate(passage)])
        wait_until_embedded(ops)
        found = [asked(ops, case, scenes) for case in track(chosen, "questions", console=Console(stderr=True))]
    table = Table("weight of the head", *(f"@{k}" for k in KS))
    for weight in WEIGHTS:
        table.add_row(f"{weight:g}", *(f"{value:.1f}" for value in recall(found, weight)))
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
