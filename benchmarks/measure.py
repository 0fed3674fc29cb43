"""Measures one memory in a process of its own; `peers.py` starts it, once to measure and once to open anew.

    python benchmarks/measure.py run   '{"system": "chroma", "folder": …, "table": …, …}'
    python benchmarks/measure.py probe '{…}'

Prints lines of JSON. CPU is user and system time of this process, its children and, for us, the owner: the mean over
a batch of calls, of which the median batch is reported (the kernel counts another process's time in ticks of 10 ms).
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
from contestants import CONTESTANTS

LIMIT = 8
INGEST = 1000
"""Texts that one bulk call gets."""
BATCH = 50
"""Calls whose CPU time is read together."""
WARM_UP = 20
"""Calls before the first that is timed."""
SETTLE_SECONDS = 6.0
"""How long a store may tidy up after the bulk load before it is measured."""


def processes(pids: Sequence[int]) -> list[psutil.Process]:
    here = psutil.Process()
    return list({p.pid: p for p in [here, *here.children(recursive=True), *map(psutil.Process, pids)]}.values())


def cpu_seconds(pids: Sequence[int]) -> float:
    """User and system time so far, *pids* included."""
    total = 0.0
    for process in processes(pids):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def megabytes(folder: Path) -> float:
    """Disk blocks in use, in MB (10^6 bytes)."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file()) / 1e6


def figures(call: Callable[[str], object], arguments: Sequence[str], pids: Sequence[int]) -> dict[str, float]:
    """CPU and wall time in ms of one call."""
    cpu, wall = [], []
    for start in range(0, len(arguments), BATCH):
        batch = arguments[start : start + BATCH]
        used = cpu_seconds(pids)
        for argument in batch:
            began = time.perf_counter()
            call(argument)
            wall.append(1e3 * (time.perf_counter() - began))
        cpu.append(1e3 * (cpu_seconds(pids) - used) / len(batch))
    return {
        "cpu_ms": statistics.median(cpu),
        "p50_ms": statistics.median(wall),
        "p95_ms": statistics.quantiles(wall, n=20)[-1],
        "calls": len(wall),
    }


def run(orders: dict[str, Any]) -> None:
    """Fill, search, add; *orders*: system, folder, table, texts, items, questions, added (files and counts)."""
    folder = Path(orders["folder"])
    texts = Path(orders["texts"]).read_text("utf-8").split("\n")
    questions = Path(orders["questions"]).read_text("utf-8").split("\n")
    store = CONTESTANTS[orders["system"]](folder, Path(orders["table"]) if orders["table"] else None)
    stored, added = texts[: orders["items"]], texts[orders["items"] :]
    asked = questions[WARM_UP:]
    first, then = asked[::2], asked[1::2]  # nobody is asked twice: we remember the vectors of questions
    store.search(questions[0], LIMIT)
    used, began = cpu_seconds(store.helpers()), time.perf_counter()
    for start in range(0, len(stored), INGEST):
        store.add_many(stored[start : start + INGEST])
    acknowledged = time.perf_counter() - began
    store.settle()
    ingest = {
        "acknowledged_s": acknowledged,
        "wall_s": time.perf_counter() - began,
        "cpu_ms": 1e3 * (cpu_seconds(store.helpers()) - used) / len(stored),
        "per_second": len(stored) / (time.perf_counter() - began),
    }
    time.sleep(SETTLE_SECONDS)
    pids = store.helpers()
    for question in questions[:WARM_UP]:
        store.search(question, LIMIT)
    search = figures(lambda question: store.search(question, LIMIT), first, pids)
    for text in added[:WARM_UP]:
        store.add(text)
    add = figures(store.add, added[WARM_UP:], pids)
    again = figures(lambda question: store.search(question, LIMIT), then, pids)
    store.close()
    print(json.dumps({"ingest": ingest, "search": search, "add": add, "search_after_adds": again}))


def probe(orders: dict[str, Any]) -> None:
    """Open what `run` left, with MiniLM itself; tell when the first answer is there, then the memory in use."""
    folder = Path(orders["folder"])
    questions = Path(orders["questions"]).read_text("utf-8").split("\n")
    store = CONTESTANTS[orders["system"]](folder, None)
    found = store.search(questions[0], LIMIT)
    print(json.dumps({"found": found}), flush=True)
    for question in questions[1:WARM_UP]:
        store.search(question, LIMIT)
    resident = sum(process.memory_info().rss for process in processes(store.helpers()))
    store.close()
    print(json.dumps({"rss_mb": resident / 1e6, "disk_mb": megabytes(folder)}))


if __name__ == "__main__":
    {"run": run, "probe": probe}[sys.argv[1]](json.loads(sys.argv[2]))
