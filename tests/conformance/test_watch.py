"""Watch: what changed, oldest first, each change once; and waiting for the next."""

import threading
import time

from memoryops.stores.filters import Eq
from memoryops.stores.ports import Delete, DeleteWhere, Event, Patch, PointStore, Put


def states(events: list[Event]) -> list[tuple[str, str, str | None, int, bool]]:
    return [(event.collection, event.id, event.type, event.rev, event.deleted) for event in events]


def test_events_are_the_states_after_their_writes(store: PointStore, workspace: str) -> None:
    one = store.write(workspace, [Put("records", "a", {"type": "task"})])
    two = store.write(workspace, [Put("memory", "p", {}, "x")])
    events = store.watch(workspace, 0)
    assert states(events) == [("records", "a", "task", 1, False), ("memory", "p", None, 1, False)]
    assert [event.seq for event in events] == [one.seq, two.seq]
    store.write(workspace, [Patch("records", Eq("type", "task"), {"type": "done"})])
    assert states(store.watch(workspace, two.seq)) == [("records", "a", "done", 2, False)]


def test_a_tombstone_keeps_id_and_type(store: PointStore, workspace: str) -> None:
    store.write(
        workspace, [Put("records", "a", {"type": "task", "kind": "k"}, "text"), Put("memory", "p", {"kind": "k"}, "x")]
    )
    since = store.write(workspace, [Put("records", "b", {})]).seq
    store.write(workspace, [Delete("records", "a")])
    store.write(workspace, [DeleteWhere("memory", Eq("kind", "k"))])
    assert states(store.watch(workspace, since)) == [("records", "a", "task", 2, True), ("memory", "p", None, 2, True)]


def test_nothing_new(store: PointStore, workspace: str) -> None:
    assert store.watch(workspace, 0) == []
    since = store.write(workspace, [Put("records", "a", {})]).seq
    assert store.watch(workspace, since) == []
    assert store.watch(workspace, since + 10**9) == []
    store.write(workspace, [Delete("records", "never there")])
    assert store.watch(workspace, since) == []


def test_a_write_is_never_cut_in_two(store: PointStore, workspace: str) -> None:
    for start in range(3):
        store.write(workspace, [Put("records", f"r{start}{n}", {}) for n in range(4)])
    seen: list[str] = []
    since = 0
    while events := store.watch(workspace, since, limit=3):
        assert len(events) == 4
        since = events[-1].seq
        seen += [event.id for event in events]
    assert sorted(seen) == [f"r{start}{n}" for start in range(3) for n in range(4)]


def test_each_change_once_however_often_one_asks(store: PointStore, workspace: str) -> None:
    since, seen = 0, []
    for n in range(12):
        store.write(workspace, [Put("records", f"r{n}", {})])
        if n % 3 == 0:
            events = store.watch(workspace, since, limit=2)
            since = events[-1].seq
            seen += [event.id for event in events]
    while events := store.watch(workspace, since, limit=2):
        since = events[-1].seq
        seen += [event.id for event in events]
    assert seen == [f"r{n}" for n in range(12)]


def test_two_readers_do_not_disturb_each_other(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "a", {})])
    first = store.watch(workspace, 0)
    assert store.watch(workspace, 0) == first
    store.write(workspace, [Put("records", "b", {})])
    later = store.watch(workspace, first[-1].seq)
    assert [event.id for event in later] == ["b"]
    assert store.watch(workspace, first[-1].seq) == later
    assert [event.id for event in store.watch(workspace, 0)] == ["a", "b"]


def test_it_waits_for_the_first_change(store: PointStore, workspace: str) -> None:
    since = store.write(workspace, [Put("records", "a", {})]).seq
    started = time.monotonic()
    assert store.watch(workspace, since, timeout=0.3) == []
    assert 0.25 < time.monotonic() - started < 2
    found: list[Event] = []
    waiter = threading.Thread(target=lambda: found.extend(store.watch(workspace, since, timeout=10)))
    waiter.start()
    time.sleep(0.1)
    started = time.monotonic()
    store.write(f"{workspace} elsewhere", [Put("records", "not this", {})])
    store.write(workspace, [Put("records", "b", {})])
    waiter.join(5)
    assert [event.id for event in found] == ["b"]
    assert time.monotonic() - started < 3
