"""Where the retrieval head's keys could live: in our own 8-bit cache, or in Qdrant as a multivector (MaxSim).

    python benchmarks/key_storage.py                    10,000 memories
    python benchmarks/key_storage.py --items 1000       a quick look

A memory is a sentence of `corpus.py`, its keys are those that ranking a search once more would make. The same keys go
into our own form (`compressors/qr_head/keys.py`) and into shards of Qdrant Edge, which is what the store embeds, of
each element type that holds them. Measured, each in a process of its own: bytes on disk and in memory, the time to
write, then for each question MaxSim over 64 candidates (what ranking once more needs) and over all memories (what a
search by keys alone would be). *agrees*: how many of the ten best of all memories are those of exact float32 MaxSim.

Our cache is not on disk; what it would take there is the size of its arrays. Edge's exact search is measured (no
HNSW graph), as the store uses it; both compute with one thread. Says nothing about a Qdrant server.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import qdrant_edge as edge
from corpus import Sentences
from measure import megabytes
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memoryops.compressors.qr_head.head import Context, Head, Query, scores
from memoryops.compressors.qr_head.keys import Keys

CANDIDATES = 64
QUESTIONS = 20
BATCH = 200
"""Memories whose keys are made, and which are written, at once."""
TYPES = ("Float32", "Float16", "Turbo8")
KEYS = "keys"


def made(items: int) -> tuple[list[Keys], list[Query]]:
    """The keys of each of *items* sentences, and questions about them."""
    sentences, head = Sentences(), Head()
    found: list[Keys] = []
    for start in track(range(0, items, BATCH), "keys", console=Console(stderr=True), transient=True):
        texts = sentences(start, min(BATCH, items - start))
        found.extend(head.context(texts, [[(0, len(text))] for text in texts]).windows)
    return found, [head.query(question) for question in sentences.questions(items, QUESTIONS)]


def weighted(query: Query) -> np.ndarray:
    """*query* so that a plain sum of best matches is our score: a product's best match grows with its factor."""
    return np.asarray(query.rows * query.weights[:, None], np.float32)


class Ours:
    """The 8-bit keys of each memory, in memory."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._keys = folder, list[Keys]()

    def write(self, keys: Sequence[Keys]) -> None:
        self._folder.mkdir()
        np.save(self._folder / "values.npy", np.concatenate([each.values for each in keys]))
        np.save(self._folder / "scale.npy", np.concatenate([each.scale for each in keys]))

    def open(self, ends: Sequence[int]) -> None:
        values, scale = (np.load(self._folder / f"{name}.npy") for name in ("values", "scale"))
        starts = [0, *ends[:-1]]
        self._keys = [Keys(values[a:b], scale[a:b]) for a, b in zip(starts, ends, strict=True)]

    def best(self, query: Query, among: Sequence[int] | None) -> list[int]:
        places = range(len(self._keys)) if among is None else among
        windows = [self._keys[place] for place in places]
        owner = np.repeat(np.arange(len(windows)), [len(each) for each in windows])
        found = scores([query], Context(windows, owner, len(windows)))[0]
        return [places[n] for n in np.argsort(-found, kind="stable")[:10].tolist()]


class Edge:
    """A shard of Qdrant Edge with a multivector of element type *kind* for each memory."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder
        self._config = edge.EdgeConfig(
            vectors={
                KEYS: edge.EdgeVectorParams(
                    size=128,
                    distance=edge.Distance.Dot,
                    datatype=getattr(edge.VectorStorageDatatype, kind),
                    multivector_config=edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim),
                )
            },
            hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
            max_search_threads=1,
        )

    def write(self, keys: Sequence[Keys]) -> None:
        self._folder.mkdir()
        shard = edge.EdgeShard.create(str(self._folder), self._config)
        for start in range(0, len(keys), BATCH):
            some = keys[start : start + BATCH]
            points = [edge.Point(start + n, {KEYS: each.rows.tolist()}, {}) for n, each in enumerate(some)]
            shard.update(edge.UpdateOperation.upsert_points(points))
        shard.flush()
        shard.optimize()
        shard.flush()
        shard.close()

    def open(self, ends: Sequence[int]) -> None:
        self._shard = edge.EdgeShard.load(str(self._folder), self._config)

    def best(self, query: Query, among: Sequence[int] | None) -> list[int]:
        condition = None if among is None else edge.Filter(must=[edge.HasIdCondition(set(among))])
        nearest = edge.Query.Nearest(weighted(query).tolist(), KEYS)
        request = edge.QueryRequest(limit=10, query=nearest, filter=condition, with_payload=False)
        return [int(hit.id) for hit in self._shard.query(request)]


def load(file: Path) -> tuple[list[Keys], list[Query]]:
    with np.load(file) as stored:
        values, scale, ends = stored["values"], stored["scale"], stored["ends"].tolist()
        count = int(stored["questions"])
        asked = [Query(stored[f"rows{n}"], stored[f"weights{n}"]) for n in range(count)]
    return [Keys(values[a:b], scale[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)], asked


def save(file: Path, keys: Sequence[Keys], asked: Sequence[Query]) -> None:
    arrays: dict[str, Any] = {
        "values": np.concatenate([each.values for each in keys]),
        "scale": np.concatenate([each.scale for each in keys]),
        "ends": np.cumsum([len(each) for each in keys]),
        "questions": np.array(len(asked)),
    }
    for number, query in enumerate(asked):
        arrays |= {f"rows{number}": query.rows, f"weights{number}": query.weights}
    np.savez(file, **arrays)


def way(kind: str, base: Path) -> Ours | Edge:
    return (Ours if kind == "ours" else Edge)(base / kind, kind)


def write(kind: str, base: Path) -> dict[str, Any]:
    keys, _ = load(base / "keys.npz")
    used, began = time.process_time(), time.perf_counter()
    way(kind, base).write(keys)
    wall, cpu = time.perf_counter() - began, time.process_time() - used
    return {"write_s": wall, "write_cpu_s": cpu, "disk_mb": megabytes(base / kind)}


def timed(call: Callable[[], Any]) -> tuple[Any, float, float]:
    used, began = time.process_time(), time.perf_counter()
    value = call()
    return value, 1e3 * (time.perf_counter() - began), 1e3 * (time.process_time() - used)


def probe(kind: str, base: Path) -> dict[str, Any]:
    """Latencies, then the memory that opening and asking took."""
    keys, asked = load(base / "keys.npz")
    ends = np.cumsum([len(each) for each in keys]).tolist()
    count = len(keys)
    del keys
    before = psutil.Process().memory_info().rss
    store = way(kind, base)
    store.open(ends)
    chance = random.Random(5)
    among = [chance.sample(range(count), min(CANDIDATES, count)) for _ in asked]
    store.best(asked[0], among[0])
    some = [timed(lambda q=query, a=ids: store.best(q, a)) for query, ids in zip(asked, among, strict=True)]
    everything = [timed(lambda q=query: store.best(q, None)) for query in asked]
    return {
        "rss_mb": (psutil.Process().memory_info().rss - before) / 1e6,
        "some_ms": statistics.median(each[1] for each in some),
        "some_cpu_ms": statistics.median(each[2] for each in some),
        "all_ms": statistics.median(each[1] for each in everything),
        "all_cpu_ms": statistics.median(each[2] for each in everything),
        "best": [each[0] for each in everything],
    }


def exact(keys: Sequence[Keys], asked: Sequence[Query]) -> list[set[int]]:
    """The ten best memories for each question, computed plainly."""
    starts = np.cumsum([0, *(len(each) for each in keys[:-1])])
    rows = np.concatenate([each.rows for each in keys])
    found = [np.maximum.reduceat(weighted(query) @ rows.T, starts, axis=1).sum(axis=0) for query in asked]
    return [set(np.argsort(-each, kind="stable")[:10].tolist()) for each in found]


def child(step: str, kind: str, base: Path) -> dict[str, Any]:
    command = [sys.executable, __file__, "--step", step, "--kind", kind, "--base", str(base)]
    alone = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}  # as many threads as Edge searches with
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=alone)
    found: dict[str, Any] = json.loads(ended.stdout)
    return found


ROWS = (
    ("write, wall / CPU, s", lambda f: f"{f['write_s']:.1f} / {f['write_cpu_s']:.1f}"),
    ("on disk, MB", lambda f: f"{f['disk_mb']:.0f}"),
    ("in memory when asked, MB", lambda f: f"{f['rss_mb']:.0f}"),
    ("MaxSim over 64, wall / CPU, ms", lambda f: f"{f['some_ms']:.1f} / {f['some_cpu_ms']:.1f}"),
    ("MaxSim over all, wall / CPU, ms", lambda f: f"{f['all_ms']:.0f} / {f['all_cpu_ms']:.0f}"),
    ("agrees with exact, of 10", lambda f: f"{f['agrees']:.1f}"),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=10_000, help="how many memories (default: 10,000)")
    parser.add_argument("--json", type=Path, help="file for the figures")
    for name in ("step", "kind", "base"):
        parser.add_argument(f"--{name}", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step = {"write": write, "probe": probe}[options.step]
        print(json.dumps(step(options.kind, Path(options.base))))
        return
    keys, asked = made(options.items)
    right = exact(keys, asked)
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="mo-keys-") as name:
        base = Path(name)
        save(base / "keys.npz", keys, asked)
        for kind in ("ours", *TYPES):
            each = child("write", kind, base) | child("probe", kind, base)
            best = each.pop("best")
            each["agrees"] = statistics.mean(len(set(b) & r) for b, r in zip(best, right, strict=True))
            found[kind] = each
            shutil.rmtree(base / kind)
    count = sum(len(each) for each in keys)
    print(f"{len(keys):,} memories, {count:,} keys of 128 numbers, {len(asked)} questions")
    table = Table("", *("our 8 bits" if kind == "ours" else f"Edge, {kind}" for kind in found))
    for label, shown in ROWS:
        table.add_row(label, *(shown(each) for each in found.values()))
    Console(width=110).print(table)
    if options.json:
        options.json.write_text(json.dumps({"keys": count, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
