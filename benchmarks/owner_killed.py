"""How long a caller waits when the owner process is killed under it.

Several processes add memories to one data folder while its owner is killed with SIGKILL again and again. Prints
the wait of the ordinary call and of the longest one, per kill, and checks that nothing acknowledged is lost.

    python benchmarks/owner_killed.py --processes 8 --items 500 --kills 5
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import signal
import statistics
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from memoryops import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded import rendezvous
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.folder import Folder


def work(folder: str, who: int, items: int, log: str) -> None:
    """Add *items* memories and write down when each call began and ended, and the id it gave."""
    with MemoryOps.open(settings=Settings(data_dir=Path(folder))) as ops, Path(log).open("w") as file:
        for number in range(items):
            began = time.monotonic()
            id = ops.add(f"Worker {who} notes item {number}: the shipment left harbour {who * items + number}.").id
            file.write(json.dumps([began, time.monotonic(), id]) + "\n")
            file.flush()


def kill(folder: Path) -> float | None:
    """SIGKILL the owner of *folder*; when that was."""
    pointer = rendezvous.find(Folder(folder))
    if pointer is None:
        return None
    try:
        os.kill(pointer.pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return time.monotonic()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--items", type=int, default=500, help="memories that each process adds")
    parser.add_argument("--kills", type=int, default=5)
    options = parser.parse_args()
    console = Console()
    with tempfile.TemporaryDirectory(prefix="mo-bench-") as base:
        folder = Path(base) / "data"
        logs = [Path(base) / f"{who}.log" for who in range(options.processes)]
        context = multiprocessing.get_context("spawn")
        workers = [
            context.Process(target=work, args=(str(folder), who, options.items, str(log)))
            for who, log in enumerate(logs)
        ]
        for worker in workers:
            worker.start()
        chance, kills = random.Random(3), []
        while len(kills) < options.kills and any(worker.is_alive() for worker in workers):
            time.sleep(chance.uniform(0.5, 1.5))
            when = kill(folder)
            if when is not None:
                kills.append(when)
        for worker in workers:
            worker.join()
        calls = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
        with MemoryOps.open(settings=Settings(data_dir=folder)) as ops:
            kept = ops.state().items
        stop_owner(folder)
    waits = [ended - began for began, ended, _ in calls]
    table = Table(
        "figure", "value", title=f"{options.processes} processes, {options.items} adds each, {len(kills)} kills"
    )
    table.add_row("ordinary add, median", f"{1e3 * statistics.median(waits):.1f} ms")
    for number, when in enumerate(kills, start=1):
        struck = [ended - began for began, ended, _ in calls if began <= when <= ended]
        table.add_row(f"kill {number}: longest wait of a call under way", f"{max(struck, default=0.0):.2f} s")
    table.add_row("longest wait of any call", f"{max(waits):.2f} s (aim: 1 s)")
    table.add_row("acknowledged, kept", f"{len(calls)}, {kept}")
    console.print(table)
    if kept != options.processes * options.items or len(calls) != kept:
        raise SystemExit("memories are missing")


if __name__ == "__main__":
    main()
