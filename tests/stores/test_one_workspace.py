"""A folder with one workspace, or one user, is searched without asking each passage whose it is; nothing else tells."""

from contextlib import closing
from pathlib import Path
from typing import Any

from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedded.engine import EmbeddedStore
from memoryops.stores.filters import And, Eq, Exists, In, Not
from memoryops.stores.ports import Patch, Put, Query


def put(id: str, text: str, **payload: Any) -> Put:
    return Put("memory", id, {"type": "passage", "item": id, **payload}, text)


def found(store: EmbeddedStore, workspace: str, **query: Any) -> dict[str, tuple[float | None, float | None]]:
    hits = store.search(workspace, Query("the ferry to Kos", 50, **query))
    return {hit.point.id: (hit.dense, hit.sparse) for hit in hits}


def test_a_second_workspace_changes_nothing_for_the_first(data_dir: Path) -> None:
    now = [1000.0]
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64", clock=lambda: now[0])
    try:
        store.write("one", [put(f"a{n}", f"the ferry number {n} to Kos") for n in range(20)])
        store.write("one", [put("soon", "the ferry to Kos that is gone soon", expires_at=2000.0)])
        alone = found(store, "one")
        assert len(alone) == 21
        store.write("two", [put(f"b{n}", "the ferry to Kos") for n in range(60)])
        assert found(store, "one") == alone
        assert set(found(store, "two")) == {f"b{n}" for n in range(60)} & set(found(store, "two"))
        assert found(store, "one", where=Eq("item", "a3")) == {"a3": alone["a3"]}
        now[0] = 3000.0
        assert set(found(store, "one")) == set(alone) - {"soon"}
        store.sweep()
        assert set(found(store, "one")) == set(alone) - {"soon"}
    finally:
        store.close()


def test_what_has_expired_is_not_found_in_the_only_workspace(data_dir: Path) -> None:
    now = [1000.0]
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64", clock=lambda: now[0])
    try:
        store.write("one", [put(f"gone{n}", "the ferry to Kos", expires_at=2000.0) for n in range(80)])
        store.write("one", [put("stays", "a ferry")])
        now[0] = 3000.0
        assert set(found(store, "one")) == {"stays"}
    finally:
        store.close()
    again = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64", clock=lambda: now[0])
    try:
        assert set(found(again, "one")) == {"stays"}
    finally:
        again.close()


def test_a_second_user_changes_nothing_for_the_first(data_dir: Path) -> None:
    ada, nobody = Eq("user", "ada"), Not(Exists("user"))

    def opened() -> EmbeddedStore:
        return EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64")

    with closing(opened()) as store:
        store.write("one", [put(f"a{n}", f"the ferry number {n} to Kos", user="ada") for n in range(20)])
    with closing(opened()) as store:  # which learns whose passages there are
        alone = found(store, "one", where=ada)
        assert found(store, "one") == alone
        assert found(store, "one", where=nobody) == {}
        rest = found(store, "one", where=And((ada, Not(In("item", ("a3", "unknown"))))))
        assert rest.keys() == alone.keys() - {"a3"}
        store.write("one", [put("b", "the ferry to Kos", user="bob"), put("n", "the ferry to Kos")])
    with closing(opened()) as store:
        assert found(store, "one", where=ada).keys() == alone.keys()
        assert found(store, "one", where=nobody).keys() == {"n"}
        store.write("one", [Patch("memory", Eq("item", "n"), {"user": "ada"})])
        assert found(store, "one", where=ada).keys() == alone.keys() | {"n"}
