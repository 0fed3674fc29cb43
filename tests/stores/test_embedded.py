"""What the embedded store does beyond the port's conformance suite."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.errors import StoreUnavailable
from memoryops.stores.ports import Delete, Put, Query

LONG = "A sentence about the lighthouse. " * 200


def open_store(folder: Path) -> EmbeddedStore:
    return EmbeddedStore(folder, lambda spec: HashingEncoder(), "hashing:64")


def words(store: EmbeddedStore, text: str) -> list[str]:
    return sorted(each.point.id for each in store.search("w", Query(text, dense=False)))


def test_a_row_put_twice_in_one_write_is_the_last_one(data_dir: Path) -> None:
    store = open_store(data_dir)
    store.write("w", [Put("memory", "a", {"item": "a"}, "walrus"), Put("memory", "a", {"item": "a"}, "penguin")])
    assert words(store, "penguin") == ["a"]
    assert words(store, "walrus") == []
    store.close()


def test_a_large_write_is_found_by_its_words_at_once_and_obeys_what_follows(data_dir: Path) -> None:
    store = open_store(data_dir)
    store.write("w", [Put("memory", "big", {"item": "big"}, LONG + "zebra")])
    assert words(store, "zebra") == ["big"]
    store.write("w", [Put("memory", "big", {"item": "big"}, LONG + "giraffe")])
    store.write("w", [Put("memory", "big", {"item": "big"}, "a short text on the okapi")])
    assert [words(store, word) for word in ("zebra", "giraffe", "okapi")] == [[], [], ["big"]]
    store.write("w", [Put("memory", "big", {"item": "big"}, LONG + "tapir")])
    store.write("w", [Delete("memory", "big")])
    assert words(store, "tapir lighthouse") == []
    store.write("w", [Put("memory", "late", {"item": "late"}, LONG + "quagga")])
    store.close()
    store = open_store(data_dir)
    assert words(store, "quagga") == ["late"]
    assert store.verify()["surplus"] == 0
    store.close()


def test_an_index_that_fails_heals_without_a_search(data_dir: Path) -> None:
    store = open_store(data_dir)
    store.write("w", [Put("memory", "a", {"item": "a"}, "a text")])
    store.live.get().abandon()
    assert store.verify() == {"checked": 1, "missing": 0, "stale": 0, "surplus": 0}
    store.live.get().abandon()
    store.write("w", [Put("memory", "big", {"item": "big"}, LONG)])
    for _ in range(200):
        if store.embedding("w") == "ready":
            break
        threading.Event().wait(0.05)
    assert store.embedding("w") == "ready"
    store.close()


def test_a_closed_store_says_so_and_blames_no_damage(data_dir: Path) -> None:
    store = open_store(data_dir)
    store.close()
    for call in (store.sweep, store.purge, lambda: store.write("w", []), lambda: store.count("w", "records")):
        with pytest.raises(StoreUnavailable, match="closed"):
            call()
