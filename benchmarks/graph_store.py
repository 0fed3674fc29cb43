"""`QdrantStore` beside LangGraph's own stores: put, get, filter, search by meaning and list at so many entries.

    python benchmarks/graph_store.py [entries]

The embedded store keeps every put on disk before it answers; `SqliteStore` here is a file with its default settings,
`InMemoryStore` keeps nothing. All embed with the same model-free encoder, so that what is measured is the store.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from langchain_core.embeddings import Embeddings
from langgraph.store.base import BaseStore, PutOp
from langgraph.store.memory import InMemoryStore
from langgraph.store.sqlite import SqliteStore

from memoryops import MemoryOps
from memoryops.encoders.hashing import HashingEncoder
from memoryops.graphs import QdrantStore
from memoryops.memory.scope import Scope
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.ending import stop_owner

USERS = 100
BATCH = 100


class Hashing(Embeddings):
    def __init__(self) -> None:
        self.encoder = HashingEncoder()

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, vector)) for vector in self.encoder.embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@contextmanager
def ours() -> Iterator[BaseStore]:
    with tempfile.TemporaryDirectory(prefix="mo-") as folder:
        with MemoryOps.open(folder, scope=Scope(), settings=Settings(encoder="hashing:64")) as ops:
            yield QdrantStore(ops, index={"fields": ["text"]})
        stop_owner(Path(folder))


@contextmanager
def sqlite() -> Iterator[BaseStore]:
    with (
        tempfile.TemporaryDirectory() as folder,
        SqliteStore.from_conn_string(str(Path(folder) / "store.sqlite")) as store,
    ):
        store.setup()
        yield store


@contextmanager
def memory() -> Iterator[BaseStore]:
    yield InMemoryStore(index={"dims": 64, "embed": Hashing(), "fields": ["text"]})


def entry(number: int) -> PutOp:
    value = {
        "text": f"note {number} about topic{number % 50}",
        "n": number,
        "topic": number % 50,
        "live": number % 2 == 0,
    }
    return PutOp(("users", f"{number % USERS}"), f"k{number}", value)


def milliseconds(call: Callable[[int], object], times: int = 20) -> float:
    """The median of *times* calls."""
    taken = []
    for number in range(times):
        start = time.perf_counter()
        call(number)
        taken.append(1000 * (time.perf_counter() - start))
    return sorted(taken)[times // 2]


def measure(store: BaseStore, entries: int, *, searches: bool) -> dict[str, float]:
    start = time.perf_counter()
    for first in range(0, entries, BATCH):
        store.batch([entry(number) for number in range(first, min(first + BATCH, entries))])
    figures = {f"put, in batches of {BATCH} (ms each)": 1000 * (time.perf_counter() - start) / entries}
    if searches:
        while not store.search((), query=f"note {entries - 1}", limit=1)[0].score:
            time.sleep(0.5)
    one = entry(entries)
    user = ("users", "7")
    figures |= {
        "put, one": milliseconds(lambda n: store.put(one.namespace, f"new{n}", dict(one.value or {}))),
        "get": milliseconds(lambda n: store.get(("users", f"{n % USERS}"), f"k{n}")),
        "search one user": milliseconds(lambda n: store.search(("users", f"{n}"))),
        "search all": milliseconds(lambda n: store.search(("users",))),
        "filter $eq, one user": milliseconds(lambda n: store.search(user, filter={"topic": n % 50})),
        "filter $eq, all": milliseconds(lambda n: store.search((), filter={"n": n})),
        "filter $gte, all": milliseconds(lambda n: store.search((), filter={"n": {"$gte": entries - 5 - n}}), 5),
        "list_namespaces": milliseconds(lambda n: store.list_namespaces(prefix=("users",), max_depth=2)),
    }
    if searches:
        figures["query, one user"] = milliseconds(lambda n: store.search(user, query=f"about topic{n}"))
        figures["query, all"] = milliseconds(lambda n: store.search((), query=f"about topic{n}"), 5)
        figures["query and filter, all"] = milliseconds(
            lambda n: store.search((), query=f"about topic{n}", filter={"live": True}), 5
        )
    return figures


def main(entries: int) -> None:
    tables = {}
    for name, opened in {"QdrantStore": ours, "InMemoryStore": memory, "SqliteStore": sqlite}.items():
        with opened() as store:
            tables[name] = measure(store, entries, searches=name != "SqliteStore")
    print(f"milliseconds at {entries} entries in {USERS} namespaces (median)\n")
    print(f"{'':36}" + "".join(f"{name:>16}" for name in tables))
    for row in tables["QdrantStore"]:
        cells = (f"{table[row]:16.2f}" if row in table else f"{'-':>16}" for table in tables.values())
        print(f"{row:36}" + "".join(cells))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
