"""Put, Patch, Delete and DeleteWhere; revisions, compare-and-set, unique keys, whole writes."""

import threading
import time

import pytest

from memoryops.stores.errors import Conflict, Duplicate, InvalidRequest
from memoryops.stores.filters import And, Eq, In, Not
from memoryops.stores.ports import Change, Collection, Delete, DeleteWhere, Patch, Point, PointStore, Put

COLLECTIONS: tuple[Collection, ...] = ("memory", "records")


def read(store: PointStore, workspace: str, id: str, collection: Collection = "records") -> Point:
    """The row *id*, which has to exist."""
    (point,) = store.get(workspace, collection, [id])
    assert point is not None
    return point


def gone(store: PointStore, workspace: str, id: str, collection: Collection = "records") -> bool:
    return store.get(workspace, collection, [id]) == [None]


@pytest.mark.parametrize("collection", COLLECTIONS)
def test_a_row_comes_back_as_it_was_written(store: PointStore, workspace: str, collection: Collection) -> None:
    payload = {"type": "note", "tags": ["a", "b"], "priority": 3, "metadata": {"k": [1, 2.5, None, {"x": "y"}]}}
    written = store.write(workspace, [Put(collection, "a", payload, "some text")])
    point = read(store, workspace, "a", collection)
    assert (point.collection, point.id, point.payload, point.text) == (collection, "a", payload, "some text")
    assert point.rev == written.revs["a"] == 1
    assert point.seq == written.seq
    assert (written.patched, written.deleted) == (0, 0)


def test_unicode_in_text_payload_and_id(store: PointStore, workspace: str) -> None:
    odd = "naïve 東京 🦊 \0 \u2028 e\u0301 \ufffe \U0010ffff \r\n\t end "
    payload = {"user": "東京 🦊", "metadata": {"ключ": odd, "": "", "a.b": {"c\"d'": "\\"}}, odd: odd}
    store.write(workspace, [Put("memory", "id 東京 🦊'\"%_", payload, odd, context="überschrift 🦊")])
    point = read(store, workspace, "id 東京 🦊'\"%_", "memory")
    assert point.payload == payload
    assert point.text == odd


def test_numbers_keep_their_type(store: PointStore, workspace: str) -> None:
    payload = {"priority": 3, "importance": 1.0, "metadata": {"i": 2**63 - 1, "f": 0.1, "whole": 2.0, "flag": True}}
    store.write(workspace, [Put("records", "a", payload)])
    found = read(store, workspace, "a").payload
    assert found == payload
    types = {name: type(value) for name, value in found["metadata"].items()}
    assert types == {"i": int, "f": float, "whole": float, "flag": bool}
    assert isinstance(found["priority"], int)
    assert isinstance(found["importance"], float)


def test_text_none_and_empty_are_told_apart(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "none", {}), Put("records", "empty", {}, "")])
    assert read(store, workspace, "none").text is None
    assert read(store, workspace, "empty").text == ""


def test_get_keeps_the_order_of_the_ids(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", id, {}) for id in "abc"])
    found = store.get(workspace, "records", ["c", "missing", "a", "c"])
    assert [point.id if point else None for point in found] == ["c", None, "a", "c"]
    assert store.get(workspace, "records", []) == []


def test_collections_are_apart(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("memory", "same", {"type": "m"}, "x"), Put("records", "same", {"type": "r"})])
    assert read(store, workspace, "same", "memory").payload == {"type": "m"}
    assert read(store, workspace, "same", "records").payload == {"type": "r"}
    store.write(workspace, [Delete("memory", "same")])
    assert read(store, workspace, "same", "records").rev == 1


def test_revisions_and_seqs_only_grow(store: PointStore, workspace: str) -> None:
    seqs = []
    for rev in (1, 2, 3):
        written = store.write(workspace, [Put("records", "a", {"priority": rev})])
        assert written.revs == {"a": rev}
        assert read(store, workspace, "a").seq == written.seq
        seqs.append(written.seq)
    store.write(workspace, [Delete("records", "a")])
    written = store.write(workspace, [Put("records", "a", {})])
    assert written.revs["a"] == 5
    assert sorted({*seqs, written.seq}) == [*seqs, written.seq]


def test_a_put_replaces_the_whole_row(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {"kind": "x", "tags": ["t"], "metadata": {"k": 1}}, "text")])
    store.write(workspace, [Put("records", "a", {"user": "u"})])
    point = read(store, workspace, "a")
    assert (point.payload, point.text) == ({"user": "u"}, None)
    assert store.count(workspace, "records", Eq("kind", "x")) == 0
    assert store.count(workspace, "records", Eq("metadata.k", 1)) == 0


def test_what_was_read_is_a_copy(store: PointStore, workspace: str) -> None:
    tags = ["a"]
    store.write(workspace, [Put("records", "a", {"tags": tags})])
    tags.append("b")
    read(store, workspace, "a").payload["tags"].append("c")
    assert read(store, workspace, "a").payload == {"tags": ["a"]}


# compare-and-set


def test_expected_rev_zero_creates_once(store: PointStore, workspace: str) -> None:
    assert store.write(workspace, [Put("records", "a", {}, expected_rev=0)]).revs == {"a": 1}
    with pytest.raises(Conflict) as caught:
        store.write(workspace, [Put("records", "a", {"kind": "second"}, expected_rev=0)])
    error = caught.value
    assert (error.collection, error.id, error.expected, error.actual) == ("records", "a", 0, 1)
    assert read(store, workspace, "a").payload == {}


def test_expected_rev_n_writes_over_n_alone(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {})])
    assert store.write(workspace, [Put("records", "a", {"kind": "new"}, expected_rev=1)]).revs == {"a": 2}
    for stale in (1, 3):
        with pytest.raises(Conflict) as caught:
            store.write(workspace, [Put("records", "a", {"kind": "stale"}, expected_rev=stale)])
        assert (caught.value.expected, caught.value.actual) == (stale, 2)
    with pytest.raises(Conflict):
        store.write(workspace, [Delete("records", "a", expected_rev=1)])
    assert read(store, workspace, "a").payload == {"kind": "new"}
    assert store.write(workspace, [Delete("records", "a", expected_rev=2)]).deleted == 1


def test_expected_rev_over_a_row_that_is_not_there(store: PointStore, workspace: str) -> None:
    with pytest.raises(Conflict) as caught:
        store.write(workspace, [Put("records", "a", {}, expected_rev=1)])
    assert caught.value.actual == 0
    with pytest.raises(Conflict):
        store.write(workspace, [Delete("records", "a", expected_rev=1)])
    assert store.write(workspace, [Delete("records", "a", expected_rev=0)]).deleted == 0


def test_a_deleted_row_counts_as_none(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {})])
    store.write(workspace, [Delete("records", "a")])
    with pytest.raises(Conflict) as caught:
        store.write(workspace, [Put("records", "a", {}, expected_rev=2)])
    assert caught.value.actual == 0
    assert store.write(workspace, [Put("records", "a", {}, expected_rev=0)]).revs == {"a": 3}


def test_an_expired_row_counts_as_none(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {"expires_at": time.time() - 1})])
    with pytest.raises(Conflict) as caught:
        store.write(workspace, [Put("records", "a", {}, expected_rev=1)])
    assert caught.value.actual == 0
    store.write(workspace, [Put("records", "a", {"kind": "new"}, expected_rev=0)])
    assert read(store, workspace, "a").payload == {"kind": "new"}


# several changes


def test_nothing_is_kept_of_a_write_that_conflicts(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {}), Put("memory", "p", {"item": "a"}, "old words")])
    changes: list[Change] = [
        Put("memory", "p", {"item": "a"}, "new words"),
        Patch("records", Eq("type", "x"), {"kind": "k"}),
        Delete("memory", "p"),
        Put("records", "b", {}, unique="u"),
        Put("records", "a", {}, expected_rev=7),
    ]
    with pytest.raises(Conflict):
        store.write(workspace, changes)
    assert read(store, workspace, "p", "memory").text == "old words"
    assert read(store, workspace, "p", "memory").rev == 1
    assert gone(store, workspace, "b")
    store.write(workspace, [Put("records", "c", {}, unique="u")])


def test_changes_apply_in_their_order(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("memory", "old", {"item": "i"}, "old")])
    written = store.write(
        workspace,
        [
            DeleteWhere("memory", Eq("item", "i")),
            Put("memory", "new", {"item": "i", "kind": "a"}, "new"),
            Patch("memory", Eq("item", "i"), {"kind": "b", "priority": 2}),
            Put("memory", "last", {"item": "i"}, "last"),
        ],
    )
    assert (written.patched, written.deleted) == (1, 1)
    assert gone(store, workspace, "old", "memory")
    assert read(store, workspace, "new", "memory").payload == {"item": "i", "kind": "b", "priority": 2}
    assert read(store, workspace, "new", "memory").text == "new"
    assert read(store, workspace, "last", "memory").payload == {"item": "i"}


def test_one_row_twice_in_one_write(store: PointStore, workspace: str) -> None:
    written = store.write(
        workspace, [Put("records", "a", {"kind": "1"}), Put("records", "a", {"kind": "2"}, expected_rev=1)]
    )
    assert written.revs == {"a": 2}
    assert read(store, workspace, "a").payload == {"kind": "2"}
    written = store.write(workspace, [Delete("records", "a"), Put("records", "a", {"kind": "3"}, expected_rev=0)])
    assert written.deleted == 1
    assert read(store, workspace, "a").payload == {"kind": "3"}


def test_all_rows_of_a_write_share_its_seq(store: PointStore, workspace: str) -> None:
    written = store.write(workspace, [Put("records", "a", {}), Put("memory", "b", {}, "x")])
    assert read(store, workspace, "a").seq == read(store, workspace, "b", "memory").seq == written.seq


def test_a_write_of_nothing(store: PointStore, workspace: str) -> None:
    written = store.write(workspace, [])
    assert (written.revs, written.patched, written.deleted) == ({}, 0, 0)


def test_a_write_without_waiting_for_the_disk(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {"kind": "x"})], durable=False)
    assert read(store, workspace, "a").payload == {"kind": "x"}


# patch and delete


def test_patch_sets_and_removes_fields_and_keeps_the_text(store: PointStore, workspace: str) -> None:
    payload = {"item": "i", "kind": "k", "tags": ["t"], "priority": 1, "metadata": {"a": 1}}
    store.write(workspace, [Put("memory", "a", payload, "keep me"), Put("memory", "b", {"item": "j"}, "other")])
    fields = {"kind": None, "tags": ["u", "v"], "metadata": {"b": 2}, "free": {"x": [1]}, "absent": None}
    written = store.write(workspace, [Patch("memory", Eq("item", "i"), fields)])
    assert (written.patched, written.deleted, written.revs) == (1, 0, {})
    point = read(store, workspace, "a", "memory")
    assert point.payload == {"item": "i", "tags": ["u", "v"], "priority": 1, "metadata": {"b": 2}, "free": {"x": [1]}}
    assert (point.text, point.rev, point.seq) == ("keep me", 2, written.seq)
    assert read(store, workspace, "b", "memory").rev == 1
    for where, count in ((Eq("kind", "k"), 0), (Eq("tags", "t"), 0), (Eq("tags", "v"), 1), (Eq("metadata.a", 1), 0)):
        assert store.count(workspace, "memory", where) == count, where
    assert store.count(workspace, "memory", Eq("metadata.b", 2)) == 1


def test_patch_of_nothing(store: PointStore, workspace: str) -> None:
    assert store.write(workspace, [Patch("records", Eq("kind", "none such"), {"user": "u"})]).patched == 0


def test_patch_can_take_a_row_out_and_not_bring_it_back(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {"kind": "k"})])
    store.write(workspace, [Patch("records", Eq("kind", "k"), {"expires_at": time.time() - 1})])
    assert gone(store, workspace, "a")
    assert store.write(workspace, [Patch("records", Eq("kind", "k"), {"expires_at": None})]).patched == 0


def test_a_lifetime_can_be_taken_off(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {"kind": "k", "expires_at": time.time() + 0.3})])
    store.write(workspace, [Patch("records", Eq("kind", "k"), {"expires_at": None})])
    time.sleep(0.4)
    assert read(store, workspace, "a").payload == {"kind": "k"}


def test_delete(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {}, "text")])
    assert store.write(workspace, [Delete("records", "a"), Delete("records", "never")]).deleted == 1
    assert gone(store, workspace, "a")
    assert store.write(workspace, [Delete("records", "a")]).deleted == 0


def test_delete_where(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", f"r{n}", {"priority": n, "kind": "k"}) for n in range(6)])
    where = And((In("priority", (1, 2, 9)), Not(Eq("kind", "x"))))
    assert store.write(workspace, [DeleteWhere("records", where)]).deleted == 2
    assert [p.id for p in store.scroll(workspace, "records").points] == ["r0", "r3", "r4", "r5"]
    assert store.write(workspace, [DeleteWhere("records", And(()))]).deleted == 4


def test_many_rows_in_one_write(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", f"r{n:04}", {"kind": "many", "position": n}) for n in range(700)])
    assert store.count(workspace, "records") == 700
    assert store.write(workspace, [Patch("records", Eq("kind", "many"), {"kind": "few"})]).patched == 700
    assert store.count(workspace, "records", Eq("kind", "few")) == 700
    ids = [f"r{n:04}" for n in range(700)]
    assert [p.id for p in store.get(workspace, "records", ids) if p] == ids
    assert store.write(workspace, [DeleteWhere("records", Eq("kind", "few"))]).deleted == 700


# unique keys


def test_a_unique_key_has_one_living_holder(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {}, unique="key 東京")])
    for collection in COLLECTIONS:
        with pytest.raises(Duplicate) as caught:
            store.write(workspace, [Put("records", "x", {}), Put(collection, "b", {}, "t", unique="key 東京")])
        assert (caught.value.unique, caught.value.existing_id) == ("key 東京", "a")
        assert gone(store, workspace, "b", collection)
        assert gone(store, workspace, "x")
    assert store.write(workspace, [Put("records", "a", {"kind": "again"}, unique="key 東京")]).revs == {"a": 2}


def test_two_rows_of_one_write_cannot_share_a_key(store: PointStore, workspace: str) -> None:
    with pytest.raises(Duplicate):
        store.write(workspace, [Put("records", "a", {}, unique="k"), Put("records", "b", {}, unique="k")])
    assert gone(store, workspace, "a")
    assert store.write(workspace, [Put("records", "b", {}, unique="k")]).revs == {"b": 1}


def test_a_key_is_free_again_without_its_holder(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "deleted", {}, unique="1"), Put("records", "renamed", {}, unique="2")])
    store.write(
        workspace, [Put("records", "unnamed", {}, unique="3"), Put("records", "swept", {"kind": "s"}, unique="4")]
    )
    store.write(workspace, [Put("records", "expired", {"expires_at": time.time() - 1}, unique="5")])
    store.write(workspace, [Delete("records", "deleted"), Put("records", "renamed", {}, unique="other")])
    store.write(workspace, [Put("records", "unnamed", {}), DeleteWhere("records", Eq("kind", "s"))])
    for key in "12345":
        assert store.write(workspace, [Put("records", f"new {key}", {}, unique=key)]).revs == {f"new {key}": 1}
        with pytest.raises(Duplicate):
            store.write(workspace, [Put("records", "late", {}, unique=key)])


def test_a_key_passes_on_within_one_write(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {}, unique="k")])
    with pytest.raises(Duplicate):
        store.write(workspace, [Put("records", "b", {}, unique="k"), Delete("records", "a")])
    store.write(workspace, [Delete("records", "a"), Put("records", "b", {}, unique="k")])
    with pytest.raises(Duplicate) as caught:
        store.write(workspace, [Put("records", "c", {}, unique="k")])
    assert caught.value.existing_id == "b"


def test_a_patch_keeps_the_key(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {"kind": "k"}, unique="u")])
    store.write(workspace, [Patch("records", Eq("kind", "k"), {"kind": "l"})])
    with pytest.raises(Duplicate):
        store.write(workspace, [Put("records", "b", {}, unique="u")])


# threads


def test_eight_threads_count_in_one_row(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "counter", {"position": 0})])
    threads, rounds = 8, 6

    def count() -> None:
        for _ in range(rounds):
            while True:
                point = read(store, workspace, "counter")
                put = Put("records", "counter", {"position": point.payload["position"] + 1}, expected_rev=point.rev)
                try:
                    store.write(workspace, [put])
                    break
                except Conflict:
                    continue

    workers = [threading.Thread(target=count) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    point = read(store, workspace, "counter")
    assert point.payload == {"position": threads * rounds}
    assert point.rev == threads * rounds + 1


def test_of_eight_threads_one_gets_the_unique_key(store: PointStore, workspace: str) -> None:
    outcomes: list[str] = []
    barrier = threading.Barrier(8)

    def add(number: int) -> None:
        barrier.wait()
        try:
            store.write(workspace, [Put("memory", f"p{number}", {}, "x"), Put("records", f"r{number}", {}, unique="k")])
            outcomes.append("added")
        except Duplicate:
            outcomes.append("duplicate")

    workers = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(outcomes) == ["added"] + ["duplicate"] * 7
    assert store.count(workspace, "records") == store.count(workspace, "memory") == 1


def test_threads_that_write_the_same_rows_lose_nothing(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", id, {"kind": "k"}) for id in "abc"])

    def patch(number: int) -> None:
        store.write(workspace, [Patch("records", Eq("kind", "k"), {f"field{number}": number})])

    workers = [threading.Thread(target=patch, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    for id in "abc":
        point = read(store, workspace, id)
        assert point.payload == {"kind": "k", **{f"field{n}": n for n in range(8)}}
        assert point.rev == 9


def test_an_unknown_collection_is_refused(store: PointStore, workspace: str) -> None:
    with pytest.raises(InvalidRequest):
        store.write(workspace, [Put("other", "a", {})])  # type: ignore[arg-type]  # what a careless caller does
