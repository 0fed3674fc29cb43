"""What the operations cost, each beside the least that it could cost on this machine, in one run.

The limits: for an add, embedding the text plus one fsynced SQLite commit; for a search, embedding the question
plus one exact query of Qdrant Edge; for any call to the owner, one byte there and back over a Unix socket.

    python benchmarks/operations.py --items 5000
"""

from __future__ import annotations

import argparse
import random
import socket
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import qdrant_edge as edge
from rich.console import Console
from rich.table import Table

from memoryops import MemoryOps
from memoryops.encoders.registry import load
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.ending import stop_owner

WORDS = (
    "deploy certificate harbour invoice meeting kernel garden vector latency budget schema printer sunrise contract "
    "violin compiler battery election recipe glacier tunnel passport orbit ledger thread mirror pollen archive"
).split()


def sentences(chance: random.Random) -> Iterator[str]:
    """Notes of about thirty words, all different."""
    number = 0
    while True:
        number += 1
        picked = " ".join(chance.choice(WORDS) for _ in range(24))
        yield f"Note {number}: the {picked} was seen at place {chance.randrange(10**6)}."


def milliseconds(call: Callable[[], object], times: int) -> tuple[float, float]:
    """Median and 95th percentile of *times* calls."""
    spent = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        spent.append(1e3 * (time.perf_counter() - began))
    return statistics.median(spent), statistics.quantiles(spent, n=20)[-1]


def bare_commit(folder: Path) -> Callable[[], object]:
    db = sqlite3.connect(folder / "bare.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("CREATE TABLE rows(id INTEGER PRIMARY KEY, text TEXT)")
    return lambda: db.execute("INSERT INTO rows(text) VALUES (?)", ("x" * 300,))


def bare_query(folder: Path, vectors: list[list[float]], probe: list[float]) -> Callable[[], object]:
    (folder / "bare").mkdir()
    params = edge.EdgeVectorParams(size=384, distance=edge.Distance.Dot, datatype=edge.VectorStorageDatatype.Float16)
    config = edge.EdgeConfig(
        vectors={"dense": params},
        hnsw_config=edge.HnswIndexConfig(m=0, ef_construct=100, full_scan_threshold=10_000),
        max_search_threads=1,
    )
    shard = edge.EdgeShard.create(str(folder / "bare"), config)
    for start in range(0, len(vectors), 1000):
        points = [edge.Point(start + n, {"dense": v}) for n, v in enumerate(vectors[start : start + 1000])]
        shard.update(edge.UpdateOperation.upsert_points(points))
    request = edge.QueryRequest(limit=64, query=edge.Query.Nearest(probe, "dense"), with_payload=False)
    return lambda: shard.query(request)


def bare_call(folder: Path) -> Callable[[], object]:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(str(folder / "echo"))
    server.listen()

    def echo() -> None:
        connection, _ = server.accept()
        while data := connection.recv(1):
            connection.sendall(data)

    threading.Thread(target=echo, daemon=True).start()
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.connect(str(folder / "echo"))

    def call() -> None:
        client.sendall(b"x")
        client.recv(1)

    return call


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=5000, help="memories in the store")
    parser.add_argument("--times", type=int, default=200, help="calls of each kind")
    options = parser.parse_args()
    texts = sentences(random.Random(5))
    with tempfile.TemporaryDirectory(prefix="mo-bench-") as base:
        folder = Path(base)
        rows = measure(folder, texts, options.items, options.times)
        stop_owner(folder / "data")
    table = Table("operation", "p50 ms", "p95 ms", "limit p50 ms", "ratio", title=f"{options.items} memories")
    for name, (middle, high), limit in rows:
        table.add_row(
            name, f"{middle:.2f}", f"{high:.2f}", *((f"{limit:.2f}", f"{middle / limit:.1f}") if limit else ("", ""))
        )
    Console().print(table)


def measure(folder: Path, texts: Iterator[str], items: int, times: int) -> list[tuple[str, tuple[float, float], float]]:
    """A row each: the operation, its median and 95th percentile, and its limit's median (0: none)."""
    encoder = load("minilm")
    with MemoryOps.open(settings=Settings(data_dir=folder / "data")) as ops:
        began = time.perf_counter()
        added = ops.add_many([{"content": next(texts)} for _ in range(items)])
        ingest = time.perf_counter() - began
        while ops.store.embedding("default") == "pending":
            time.sleep(0.05)
        ready = time.perf_counter() - began
        print(f"{items} memories acknowledged in {ingest:.1f} s, all embedded after {ready:.1f} s")
        ids = iter(random.Random(1).choices([each.id for each in added], k=10 * times))
        questions = iter(
            [f"where was the {' '.join(random.Random(n).sample(WORDS, 3))} seen" for n in range(3 * times)]
        )
        embed = milliseconds(lambda: encoder.embed([next(texts)]), times)[0]
        ask = milliseconds(lambda: encoder.embed_query(next(questions)), times)[0]
        commit = milliseconds(bare_commit(folder), times)[0]
        vectors = encoder.embed([next(texts) for _ in range(min(items, 2000))]).tolist()
        vectors = (vectors * (items // len(vectors) + 1))[:items]
        query = milliseconds(bare_query(folder, vectors, encoder.embed_query("harbour").tolist()), times)[0]
        call = milliseconds(bare_call(folder), times)[0] if hasattr(socket, "AF_UNIX") else 0.0
        large = " ".join(next(texts) for _ in range(1000))[:175_000]
        numbers = iter(range(1000))
        return [
            (
                "call to the owner (get, nothing found)",
                milliseconds(lambda: ops.store.get("default", "records", ["-"]), times),
                call,
            ),
            ("add, one short note", milliseconds(lambda: ops.add(next(texts)), times), embed + commit),
            ("search", milliseconds(lambda: ops.search(next(questions)), times), ask + query),
            (
                "search, the same question again",
                milliseconds(lambda: ops.search("where was the harbour seen"), times),
                query,
            ),
            ("retrieve", milliseconds(lambda: ops.retrieve(next(ids)), times), 2 * call),
            (
                "add 175,000 characters (acknowledged)",
                milliseconds(lambda: ops.add(f"{next(numbers)} {large}"), 7),
                0.0,
            ),
        ]


if __name__ == "__main__":
    main()
