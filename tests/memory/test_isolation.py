"""No read of one scope shows a byte of another; what others write never changes a score."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops.memory.errors import MemoryOpsError
from memoryops.memory.hygiene import Policy
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.errors import StoreError
from memoryops.stores.filters import And, Eq, Exists, Filter, In, Not, Or, Range
from memoryops.stores.ports import PointStore

Make = Callable[..., MemoryOps]
MARK = "Foreign"
"""Every text, name and tag of the other side holds this word, and nothing of ours does."""
FIELDS = ("workspace", "user", "thread", "agent", "tags", "kind", "type", "status", "item", "derived_from", "speaker",
          "source", "metadata.k", "metadata.workspace")  # fmt: skip
VALUES = ("A", "B", "u1", "u2", "t1", "t2", f"{MARK} tag", "item", "active", "quarantined", "", "*", "%", True, 0)
_numbers = itertools.count(1)

LEAVES: st.SearchStrategy[Filter] = st.one_of(
    st.builds(Eq, st.sampled_from(FIELDS), st.sampled_from(VALUES)),
    st.builds(In, st.sampled_from(FIELDS), st.lists(st.sampled_from(VALUES), max_size=4).map(tuple)),
    st.builds(Exists, st.sampled_from(FIELDS)),
    st.builds(Range, st.sampled_from(["created_at", "priority"]), gte=st.sampled_from([0.0, -1e300])),
)
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(Not, inner),
        st.builds(And, st.lists(inner, max_size=3).map(tuple)),
        st.builds(Or, st.lists(inner, max_size=3).map(tuple)),
    ),
    max_leaves=6,
)
WHERES = st.one_of(st.none(), FILTERS, st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(VALUES), max_size=3))


def fill(ops: MemoryOps, mark: str) -> dict[str, list[str]]:
    """One of everything, and the ids and cursors that a spy may have got hold of."""
    ids: list[str] = []
    cursors: list[str] = []
    for n in range(4):
        ids.append(ops.add(f"{mark} apple {n}", tags=[f"{mark} tag"], metadata={"k": f"{mark} v"}).id)
        ids.append(ops.add(f"{mark} turn {n}", kind="message", speaker=f"{mark} Ann").id)
        ids.append(ops.quarantine.add(f"{mark} held {n}", reason=f"{mark} reason").id)
        ids.append(ops.tasks.create(f"{mark} task {n}", f"{mark} description").id)
        ids.append(ops.hil.request(f"{mark} question {n}", context=f"{mark} context").id)
    ids.append(ops.add(f"{mark} apple of old", priority=1).id)
    MemoryOps(ops.store, ops.scope, policy=Policy(0, 0)).hygiene(limit=1)  # archives that one
    for page in (
        ops.search("apple", limit=1), ops.tasks.list(limit=1), ops.hil.list(limit=1), ops.quarantine.list(limit=1),
    ):  # fmt: skip
        cursors.append(page.next_cursor or "")
    passages = [f"{id}:0" for id in ids[:3]]
    return {"ids": [*ids, *passages, f"access:{ids[0]}", f"agent:{mark}"], "cursors": cursors}


def reads(ops: MemoryOps, where: Any, id: str, cursor: str, path: Path) -> Iterator[Callable[[], object]]:
    """Every public read, with everything that a caller can choose."""
    yield lambda: ops.search(f"{MARK} apple", where=where, limit=100, explain=True)
    yield lambda: ops.search("apple", where=where, limit=1, cursor=cursor)
    yield lambda: ops.search(f"{MARK} apple", where={"state": "archived"}, explain=True)
    yield lambda: ops.archived(limit=1000)
    yield lambda: ops.archived(limit=1, cursor=cursor)
    yield lambda: ops.retrieve(id)
    yield lambda: ops.retrieve(id, "compressed")
    yield lambda: ops.retrieve(id, "hint")
    yield lambda: ops.hygiene(dry_run=True)
    yield lambda: {**ops.state().as_json(), "workspace": "", "store": ""}
    yield lambda: (ops.export(path), path.read_text(encoding="utf-8"))
    yield lambda: ops.quarantine.list(limit=1000)
    yield lambda: ops.quarantine.list(limit=1, cursor=cursor)
    yield lambda: ops.tasks.list(limit=1000)
    yield lambda: ops.tasks.list(limit=1, cursor=cursor)
    yield lambda: ops.tasks.list(tag=f"{MARK} tag")
    yield lambda: ops.tasks.get(id)
    yield lambda: ops.hil.list(limit=1000)
    yield lambda: ops.hil.list(limit=1, cursor=cursor)
    yield lambda: ops.hil.get(id)
    yield lambda: ops.hil.wait(id, timeout=0)
    yield lambda: ops.items.access.last([id])


def agents(ops: MemoryOps, cursor: str) -> Iterator[Callable[[], object]]:
    yield lambda: ops.agents.list(limit=1000)
    yield lambda: ops.agents.list(limit=1, cursor=cursor)
    yield lambda: ops.agents.list(capability=f"{MARK} skill")
    yield lambda: ops.agents.heartbeat(f"{MARK} agent")


def writes(ops: MemoryOps, id: str) -> Iterator[Callable[[], object]]:
    """Every write that names something."""
    yield lambda: ops.update(id, {"priority": 1})
    yield lambda: ops.restore(id)
    yield lambda: ops.forget(id).derived
    yield lambda: ops.quarantine.add(id=id, reason="r")
    yield lambda: ops.quarantine.release(id)
    yield lambda: ops.quarantine.purge(id)
    yield lambda: ops.tasks.claim(id, agent="spy")
    yield lambda: ops.tasks.update(id, status="done")
    yield lambda: ops.hil.answer(id, "yes")
    yield lambda: ops.hil.decline(id)


def outcome(call: Callable[[], object]) -> str:
    try:
        return repr(call())
    except (MemoryOpsError, StoreError) as error:
        return str(error).replace(f"{MARK} agent", "")


Side = tuple[MemoryOps, MemoryOps]
SIDES: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
    "workspaces": ({"workspace": "A"}, {"workspace": "B"}),
    "users": ({"user": "u1"}, {"user": "u2"}),
    "threads": ({"thread": "t1"}, {"thread": "t2"}),
}


def sides(store: PointStore, kind: str, role: str = "human") -> Side:
    number = next(_numbers)
    ours, theirs = ({"workspace": "W", **fields} for fields in SIDES[kind])
    for fields in (ours, theirs):
        fields["workspace"] += f" {number}"
    return MemoryOps(store, Scope(**ours, role=role)), MemoryOps(store, Scope(**theirs, role=role))  # type: ignore[arg-type]  # literals


@pytest.mark.parametrize("kind", SIDES)
def test_no_read_shows_a_byte_of_the_other_side(store: PointStore, kind: str, tmp_path: Path) -> None:
    ours, theirs = sides(store, kind)
    fill(ours, "Own")
    known = fill(theirs, MARK)
    if kind == "workspaces":
        theirs.agents.register(f"{MARK} agent", [f"{MARK} skill"])
        theirs.agents.register(f"{MARK} agent 2", [f"{MARK} skill"])
        known["cursors"].append(theirs.agents.list(limit=1).next_cursor or "")

    @settings(
        max_examples=40, deadline=None, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip
    @given(WHERES, st.sampled_from(known["ids"]), st.sampled_from(known["cursors"]))
    def spy(where: Any, id: str, cursor: str) -> None:
        path = tmp_path / f"{next(_numbers)}"
        calls = list(reads(ours, where, id, cursor, path))
        if kind == "workspaces":
            calls += list(agents(ours, cursor))
        for call in calls:
            assert MARK not in outcome(call).replace(repr(f"agent:{MARK}"), "").replace(f"'{MARK} agent'", "")

    spy()


@pytest.mark.parametrize("kind", SIDES)
def test_no_write_reaches_the_other_side(store: PointStore, kind: str, tmp_path: Path) -> None:
    ours, theirs = sides(store, kind)
    known = fill(theirs, MARK)
    theirs.export(tmp_path / "before", quarantined=True)
    for id in known["ids"]:
        for call in writes(ours, id):
            assert MARK not in outcome(call).replace(repr(f"agent:{MARK}"), "")
    assert not ours.forget(where=Not(Eq("tags", "nothing"))).ids
    with pytest.raises((MemoryOpsError, StoreError)):
        ours.tasks.claim(agent="spy")
    theirs.export(tmp_path / "after", quarantined=True)
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()


def scores(ops: MemoryOps) -> list[Any]:
    frozen = ops.search("apple turn question", limit=100, explain=True)
    return [(hit.id, hit.score, dict(hit.parts)) for hit in frozen.hits]


def test_what_another_workspace_writes_changes_no_score(store: PointStore) -> None:
    a, b = sides(store, "workspaces")
    moment = 1_900_000_000.0
    a = MemoryOps(store, a.scope, clock=lambda: moment)
    fill(a, "Own")
    before = scores(a)
    assert before
    fill(b, "Own")
    b.add_many([{"content": f"apple turn question {n}"} for n in range(120)])
    b.forget(b.add("apple apple apple").id, hard=True)
    assert scores(a) == before


def test_the_turns_of_another_user_are_not_embedded_with_mine(store: PointStore) -> None:
    def dense(with_others: bool) -> float:
        workspace = f"turns {next(_numbers)}"
        mine, theirs = (MemoryOps(store, Scope(workspace, user=user)) for user in ("u1", "u2"))
        mine.add("alpha beta", kind="message", thread="t", created_at=1000)
        if with_others:
            theirs.add("secret zebra", kind="message", thread="t", created_at=1001)
        id = mine.add("gamma delta", kind="message", thread="t", created_at=1002).id
        hits = mine.search("gamma secret zebra", explain=True).hits
        return next(hit.parts["dense"] / max(h.parts["dense"] for h in hits) for hit in hits if hit.id == id)

    workspace = f"turns {next(_numbers)}"
    mine, theirs = (MemoryOps(store, Scope(workspace, user=user)) for user in ("u1", "u2"))
    theirs.add("zebra", kind="message", thread="t", created_at=1001)
    mine.add("gamma", kind="message", thread="t", created_at=1002)
    assert list(mine.search("zebra").hits) == []
    assert dense(True) == dense(False)


def test_a_duplicate_tells_nothing_of_another_scope(store: PointStore) -> None:
    for kind in SIDES:
        ours, theirs = sides(store, kind)
        theirs.add("a text that both have", idempotency_key="k")
        assert ours.add("a text that both have").action == "added"
