"""The index is thrown away, cut or changed behind the store's back: searches stay whole."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.embedded.index import Entry
from memoryops.stores.ports import Put, Query

QUERIES = ("alpha 3", "beta gamma", "number 17 of alpha", "delta", "Grüße")
COUNT = 300


def open_store(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")


def fill(folder: Path) -> None:
    words = ("alpha", "beta", "gamma", "delta", "Grüße")
    store = open_store(folder)
    for n in range(0, COUNT, 50):
        store.write(
            "w",
            [
                Put(
                    "memory",
                    f"p{i}",
                    {"item": f"i{i}", "tags": [words[i % 5]]},
                    f"number {i} of {words[i % 5]} {words[i % 3]}",
                )
                for i in range(n, n + 50)
            ],
        )
    while store.embedding("w") != "ready":
        pass
    store.close()


def results(store: EmbeddedStore) -> list[dict[str, tuple[float | None, float | None]]]:
    """Every query's passages with their exact scores."""
    return [
        {each.point.id: (each.dense, each.sparse) for each in store.search("w", Query(query, limit=1000))}
        for query in QUERIES
    ]


def answers(folder: Path) -> list[dict[str, tuple[float | None, float | None]]]:
    store = open_store(folder)
    try:
        return results(store)
    finally:
        store.close()


def files_of(folder: Path) -> list[Path]:
    return sorted(path for path in (folder / "index").rglob("*") if path.is_file() and path.stat().st_size)


def test_a_deleted_index_is_rebuilt_and_answers_the_same(data_dir: Path) -> None:
    fill(data_dir)
    before = answers(data_dir)
    assert len(before[0]) == COUNT
    shutil.rmtree(data_dir / "index")
    assert answers(data_dir) == before


def cut(path: Path, chance: random.Random) -> None:
    with path.open("r+b") as file:
        file.truncate(chance.randrange(path.stat().st_size))


def flip(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    for _ in range(20):
        data[chance.randrange(min(len(data), 4096))] ^= 1 << chance.randrange(8)
    path.write_bytes(data)


def remove(path: Path, chance: random.Random) -> None:
    path.unlink()


@pytest.mark.parametrize("harm", [cut, flip, remove])
@pytest.mark.parametrize("seed", range(4))
def test_damaged_index_files_never_shrink_a_result(
    data_dir: Path, harm: Callable[[Path, random.Random], None], seed: int
) -> None:
    fill(data_dir)
    before = answers(data_dir)
    chance = random.Random(seed)
    for path in chance.sample(files_of(data_dir), 3):
        harm(path, chance)
    assert answers(data_dir) == before


def test_damage_after_an_unclean_end_is_repaired_too(data_dir: Path) -> None:
    fill(data_dir)
    before = answers(data_dir)
    store = open_store(data_dir)
    store.documents.set_meta({"clean": None})
    store.upkeep.stop()
    store.live.get().close()
    store.documents.close()
    store._lock.release()
    flip(files_of(data_dir)[0], random.Random(1))
    assert answers(data_dir) == before


def test_verify_finds_and_repairs_what_differs(data_dir: Path) -> None:
    fill(data_dir)
    store = open_store(data_dir)
    before = results(store)
    index = store.live.get()
    passages = store.documents.passages.after(limit=10)
    index.delete([passages[0].key, passages[1].key])
    stale = store.live.entries([passages[2]])[0]
    index.upsert([Entry(stale.key, {**stale.fields, "_s": 1_000_000}, stale.terms, stale.vector)])
    swapped = store.live.entries([passages[3]])[0]
    index.upsert([Entry(swapped.key, swapped.fields, swapped.terms, passages[4].vector)])
    index.upsert([Entry(999_999, swapped.fields, swapped.terms, swapped.vector)])
    report = store.verify()
    assert (report["missing"], report["stale"], report["surplus"]) == (2, 2, 1)
    assert results(store) == before
    store.close()


def test_an_index_that_fails_while_in_use_is_rebuilt(data_dir: Path) -> None:
    fill(data_dir)
    store = open_store(data_dir)
    before = results(store)
    store.live.get().abandon()
    assert results(store) == before
    store.live.get().abandon()
    store.write("w", [Put("memory", "new", {"item": "new"}, "a new one of omega")])
    assert [c.point.id for c in store.search("w", Query("omega", dense=False))] == ["new"]
    store.close()
