"""Two workspaces on one store: no call of one sees, changes or scores anything of the other."""

import base64
import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.stores.errors import InvalidRequest
from memoryops.stores.filters import FIELDS, And, Eq, Exists, Filter, In, Not, Or
from memoryops.stores.ports import Candidate, Delete, DeleteWhere, Patch, Point, PointStore, Put, Query

from .strategies import COLLECTIONS, FILTERS, PAYLOADS, fresh, quick

MARK = "belongs to B"
ODD_IDS = ["r0", "r1", "b only", "../B", "%", "r0' OR '1'='1", "\0claims", "\0meta", "\ud800", "", "x" * 300]


def own(points: list[Point | None]) -> None:
    for point in points:
        assert point is None or (point.payload.get("source") != MARK and point.text != MARK)


def reads(store: PointStore, workspace: str, where: Filter | None, ids: list[str], cursors: list[str | None]) -> None:
    """Drive every read path; nothing of B may come out."""
    for collection in COLLECTIONS:
        for some in ([id] for id in ids):
            try:
                own(store.get(workspace, collection, some))
            except InvalidRequest:
                continue
        for order_by, cursor in itertools.product((None, "priority"), cursors):
            try:
                page = store.scroll(workspace, collection, where=where, order_by=order_by, limit=2, cursor=cursor)
            except InvalidRequest:
                assert cursor is not None
                continue
            own(list(page.points))
        every = store.scroll(workspace, collection, where=where, limit=10_000).points
        assert store.count(workspace, collection, where) == len(every)
        for field in ("source", "kind", "tags"):
            assert MARK not in store.facet(workspace, collection, field, where)
    for query in (Query(MARK, where=where), Query("shared words", where=where, limit=1)):
        own([hit.point for hit in store.search(workspace, query)])
    for item in ("i", "b only", MARK):
        assert store.embedding(workspace, item) == ("ready" if item == "i" else "none")
    assert {event.id for event in store.watch(workspace, 0)} == {"r0", "r1", "r2"}


def spy(workspace: str, other: str) -> list[Filter]:
    """Filters that would show the other workspace if a field or a value could reach it."""
    names = [other, workspace, MARK, "\0claims", f"x' OR workspace = '{other}"]
    everywhere: list[Filter] = [Eq(field, name) for field in sorted(FIELDS)[:6] for name in names]
    tautologies: list[Filter] = [
        Or((And(()), Eq("source", MARK))),
        Not(Or(())),
        Not(Eq("source", "x")),
        Exists("source"),
    ]
    return [
        *everywhere,
        *tautologies,
        In("source", tuple(names)),
        Eq("metadata._workspace", other),
        Eq("metadata.workspace", other),
    ]


@quick(15)
@given(
    payload=PAYLOADS,
    where=st.one_of(st.none(), FILTERS),
    ids=st.lists(st.one_of(st.sampled_from(ODD_IDS), st.text(max_size=8)), max_size=3),
    noise=st.text(max_size=30),
)
def test_no_read_shows_the_other_workspace(
    store: PointStore, payload: dict[str, Any], where: Filter | None, ids: list[str], noise: str
) -> None:
    a, b = fresh(), fresh()
    for collection in COLLECTIONS:
        own_payload = {**payload, "item": "i", "source": "A"}
        store.write(a, [Put(collection, f"r{n}", own_payload, "shared words of A") for n in range(3)])
        theirs = {**payload, "item": "b only", "source": MARK, "tags": [MARK], "kind": MARK}
        names = ["r0", "r1", "r2", "b only"]
        store.write(b, [Put(collection, id, theirs, MARK, context=MARK, unique=f"{collection} {id}") for id in names])
    stolen = [
        store.scroll(b, collection, where=where, order_by=order_by, limit=1).cursor
        for collection, order_by in itertools.product(COLLECTIONS, (None, "priority"))
    ]
    forged = base64.urlsafe_b64encode(noise.encode()).decode()
    reads(store, a, where, ids, [None, *stolen, noise, forged])


def test_no_filter_reaches_the_other_workspace(store: PointStore, workspace: str) -> None:
    other = f"{workspace} B"
    for collection in COLLECTIONS:
        store.write(
            workspace, [Put(collection, f"r{n}", {"item": "i", "source": "A"}, "shared words") for n in range(3)]
        )
        store.write(other, [Put(collection, f"r{n}", {"item": "b only", "source": MARK}, MARK) for n in range(4)])
    for where in spy(workspace, other):
        reads(store, workspace, where, ODD_IDS, [None])


@quick(10)
@given(where=FILTERS, fields=PAYLOADS)
def test_no_write_reaches_the_other_workspace(store: PointStore, where: Filter, fields: dict[str, Any]) -> None:
    a, b = fresh(), fresh()
    for workspace in (a, b):
        store.write(
            workspace, [Put("records", "r", {"kind": "k"}, unique="u"), Put("memory", "r", {"kind": "k"}, "fox")]
        )
    before = (store.get(b, "records", ["r"]), store.get(b, "memory", ["r"]), store.search(b, Query("fox")))
    store.write(a, [Patch("records", where, fields), Patch("memory", Not(where), fields)])
    store.write(a, [DeleteWhere("memory", where), Delete("records", "r"), Put("records", "r", {}, unique="u")])
    assert (store.get(b, "records", ["r"]), store.get(b, "memory", ["r"]), store.search(b, Query("fox"))) == before


def scores(hits: list[Candidate]) -> dict[str, tuple[float | None, float | None]]:
    return {hit.point.id: (hit.dense, hit.sparse) for hit in hits}


def test_what_others_write_never_changes_a_score(store: PointStore, workspace: str) -> None:
    texts = ["the fox", "a fox and a dog", "a zebra", "nothing of the kind", "fox fox fox"]
    store.write(workspace, [Put("memory", f"p{n}", {"item": "i"}, text) for n, text in enumerate(texts)])
    queries = [Query(text) for text in ("fox", "dog zebra", "kind")]
    before = [scores(store.search(workspace, query)) for query in queries]
    for round in range(4):
        other = f"{workspace} other {round}"
        puts = [Put("memory", f"p{n}", {"item": "i"}, "fox zebra kind dog " * (n % 5 + 1)) for n in range(30)]
        store.write(other, puts)
        assert [scores(store.search(workspace, query)) for query in queries] == before
        store.write(other, [Delete("memory", f"p{n}") for n in range(0, 30, 2)])
        assert [scores(store.search(workspace, query)) for query in queries] == before
    assert before[0]["p0"][1]


@pytest.mark.parametrize("name", ["", "a\nb", "\0meta", "\0claims", "x" * 201, "\ud800", None, 7, b"x"])
def test_names_that_no_workspace_has(store: PointStore, name: Any) -> None:
    calls: list[Callable[[], object]] = [
        lambda: store.write(name, [Put("records", "a", {})]),
        lambda: store.get(name, "records", ["a"]),
        lambda: store.search(name, Query("x")),
        lambda: store.scroll(name, "records"),
        lambda: store.count(name, "records"),
        lambda: store.facet(name, "records", "kind"),
        lambda: store.embedding(name, "i"),
        lambda: store.watch(name, 0),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest):
            call()


def test_names_that_look_alike(store: PointStore, workspace: str) -> None:
    names = [f"{workspace}{end}" for end in ("", " ", "'", "%", "_", "é", "e\u0301", "É", "🦊", ":a", "A")]
    for name in names:
        store.write(name, [Put("records", "r", {"user": name}, unique="same")])
    for name in names:
        (point,) = store.scroll(name, "records").points
        assert point.payload == {"user": name}
