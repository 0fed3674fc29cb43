"""Whether the ranking serves other material than conversations: sentences and turns of documents, each one memory.

    python benchmarks/units.py --data selection.jsonl.gz --rows 25

A row of the file is {set, id, query, units, evidence, need}: texts in order, and which of them answer the query. Every
row is a workspace of its own and every unit an item, so that nothing but the text is known of it. Recall@k: the share
of the best alternative's units among the first k where any alternative will do ("any"), else of all evidence ("all").
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from memoryops import MemoryOps, Scope
from memoryops.memory.evaluation import orders, wait_until_embedded
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.ports import Query

KS = (5, 10, 20)
WAYS = ("MemoryOps", "BM25 alone", "dense alone", "RRF (60)")
PARTS = ("dense alone", "BM25 alone", "RRF (60)")


def chosen(path: Path, most: int) -> Iterator[dict[str, Any]]:
    """The first *most* rows of each set."""
    seen: dict[str, int] = {}
    data = path.read_bytes()
    for line in (gzip.decompress(data) if path.suffix == ".gz" else data).splitlines():
        row = json.loads(line)
        seen[row["set"]] = seen.get(row["set"], 0) + 1
        if seen[row["set"]] <= most and any(row["evidence"]):
            yield row


def recall(row: Mapping[str, Any], order: Sequence[int]) -> list[float]:
    found = []
    for k in KS:
        first = set(order[:k])
        shares = [len(first & set(one)) / len(set(one)) for one in row["evidence"] if one]
        found.append(max(shares) if row["need"] == "any" else float(np.mean(shares)))
    return found


def searched(ops: MemoryOps, row: Mapping[str, Any]) -> dict[str, list[int]]:
    """The units in the order of each way to search."""
    entries = [
        {"content": text, "metadata": {"unit": number}, "created_at": 1_700_000_000 + number}
        for number, text in enumerate(row["units"])
        if text.strip()
    ]
    ops.add_many(entries)
    wait_until_embedded(ops)
    hits = ops.search(row["query"], limit=max(KS)).hits
    found = {"MemoryOps": [hit.metadata["unit"] for hit in hits]}
    pool = ops.store.search(ops.scope.workspace, Query(row["query"], 256))
    for name, order in zip(PARTS, orders(pool), strict=True):
        found[name] = [each.point.payload["metadata"]["unit"] for each in order]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the file of rows")
    parser.add_argument("--rows", type=int, default=25, help="rows of each set (default: 25)")
    options = parser.parse_args()
    rows = list(chosen(options.data, options.rows))
    results: dict[str, dict[str, list[list[float]]]] = {}
    with tempfile.TemporaryDirectory(prefix="mo-", dir="/tmp" if os.name == "posix" else None) as folder:
        try:
            with MemoryOps.open(folder) as ops:
                for number, row in enumerate(track(rows, "rows", console=Console(stderr=True))):
                    seen = ops.with_scope(Scope(workspace=f"row {number}"))
                    for way, order in searched(seen, row).items():
                        results.setdefault(row["set"], {}).setdefault(way, []).append(recall(row, order))
        finally:
            stop_owner(Path(folder))
    table = Table("set", "rows", *WAYS, title=f"recall @{'/'.join(map(str, KS))}")
    means = {name: {way: 100 * np.mean(ways[way], axis=0) for way in WAYS} for name, ways in results.items()}
    means["macro"] = {way: np.mean([ways[way] for ways in means.values()], axis=0) for way in WAYS}
    for name, ways in means.items():
        cells = [" / ".join(f"{value:.1f}" for value in ways[way]) for way in WAYS]
        table.add_row(name, str(len(results.get(name, {}).get("MemoryOps", rows))), *cells)
    Console(width=130).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
