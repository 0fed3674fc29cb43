"""Threads of checkpoints without a graph: trees of pages, order, freeing, two at once, users, time to live."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory.checkpoints import Checkpoints, Entry, Value
from memoryops.memory.checkpoints.plain import Plain
from memoryops.memory.checkpoints.refs import FANOUT, PIECE_BYTES, Draft, children, elements, names
from memoryops.memory.checkpoints.rows import armor, bare, rank
from memoryops.memory.checkpoints.views import NAME_COST, Views
from memoryops.memory.errors import Forbidden, Incomplete, InvalidInput
from memoryops.memory.service import MemoryOps
from memoryops.stores.errors import StoreUnavailable
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import Change, Delete, Page, PointStore, Written

Make = Callable[..., MemoryOps]
_numbers = itertools.count(1)


def rows_of(ops: MemoryOps) -> dict[str, int]:
    """How many rows of each kind the workspace has."""
    counts = ops.store.facet(ops.scope.workspace, "records", "type")
    return {kind.removeprefix("checkpoint_"): count for kind, count in counts.items()}


def put(kept: Checkpoints, id: str, messages: list[bytes], parent: str | None = None, **kw: Any) -> None:
    kept.put("t", id, {"messages": Value(int(id), messages)}, parent=parent, body=id.encode(), **kw)


# values


@given(st.binary(max_size=300))
def test_bytes_come_back_from_text_and_are_never_a_half_longer(data: bytes) -> None:
    text = armor(data)
    assert bare(text) == data
    assert len(text.encode()) <= 4 * ((len(data) + 2) // 3) + 1


ids = st.text(st.sampled_from("-0123456789abcdef .Gz~é😀"), min_size=1, max_size=14)


@given(ids, ids)
def test_the_rank_never_falls_while_ids_rise(one: str, other: str) -> None:
    low, high = sorted((one, other))
    assert rank(low) <= rank(high) < 2**53


@given(st.integers(0, 3 * FANOUT**2), st.integers(0, 40))
@settings(max_examples=40, deadline=None)
def test_a_list_that_grows_stores_its_new_parts_and_few_pages(before: int, more: int) -> None:
    parts = [str(number).encode() for number in range(before + more)]
    first = Draft(Plain())
    first.ref(parts[:before])
    second = Draft(Plain(), known=set(first.blobs))
    ref = second.ref(parts)
    blobs = first.blobs | second.blobs
    assert [blobs[name][1:] for name in elements(ref[2], blobs.__getitem__)] == parts
    assert len(list(names(ref))) < FANOUT * 3
    assert len(second.blobs) <= more + more // (FANOUT - 1) + 3


def test_equal_lists_share_their_pages_whatever_they_grew_from() -> None:
    parts = [str(number).encode() for number in range(100)]
    one, other = Draft(Plain()), Draft(Plain())
    other.ref(parts[:37])
    assert one.ref(parts) == other.ref(parts)
    assert one.blobs.items() <= other.blobs.items()
    assert all(child in one.blobs for content in one.blobs.values() for child in children(content))


# checkpoints


def test_values_of_any_size_come_back(ops: MemoryOps) -> None:
    values = {
        "none": b"",
        "short": b"x",
        "long": bytes(300),
        "huge": b"\xff\0" * PIECE_BYTES,
        "list": [b"a", b"", b"a"],
    }
    ops.checkpoints.put("t", "1", {name: Value(1, value) for name, value in values.items()})
    fresh = ops.checkpoints.by(Plain())
    found = fresh.get("t", "1")
    assert found is not None
    assert found.values == values
    assert fresh.get("t", "2") is None
    assert fresh.get("T") is None


def test_what_has_not_changed_is_taken_from_the_parent(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    put(kept, "1", [b"a" * 300])
    kept.put("t", "2", {"messages": Value(1, [b"never looked at"], changed=False)}, parent="1")
    found = kept.by(Plain()).get("t", "2")
    assert found is not None
    assert found.values == {"messages": [b"a" * 300]}


def test_each_part_of_a_thread_is_stored_once(ops: MemoryOps) -> None:
    kept, messages = ops.checkpoints, [str(number).encode() * 100 for number in range(40)]
    for number in range(1, 41):
        put(kept, f"{number:03}", messages[:number], f"{number - 1:03}" if number > 1 else None)
    assert rows_of(ops) == {"checkpoint": 40, "blob": 40 + 40 // FANOUT, "thread": 1}
    put(kept.by(Plain()), "041", [*messages, b"one more"], "040")  # as another process, which knows nothing yet
    assert rows_of(ops) == {"checkpoint": 41, "blob": 40 + 40 // FANOUT + 1, "thread": 1}


def test_prune_frees_what_the_latest_does_not_need(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    put(kept, "1", [b"old"], namespace="sub")
    put(kept, "2", [b"kept below"], namespace="sub")
    put(kept, "1", [b"x", b"gone"])
    kept.put_writes("t", "1", "task", [Entry("task", "messages", [b"written"], 0)])
    put(kept, "2", [b"x", b"y"], "1")
    kept.put_writes("t", "2", "task", [Entry("task", "messages", [b"pending"], 0)])
    kept.prune("t")
    assert rows_of(ops) == {"checkpoint": 2, "writes": 1, "blob": 4, "thread": 1}
    found = kept.by(Plain()).get("t")
    assert found is not None
    assert (found.values["messages"], found.writes[0].value) == ([b"x", b"y"], [b"pending"])
    put(kept, "3", [b"x", b"y", b"gone"], "2")  # comes back after it was freed
    again = kept.by(Plain()).get("t")
    assert again is not None
    assert again.values["messages"] == [b"x", b"y", b"gone"]


def test_delete_leaves_no_row_and_other_threads_alone(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    put(kept, "1", [b"a", b"b"])
    kept.put("other", "1", {"messages": Value(1, [b"a"])})
    kept.delete("t")
    kept.delete("never there")
    assert rows_of(ops) == {"checkpoint": 1, "blob": 1, "thread": 1}
    assert kept.get("t") is None
    put(kept, "1", [b"a", b"b"])
    found = kept.get("t")
    assert found is not None
    assert found.values["messages"] == [b"a", b"b"]


def test_runs_are_deleted_from_all_threads_and_keep_what_others_are_rebuilt_from(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    kept.put("t", "1", {}, labels={"run_id": "first"})
    kept.put_writes("t", "1", "task", [Entry("task", "log", [b"one"], 0)])
    kept.put("t", "2", {}, parent="1", labels={"run_id": "second"}, needs=["log"])
    kept.put("u", "1", {"messages": Value(1, [b"x"])}, labels={"run_id": "first"})
    kept.delete_runs(["first", "unknown"])
    assert kept.get("u") is None
    assert kept.get("t", "1") is None
    assert [saved.id for saved in kept.find("t")] == ["2"]
    history = kept.history("t", ["log"])["log"]
    assert [entry.value for entry in history.writes] == [[b"one"]]
    kept.put("t", "3", {"log": Value(1, [b"one"])}, parent="2", needs=["log"])
    kept.prune("t")
    assert rows_of(ops) == {"checkpoint": 3, "writes": 1, "blob": 1, "thread": 1}
    kept.put("t", "4", {"log": Value(1, [b"one"])}, parent="3")
    kept.prune("t")
    assert rows_of(ops) == {"checkpoint": 1, "blob": 1, "thread": 1}


def test_a_copy_is_whole_and_lives_on_its_own(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    put(kept, "1", [b"a"])
    put(kept, "2", [b"a", b"b"], "1")
    kept.put_writes("t", "2", "task", [Entry("task", "messages", [b"w"], 0)])
    kept.copy("t", "copy")
    kept.copy("t", "t")
    kept.copy("never there", "elsewhere")
    kept.delete("t")
    copied = kept.by(Plain()).find("copy")
    assert [(saved.id, saved.values["messages"], len(saved.writes)) for saved in copied] == [
        ("2", [b"a", b"b"], 1),
        ("1", [b"a"], 0),
    ]
    assert list(kept.find("elsewhere")) == []


def test_writes_of_a_task_stay_as_they_were_first(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    put(kept, "1", [])
    kept.put_writes("t", "1", "b", [Entry("b", "x", b"first", 0), Entry("b", "error", b"old", -1)])
    kept.put_writes(
        "t", "1", "b", [Entry("b", "x", b"late", 0), Entry("b", "y", b"new", 1), Entry("b", "error", b"new", -1)]
    )
    kept.put_writes("t", "1", "a", [Entry("a", "x", [bytes([n]) for n in range(60)], 0, "~path")])
    found = kept.get("t", "1")
    assert found is not None
    assert [(each.task, each.channel, each.index) for each in found.writes] == [
        ("b", "error", -1), ("b", "x", 0), ("b", "y", 1), ("a", "x", 0),
    ]  # fmt: skip
    assert [each.value for each in found.writes[:3]] == [b"new", b"first", b"new"]


def test_listings_go_by_id_and_stop_where_they_are_told(ops: MemoryOps) -> None:
    kept = ops.checkpoints
    for number in range(90):
        kept.put("t", f"id-{number:03}", {}, namespace="a" if number % 3 else "", metadata=bytes([number % 2]))
    everything = [saved.id for saved in kept.find("t")]
    assert everything == sorted(everything, reverse=True)
    assert len(everything) == 90
    assert [saved.id for saved in kept.find("t", before="id-002")] == ["id-001", "id-000"]
    assert len(list(kept.find("t", namespace="a", match=lambda metadata: metadata == b"\1"))) == 30
    assert [saved.id for saved in kept.find("t", namespace="", limit=2)] == ["id-087", "id-084"]
    assert list(kept.find("t", limit=0)) == []
    assert next(kept.find("t")).id == "id-089"


class Counted:
    """A store that counts the rows that a listing has read."""

    def __init__(self, store: PointStore) -> None:
        self._store, self.read = store, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def scroll(self, *args: Any, **kw: Any) -> Page:
        page = self._store.scroll(*args, **kw)
        self.read += len(page.points)
        return page


@pytest.mark.parametrize("namespace", ["", None])
def test_listing_one_by_its_id_reads_no_others(ops: MemoryOps, namespace: str | None) -> None:
    ids = [f"{number:08x}-0000" for number in range(150)]
    for id in ids:
        ops.checkpoints.put("t", id, {})
    store: Any = Counted(ops.store)
    kept = Checkpoints(store, ops.scope)
    assert [saved.id for saved in kept.find("t", namespace=namespace, id=ids[3])] == [ids[3]]
    assert list(kept.find("t", namespace=namespace, id="another")) == []
    assert store.read == 1


# two at once


class Meddled:
    """A store on which *meddle* happens once, right before the next write."""

    def __init__(self, store: PointStore, meddle: Callable[[], None]) -> None:
        self._store, self.meddle = store, meddle

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, workspace: str, changes: list[Change], *, durable: bool = True) -> Written:
        meddle, self.meddle = self.meddle, lambda: None
        meddle()
        return self._store.write(workspace, changes, durable=durable)


def test_a_put_that_relies_on_what_is_pruned_meanwhile_stores_it_anew(ops: MemoryOps) -> None:
    other = ops.checkpoints.by(Plain())
    mine = Checkpoints(Meddled(ops.store, lambda: None), ops.scope)  # type: ignore[arg-type]  # passes every call on
    put(mine, "1", [b"a", b"needed"])
    put(mine, "2", [b"b"], "1")
    mine.store.meddle = lambda: other.prune("t")  # type: ignore[attr-defined]
    put(mine, "3", [b"b", b"needed"], "2")
    found = other.by(Plain()).get("t", "3")
    assert found is not None
    assert found.values["messages"] == [b"b", b"needed"]


def test_a_prune_that_meets_a_put_keeps_what_that_needs(ops: MemoryOps) -> None:
    other = ops.checkpoints.by(Plain())
    put(other, "1", [b"a", b"needed"])
    put(other, "2", [b"b"], "1")
    mine = Checkpoints(Meddled(ops.store, lambda: put(other, "3", [b"needed"], "2")), ops.scope)  # type: ignore[arg-type]
    mine.prune("t")
    assert [(saved.id, saved.values["messages"]) for saved in other.by(Plain()).find("t")] == [("3", [b"needed"])]


def test_a_prune_that_meets_the_writes_of_a_task_keeps_them(ops: MemoryOps) -> None:
    other = ops.checkpoints.by(Plain())
    put(other, "1", [b"needed"])
    put(other, "2", [b"b"], "1")
    late = [Entry("task", "messages", [b"needed"], 0)]
    mine = Checkpoints(Meddled(ops.store, lambda: other.put_writes("t", "2", "task", late)), ops.scope)  # type: ignore[arg-type]
    mine.prune("t")
    found = other.by(Plain()).get("t")
    assert found is not None
    assert [entry.value for entry in found.writes] == [[b"needed"]]


# scopes and times


def test_a_thread_belongs_to_its_workspace_and_user(make: Make, fresh: Make) -> None:
    put(make(user="anna").checkpoints, "1", [b"secret"])
    for stranger in (make(), make(user="bert"), fresh(user="anna")):
        assert stranger.checkpoints.get("t") is None
        assert list(stranger.checkpoints.find()) == []
        stranger.checkpoints.delete("t")
        stranger.checkpoints.copy("t", "mine")
        assert stranger.checkpoints.get("mine") is None
    assert [saved.thread for saved in make(user="anna").checkpoints.find()] == ["t"]


def test_a_scope_bound_to_a_thread_reaches_no_other(make: Make) -> None:
    put(make().checkpoints, "1", [b"x"])
    bound = make(thread="other").checkpoints
    with pytest.raises(Forbidden):
        bound.get("t")
    assert list(bound.find()) == []


def test_a_thread_is_gone_when_its_time_has_come(timed: MemoryOps, clock: Any) -> None:
    kept = timed.checkpoints
    put(kept, "1", [b"a"], ttl=100)
    kept.put("lasting", "1", {})
    clock.goes_on(60)
    put(kept, "2", [b"a", b"b"], "1")
    clock.goes_on(60)
    assert kept.get("t", "1") is not None
    assert kept.sweep() == 0
    clock.goes_on(60)
    assert kept.get("t") is None
    assert kept.get("t", "1") is None
    assert [saved.thread for saved in kept.find()] == ["lasting"]
    assert kept.sweep() == 1
    assert rows_of(timed) == {"checkpoint": 1, "thread": 1}
    put(kept, "1", [b"a"])
    found = kept.get("t")
    assert found is not None
    assert found.values["messages"] == [b"a"]


def test_a_put_after_its_time_begins_the_thread_anew(timed: MemoryOps, clock: Any) -> None:
    put(timed.checkpoints, "1", [b"a"], ttl=100)
    clock.goes_on(101)
    put(timed.checkpoints, "2", [b"b"], ttl=100)
    assert [saved.id for saved in timed.checkpoints.find("t")] == ["2"]


# what is wrong


@pytest.mark.parametrize("thread", ["", None, 3])
def test_a_thread_needs_an_id(ops: MemoryOps, thread: Any) -> None:
    with pytest.raises(InvalidInput, match="thread id"):
        ops.checkpoints.get(thread)


@pytest.mark.parametrize("id", ["", "x" * 151, "line\nbreak", "nul\0"])
def test_an_odd_checkpoint_id_is_refused(ops: MemoryOps, id: str) -> None:
    with pytest.raises(InvalidInput, match="checkpoint id"):
        ops.checkpoints.put("t", id, {})


@pytest.mark.parametrize("thread", ["a\0b", "👩‍👩‍👧", "x" * 5000, "line\nbreak", " "])
def test_any_text_is_a_thread(ops: MemoryOps, thread: str) -> None:
    ops.checkpoints.put(thread, "1", {"a": Value(1, b"x")})
    assert ops.checkpoints.get(thread) is not None
    assert thread in {saved.thread for saved in ops.checkpoints.find()}


def test_a_lost_blob_is_an_error_and_not_an_empty_state(ops: MemoryOps) -> None:
    put(ops.checkpoints, "1", [b"a"])
    (blob,) = [p for p in ops.store.scroll(ops.scope.workspace, "records").points if p.payload["type"].endswith("blob")]
    ops.store.write(ops.scope.workspace, [Delete("records", blob.id)])
    with pytest.raises(Incomplete):
        ops.checkpoints.by(Plain()).get("t")


def test_of_the_threads_that_were_used_long_ago_nothing_is_kept_at_hand() -> None:
    views = Views(most=100 * NAME_COST)
    first = views.of("0")
    for number in range(20):
        view = views.of(str(number))
        view.learn("e", "row", {}, [bytes([number, name]) for name in range(20)])
        views.weigh(str(number))
    assert views.of("19") is view
    assert len(views.of("16").known) == 20
    assert views.of("0") is not first
    views.of("1").learn("e", "row", {}, [bytes([1, name]) for name in range(200)])
    views.weigh("1")
    assert len(views.of("1").known) == 200  # one thread may be as large as it is
    assert not views.of("19").known


def test_a_closed_store_says_so() -> None:
    ops = MemoryOps(InMemoryStore())
    ops.close()
    with pytest.raises(StoreUnavailable):
        put(ops.checkpoints, "1", [])
