"""What a LangGraph thread costs as it grows: `QdrantSaver` beside `SqliteSaver` and `InMemorySaver`, in one run.

    python benchmarks/saver.py [--turns 100,1000] [--savers qdrant,sqlite,memory] [--folder DIR]

One thread of a graph with one node; a turn is a question and an answer (some 450 bytes each when serialised), and
makes three checkpoints and two calls of `put_writes`. At 10 turns and at each number of *--turns* it times what the
graph's own calls took in the ten turns before, then reading. Wall time is the median of calls; CPU is that of the
calling thread, and for us, apart, that of the owner process. Both stores on disk wait for the disk at each commit:
`SqliteSaver` sets WAL and leaves `synchronous` at FULL, as our owner does. *cold*: the first call of a new saver. With
SQLite, 1,000 turns write 1.3 GB. Where the system's temporary folder is in memory, name another with *--folder*.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from langchain_core.messages import AIMessage
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph

from memoryops.graphs import QdrantSaver
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner

CONFIG: Any = {"configurable": {"thread_id": "one", "checkpoint_ns": ""}}
WORDS = (Path(__file__).parent.parent / "docs" / "architecture.md").read_text(encoding="utf-8").split()
WINDOW = 10
READS = 15


def text(chars: int, seed: int) -> str:
    chosen = random.Random(seed).choices(WORDS, k=chars // 5)
    return " ".join(chosen)[:chars]


@dataclass
class Timed:
    """Calls of a saver, with their wall and CPU time in ms."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)

    def around(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kw: Any) -> Any:
            began, used = time.perf_counter(), time.thread_time()
            result = call(*args, **kw)
            self.cpu.setdefault(name, []).append(1e3 * (time.thread_time() - used))
            self.wall.setdefault(name, []).append(1e3 * (time.perf_counter() - began))
            return result

        return timed

    def take(self, name: str) -> dict[str, float]:
        found = {"wall": statistics.median(self.wall[name]), "cpu": statistics.median(self.cpu[name])}
        return {unit: round(value, 2) for unit, value in found.items()}


@dataclass
class Contestant:
    saver: BaseCheckpointSaver[Any]
    again: Callable[[], BaseCheckpointSaver[Any]] | None = None
    folder: Path | None = None
    owner: psutil.Process | None = None
    settle: Callable[[], None] = lambda: None


@contextmanager
def qdrant(folder: Path) -> Iterator[Contestant]:
    store = OwnedStore(folder, "hashing:64")
    owner = psutil.Process(json.loads((folder / "owner.json").read_text())["pid"])
    ops = MemoryOps(store, Scope())

    def settle() -> None:
        """Until the owner, idle, has cut its write-ahead log."""
        log, deadline = folder / "documents.sqlite-wal", time.monotonic() + 15
        while log.exists() and log.stat().st_size and time.monotonic() < deadline:
            time.sleep(0.5)

    yield Contestant(QdrantSaver(ops), lambda: QdrantSaver(ops), folder, owner, settle)
    ops.close()
    stop_owner(folder)


@contextmanager
def sqlite(folder: Path) -> Iterator[Contestant]:
    with SqliteSaver.from_conn_string(str(folder / "checkpoints.sqlite")) as saver:
        saver.setup()
        wal = (
            saver.conn.execute("PRAGMA journal_mode").fetchone()[0],
            saver.conn.execute("PRAGMA synchronous").fetchone()[0],
        )
        assert wal == ("wal", 2), f"SqliteSaver commits with {wal}"
        yield Contestant(saver, None, folder, settle=lambda: cut(saver))


def cut(saver: SqliteSaver) -> None:
    saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@contextmanager
def memory(folder: Path) -> Iterator[Contestant]:
    yield Contestant(InMemorySaver())


SAVERS = {"qdrant": qdrant, "sqlite": sqlite, "memory": memory}


def run(contestant: Contestant, marks: list[int]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The figures at each of *marks* turns."""
    saver = contestant.saver
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda state: {"messages": [AIMessage(text(420, len(state["messages"])))]})
    builder.add_edge(START, "answer")
    graph = builder.compile(checkpointer=saver)
    timed, used = Timed(), 0.0
    put, put_writes = saver.put, saver.put_writes
    for turn in range(1, marks[-1] + 1):
        if any(turn == mark - WINDOW + 1 for mark in marks):
            gc.collect()
            timed = Timed()
            saver.put, saver.put_writes = timed.around("put", put), timed.around("put_writes", put_writes)  # type: ignore[method-assign]
            used = _cpu(contestant)
        graph.invoke({"messages": [("user", text(180, -turn))]}, CONFIG)
        if turn in marks:
            calls = len(timed.wall["put"]) + len(timed.wall["put_writes"])
            found: dict[str, Any] = {"put": timed.take("put"), "put_writes": timed.take("put_writes")}
            if contestant.owner is not None:
                found["owner_cpu_per_write"] = round((_cpu(contestant) - used) * 1e3 / calls, 2)
            saver.put, saver.put_writes = put, put_writes  # type: ignore[method-assign]
            yield turn, found | reading(contestant) | on_disk(contestant)


def _cpu(contestant: Contestant) -> float:
    if contestant.owner is None:
        return 0.0
    times = contestant.owner.cpu_times()
    return times.user + times.system


def reading(contestant: Contestant) -> dict[str, Any]:
    timed = Timed()
    if contestant.again is not None:
        for _ in range(3):
            timed.around("get cold", contestant.again().get_tuple)(CONFIG)
            fresh = contestant.again()
            timed.around("list cold", lambda: list(fresh.list(CONFIG, limit=10)))()  # noqa: B023 - called at once
    for _ in range(READS):
        timed.around("get", contestant.saver.get_tuple)(CONFIG)
    for _ in range(3):
        timed.around("list(limit=10)", lambda: list(contestant.saver.list(CONFIG, limit=10)))()
    return {name: timed.take(name) for name in timed.wall}


def on_disk(contestant: Contestant) -> dict[str, Any]:
    """Lengths of the files in MB once nothing is written any more; our index is left out: no checkpoint is in it."""
    if contestant.folder is None:
        return {}
    contestant.settle()
    files = [file for file in contestant.folder.glob("*.sqlite*") if file.is_file()]
    return {"MB": round(sum(file.stat().st_size for file in files) / 1e6, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", default="100", help="where to measure, besides 10")
    parser.add_argument("--savers", default=",".join(SAVERS))
    parser.add_argument("--folder", help="where to make the data folders")
    options = parser.parse_args()
    marks = sorted({10, *map(int, options.turns.split(","))})
    for name in options.savers.split(","):
        folder = Path(tempfile.mkdtemp(prefix="saver-", dir=options.folder))
        try:
            with SAVERS[name](folder) as contestant:
                for turn, found in run(contestant, marks):
                    print(json.dumps({"saver": name, "turns": turn, **found}), flush=True)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
