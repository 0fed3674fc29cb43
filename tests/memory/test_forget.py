"""Forgetting: everything derived goes along, and after a hard one no byte is left."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memoryops.encoders.hashing import HashingEncoder
from memoryops.memory.errors import Forbidden, InvalidInput, MemoryOpsError, NotFound
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore
from memoryops.stores.embedded.ending import stop_owner
from memoryops.stores.embedded.engine import EmbeddedStore

Make = Callable[..., MemoryOps]


def test_what_is_forgotten_is_gone_from_every_read(ops: MemoryOps, tmp_path: Path) -> None:
    id = ops.add("quokka facts", tags=["a"]).id
    ops.search("quokka")
    done = ops.forget(id)
    assert (list(done.ids), list(done.derived), list(done.missing), done.hard) == ([id], [], [], False)
    assert not ops.search("quokka").hits
    with pytest.raises(NotFound):
        ops.retrieve(id)
    state = ops.state()
    assert (state.items, state.passages, state.tokens, state.by_content_type) == (0, 0, 0, {})
    assert ops.export(tmp_path / "a").records == 0


def test_unknown_ids_are_reported_and_the_rest_goes(ops: MemoryOps) -> None:
    id = ops.add("here").id
    task = ops.tasks.create("not a memory").id
    done = ops.forget(["nothing", id, task, id, "nothing"])
    assert list(done.ids) == [id] and list(done.missing) == ["nothing", task]
    assert ops.tasks.get(task).title == "not a memory"


def test_chains_and_circles_of_derivation_go_along(ops: MemoryOps) -> None:
    root = ops.add("root").id
    chain = [root]
    for number in range(6):
        chain.append(ops.add(f"link {number}", derived_from=[chain[-1], "elsewhere"]).id)
    left = ops.add("circle a", derived_from=[root, "later"]).id
    right = ops.add("circle b", derived_from=[left]).id
    other = ops.add("not derived", derived_from=["elsewhere"]).id
    done = ops.forget(root)
    assert list(done.ids) == [root]
    assert set(done.derived) == {*chain[1:], left, right}
    assert len(done.derived) == 8
    assert ops.retrieve(other).content == "not derived"
    assert ops.state().items == 1


def test_a_circle_is_forgotten_from_any_of_its_places(ops: MemoryOps, tmp_path: Path) -> None:
    first = ops.add("a").id
    second = ops.add("b", derived_from=[first]).id
    path = tmp_path / "circle"
    ops.export(path)
    path.write_text(path.read_text().replace('"derived_from": []', f'"derived_from": ["{second}"]'))
    ops.import_(path, overwrite=True)
    assert list(ops.forget(second).derived) == [first]
    assert ops.state().items == 0


def test_parent_and_child_in_one_call_are_each_reported_once(ops: MemoryOps) -> None:
    for turn in (1, -1):
        parent = ops.add("parent").id
        child = ops.add("child", derived_from=[parent]).id
        done = ops.forget([parent, child][::turn])
        assert sorted([*done.ids, *done.derived]) == sorted([parent, child]) and not done.missing


def test_an_item_with_many_derived_ones_is_forgotten(ops: MemoryOps) -> None:
    root = ops.add("root of many").id
    ops.add_many([{"content": f"leaf {n}", "derived_from": [root]} for n in range(1200)])
    assert len(ops.forget(root).derived) == 1200
    assert ops.state().items == 0


def test_forgetting_many_takes_time_by_their_number(ops: MemoryOps) -> None:
    ops.add_many([{"content": f"note {n}", "content_type": "a" if n % 3 else "b"} for n in range(600)])
    started = time.monotonic()
    ops.forget(where={"content_type": "b"})
    few = time.monotonic() - started
    started = time.monotonic()
    ops.forget(where={"content_type": "a"})
    assert ops.state().items == 0
    assert few + time.monotonic() - started < 10


def test_a_filter_forgets_what_it_finds_and_nothing_else(ops: MemoryOps) -> None:
    ops.add_many([{"content": f"n {n}", "tags": ["odd" if n % 2 else "even"], "priority": n + 1} for n in range(6)])
    done = ops.forget(where={"tags": ["odd"], "priority": {"gte": 3}})
    assert len(done.ids) == 2
    assert ops.state().items == 4
    assert not ops.forget(where={"tags": "nobody's"}).ids


@pytest.mark.parametrize(
    ("ids", "where"), [(None, None), (["a"], {"tags": "x"}), ([], None), (None, {}), ([""], None), ([None], None)]
)
def test_a_call_that_says_too_little_or_too_much_forgets_nothing(ops: MemoryOps, ids: Any, where: Any) -> None:
    ops.add("stays")
    with pytest.raises(InvalidInput):
        ops.forget(ids, where=where)
    assert ops.state().items == 1


def test_a_filter_with_many_values_is_answered_or_refused_as_the_callers_matter(ops: MemoryOps) -> None:
    ops.add("note of type t7", content_type="t7")
    try:
        done = ops.forget(where={"content_type": [f"t{n}" for n in range(1500)]})
    except MemoryOpsError:
        return
    assert len(done.ids) == 1


def test_an_agent_cannot_forget_what_is_in_quarantine(ops: MemoryOps, person: MemoryOps) -> None:
    id = ops.quarantine.add("evidence", reason="r").id
    for hard in (False, True):
        with pytest.raises(MemoryOpsError):
            ops.forget(id, hard=hard)
    assert person.quarantine.list().entries[0].content == "evidence"
    with pytest.raises(Forbidden):
        ops.quarantine.purge(id)
    person.forget(id)
    assert not person.quarantine.list().entries


# hard


def traces(folder: Path, *texts: str) -> list[tuple[str, str]]:
    """Which files below *folder* hold any of *texts*, in UTF-8 or UTF-16."""
    encodings = ("utf-8", "utf-16-le", "utf-16-be")
    start = "Distinctive" if all(text.startswith("Distinctive") for text in texts) else texts[0]
    found = []
    for path in folder.rglob("*"):
        if not path.is_file() or "backups" in path.parts:
            continue
        data = path.read_bytes()
        suspects = [encoding for encoding in encodings if start.encode(encoding) in data]
        found += [(text, path.name) for text in texts for encoding in suspects if text.encode(encoding) in data]
    return found


def word(name: str) -> str:
    return f"Distinctive{name}Xq{os.getpid()}Zv"


def exercise(ops: MemoryOps, person: MemoryOps) -> tuple[list[str], str]:
    """Bring texts into the folder in every way there is; the ids to forget and the id of what stays."""
    stays = ops.add("what stays is here: keepsake").id
    plain = ops.add(f"{word('Plain')} in an item", tags=["tag"], metadata={"k": word("Meta")}, speaker=word("Speaker"))
    updated = ops.add(f"{word('Old')} before the update, ünï").id
    ops.update(updated, {"content": f"{word('New')} after it"})
    pending = ops.add(f"{word('Pending')} long text. " + "words and words. " * 3000).id
    held = ops.quarantine.add(f"{word('Held')} in quarantine", reason=word("Reason")).id
    moved = ops.add(f"{word('Moved')} into quarantine and out").id
    ops.quarantine.add(id=moved, reason=word("Reason"))
    person.quarantine.release(moved)
    said = ops.add(f"{word('Said')} in a thread", kind="message", thread=word("Thread"), idempotency_key="k").id
    after = ops.add("and what came after", kind="message", thread=word("Thread")).id
    child = ops.add(f"{word('Child')} of plain", derived_from=[plain.id]).id
    for name in ("Plain", "Old", "New", "Pending", "Moved", "Said", "Child"):
        ops.search(word(name))
    assert child
    return [plain.id, updated, pending, held, moved, said, after], stays


NAMES = "Plain Meta Speaker Old New Pending Held Reason Moved Said Thread Child".split()


def test_after_a_hard_forget_no_byte_is_left(data_dir: Path) -> None:
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64")
    person = MemoryOps(store, Scope("w", role="human"))
    ops = person.with_scope(Scope("w"))
    ids, stays = exercise(ops, person)
    words = [word(name) for name in NAMES]
    assert {text for text, _ in traces(data_dir, *words)} >= {word("Plain"), word("Held"), word("New")}
    person.forget(ids, hard=True)
    assert traces(data_dir, *words) == []
    assert ops.search("keepsake").hits[0].id == stays
    time.sleep(0.2)
    person.close()
    assert traces(data_dir, *words) == []
    assert traces(data_dir, "keepsake") != []
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64")
    assert MemoryOps(store, Scope("w")).search("keepsake").hits[0].id == stays
    store.close()


def test_a_hard_forget_through_the_owner_leaves_no_byte(data_dir: Path, owned: Callable[[], OwnedStore]) -> None:
    person = MemoryOps(owned(), Scope("w", role="human"))
    ids, _ = exercise(person.with_scope(Scope("w")), person)
    words = [word(name) for name in NAMES]
    person.forget(ids, hard=True)
    assert traces(data_dir, *words) == []
    person.close()
    stop_owner(data_dir)
    assert traces(data_dir, *words) == []


def test_the_old_text_of_an_update_goes_with_a_hard_forget_of_another_item(data_dir: Path) -> None:
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64")
    ops = MemoryOps(store, Scope("w"))
    id = ops.add(word("Replaced") + " text " * 500).id
    ops.update(id, {"content": "short"})
    ops.forget(ops.add("other").id, hard=True)
    assert traces(data_dir, word("Replaced")) == []
    ops.close()


def test_backups_are_the_named_exception(data_dir: Path) -> None:
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64")
    ops = MemoryOps(store, Scope("w"))
    id = ops.add(word("Kept")).id
    backup = store.backup(data_dir / "backups" / "one.sqlite")
    ops.forget(id, hard=True)
    assert word("Kept").encode() in backup.read_bytes()
    assert traces(data_dir, word("Kept")) == []
    ops.close()


def test_searches_go_on_while_something_is_erased(data_dir: Path) -> None:
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64")
    ops = MemoryOps(store, Scope("w"))
    ops.add_many([{"content": f"apple number {n}"} for n in range(60)])
    wrong: list[object] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            try:
                found = len(ops.search("apple", limit=50).hits)
            except Exception as error:
                wrong.append(error)
            else:
                wrong.extend([found] if found < 50 else [])

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        ops.forget(ops.add(f"passing {number}").id, hard=True)
    stop.set()
    for thread in threads:
        thread.join()
    ops.close()
    assert wrong == []


# expiry


def test_what_has_expired_is_gone_from_every_read_at_once(timed: MemoryOps, clock: Any, tmp_path: Path) -> None:
    stays = timed.add("wombat that stays").id
    id = timed.add("wombat for a while", ttl=10, derived_from=[stays]).id
    held = timed.quarantine.add("wombat in quarantine", reason="r", ttl=10).id
    person = timed.with_scope(Scope(timed.scope.workspace, role="human"))
    assert timed.state().items == 2 and len(person.quarantine.list().entries) == 1
    clock.goes_on(10)
    assert [hit.id for hit in timed.search("wombat").hits] == [stays]
    for each in (id, held):
        with pytest.raises(NotFound):
            person.retrieve(each)
        with pytest.raises(NotFound):
            person.update(each, {"priority": 2})
    with pytest.raises(NotFound):
        person.quarantine.release(held)
    assert not person.quarantine.list().entries
    state = timed.state()
    assert (state.items, state.passages, state.quarantined, state.tokens) == (1, 1, 0, timed.retrieve(stays).tokens)
    assert person.export(tmp_path / "a", quarantined=True).records == 1
    assert list(timed.forget(id).missing) == [id]
    assert not timed.forget(where={"priority": {"lte": 10}, "tags": {"not": "x"}}).missing


def test_a_new_time_to_live_counts_from_the_update_and_none_lifts_it(timed: MemoryOps, clock: Any) -> None:
    first, second = timed.add("numbat one", ttl=10).id, timed.add("numbat two", ttl=10).id
    clock.goes_on(5)
    timed.update(first, {"ttl": 10})
    timed.update(second, {"ttl": None})
    clock.goes_on(9)
    assert {hit.id for hit in timed.search("numbat").hits} == {first, second}
    clock.goes_on(2)
    assert {hit.id for hit in timed.search("numbat").hits} == {second}


def test_what_has_expired_is_gone_from_the_disk_after_the_sweep(data_dir: Path, clock: Any) -> None:
    store = EmbeddedStore(data_dir, lambda spec: HashingEncoder(), "hashing:64", clock=clock)
    ops = MemoryOps(store, Scope("w"), clock=clock)
    ops.add(word("Fleeting") + " text", ttl=5, idempotency_key="k", tags=["t"])
    ops.search("text")
    assert store.sweep() == 0
    clock.goes_on(6)
    assert store.sweep() >= 2
    store.purge()
    assert traces(data_dir, word("Fleeting")) == []
    assert store.info().passages == 0
    ops.close()
