"""A row past its `expires_at` is in no read, at once; a sweep deletes it for good."""

import time
from collections.abc import Callable

import pytest

from memoryops.stores.filters import Eq, Exists
from memoryops.stores.ports import Patch, PointStore, Put, Query

READS: dict[str, Callable[[PointStore, str], object]] = {
    "get": lambda store, w: [p for p in store.get(w, "memory", ["m"]) if p],
    "search": lambda store, w: store.search(w, Query("words")),
    "search by keyword": lambda store, w: store.search(w, Query("words", dense=False)),
    "search by meaning": lambda store, w: store.search(w, Query("words", sparse=False)),
    "scroll": lambda store, w: store.scroll(w, "memory").points,
    "scroll in order": lambda store, w: store.scroll(w, "memory", order_by="expires_at").points,
    "count": lambda store, w: store.count(w, "memory"),
    "filter": lambda store, w: store.count(w, "memory", Exists("expires_at")),
    "total": lambda store, w: store.total(w, "memory", "expires_at"),
    "facet": lambda store, w: store.facet(w, "memory", "kind"),
    "embedding": lambda store, w: store.embedding(w, "i") != "none",
    "embedding of all": lambda store, w: store.embedding(w) != "none",
    "patch": lambda store, w: store.write(w, [Patch("memory", Eq("item", "i"), {"user": "u"})]).patched,
}


@pytest.mark.parametrize("name", READS)
def test_no_read_shows_an_expired_row(store: PointStore, workspace: str, name: str) -> None:
    lifetime = 0.3
    end = time.time() + lifetime
    store.write(workspace, [Put("memory", "m", {"kind": "k", "item": "i", "expires_at": end}, "words")])
    early = READS[name](store, workspace)
    in_time = time.time() < end
    assert early or not in_time
    time.sleep(max(0.0, end - time.time()) + 0.01)
    assert not READS[name](store, workspace)


def test_a_lifetime_in_the_past(store: PointStore, workspace: str) -> None:
    store.write(
        workspace, [Put("records", "a", {"expires_at": time.time() - 5}), Put("records", "b", {"expires_at": 0})]
    )
    assert store.get(workspace, "records", ["a", "b"]) == [None, None]
    assert store.count(workspace, "records") == 0


def test_sweep_deletes_for_good_and_nothing_else(store: PointStore, workspace: str) -> None:
    store.sweep()
    past = time.time() - 5
    store.write(workspace, [Put("memory", f"m{n}", {"expires_at": past}, "words") for n in range(3)])
    store.write(
        workspace, [Put("records", "r", {"expires_at": past}), Put("records", "stays", {"expires_at": past + 99})]
    )
    store.write(workspace, [Put("memory", "other", {}, "words")])
    before = store.info()
    assert store.sweep() == 4
    after = store.info()
    assert (before.passages - after.passages, before.records - after.records) == (3, 1)
    assert store.sweep() == 0
    assert store.count(workspace, "records") == store.count(workspace, "memory") == 1
    assert store.write(workspace, [Put("memory", "m0", {}, "again", expected_rev=0)]).revs == {"m0": 1}


def test_seqs_grow_on_after_a_sweep(store: PointStore, workspace: str) -> None:
    written = store.write(workspace, [Put("records", "last", {"expires_at": time.time() - 5})])
    store.sweep()
    assert store.write(workspace, [Put("records", "next", {})]).seq > written.seq
