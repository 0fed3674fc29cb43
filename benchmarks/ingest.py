"""Real text at scale: this Python's own standard library, read in, embedded by MiniLM, searched and fetched.

    python benchmarks/ingest.py --tokens 1280000

Tokens are counted by MiniLM's tokenizer, as everywhere in MemoryOps. One memory is one source file; the store cuts it
into passages. Times are wall time unless CPU is said, which is that of client and owner together.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import statistics
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from measure import cpu_seconds, figures, megabytes, processes

from memoryops import MemoryOps
from memoryops.compressors import tokens
from memoryops.memory.settings import Settings
from memoryops.stores.embedded import rendezvous
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder

BATCH = 20


def sources(wanted: int) -> Iterator[tuple[str, str]]:
    """Names and texts of files of the standard library, *wanted* tokens in all, in the order of a fixed shuffle."""
    library = Path(sysconfig.get_path("stdlib"))
    files = sorted(f for f in library.rglob("*.py") if not {"site-packages", "test", "tests"} & set(f.parts))
    random.Random(1).shuffle(files)
    for file in files:
        text = file.read_text("utf-8", "replace")
        if wanted <= 0:
            return
        if text.strip():
            wanted -= tokens.count(text)
            yield str(file.relative_to(library)), text


def questions(texts: list[str], count: int) -> list[str]:
    """First lines of docstrings of functions and classes in *texts*."""
    lines: dict[str, None] = {}
    for text in texts:
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError):
            continue
        for node in ast.walk(tree):
            told = isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node)
            if told and 30 < len(told.splitlines()[0]) < 120:
                lines[told.splitlines()[0]] = None
    return random.Random(2).sample(list(lines), min(count, len(lines)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=1_280_000, help="how much text (tokens)")
    parser.add_argument("--calls", type=int, default=200, help="searches and fetches that are timed")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    entries = [
        {"content": text, "content_type": "code", "metadata": {"file": name}} for name, text in sources(options.tokens)
    ]
    size = sum(tokens.count(entry["content"]) for entry in entries)
    asked = questions([entry["content"] for entry in entries], options.calls)
    with tempfile.TemporaryDirectory(prefix="mo-ingest-") as base:
        folder = Path(base) / "data"
        with MemoryOps.open(settings=Settings(data_dir=folder)) as ops:
            pointer = rendezvous.find(Folder(folder.absolute()))
            pids = [pointer.pid] if pointer is not None else []
            used, began, ids = cpu_seconds(pids), time.perf_counter(), []
            for start in range(0, len(entries), BATCH):
                ids += [added.id for added in ops.add_many(entries[start : start + BATCH])]
            acknowledged = time.perf_counter() - began
            while ops.store.embedding("default") == "pending":
                time.sleep(0.2)
            embedded = time.perf_counter() - began
            cpu = cpu_seconds(pids) - used
            time.sleep(6.0)
            passages = ops.store.count("default", "memory")
            wanted = random.Random(3).choices(ids, k=options.calls)
            found = {
                "tokens": size,
                "memories": len(entries),
                "passages": passages,
                "acknowledged_s": acknowledged,
                "embedded_s": embedded,
                "cpu_s": cpu,
                "search": figures(ops.search, asked, pids),
                "same_search": figures(lambda _: ops.search(asked[0]), asked, pids),
                "fetch": figures(ops.retrieve, wanted, pids),
                "rss_mb": sum(process.memory_info().rss for process in processes(pids)) / 1e6,
                "disk_mb": megabytes(folder),
            }
        stop_owner(folder)
    print(f"{size:,} tokens in {len(entries)} memories, {passages:,} passages")
    print(f"acknowledged after {acknowledged:.1f} s, embedded after {embedded:.1f} s, {cpu:.1f} CPU-seconds")
    for name in ("search", "same_search", "fetch"):
        taken = found[name]
        assert isinstance(taken, dict)
        label = {"search": "search", "same_search": "search, question seen before", "fetch": "fetch by id"}[name]
        print(f"{label}: p50 {taken['p50_ms']:.2f} ms, p95 {taken['p95_ms']:.2f} ms, CPU {taken['cpu_ms']:.2f} ms")
    middle = statistics.median(len(entry["content"]) for entry in entries)
    print(f"median memory {middle:,.0f} characters; {found['rss_mb']:.0f} MB in use, {found['disk_mb']:.0f} MB on disk")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
