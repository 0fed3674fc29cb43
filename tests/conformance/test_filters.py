"""Every adapter reads a filter as `filters.matches` does, in every call that takes one."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from memoryops.stores.errors import InvalidRequest
from memoryops.stores.filters import And, Eq, Exists, Filter, In, Not, Or, Range, matches
from memoryops.stores.ports import Delete, DeleteWhere, Patch, PointStore, Put, Query

from .strategies import COLLECTIONS, FILTERS, LIST_FIELDS, PAYLOADS, fresh, quick

ALL_KINDS: list[dict[str, Any]] = [
    {},
    {"type": "a", "kind": None, "tags": [], "flagged": False, "metadata": {}},
    {"type": "1", "kind": "true", "tags": ["1", "a"], "priority": 1, "flagged": True, "metadata": {"a": 1, "x.y": "1"}},
    {"tags": ["a", "a"], "priority": 1.0, "created_at": 0, "metadata": {"a": [1, "1", True, None], "b c": [None]}},
    {"priority": 0, "created_at": -0.0, "metadata": {"a": True, "b c": {"a": 1}, "k'": [[1]], "0": []}},
    {"priority": 2, "created_at": 1e300, "metadata": {"a": 1.0, "x": {"y": 1}, "ключ": None, "%": 1.5}},
    {"kind": "", "metadata": {"a": {"0": 1}, "x.y": {"a": "1"}, "0": False}},
]
EACH_LEAF: list[Filter] = [
    Eq("type", "a"), Eq("type", 1), Eq("type", True), Eq("kind", ""), Eq("kind", "true"), Eq("status", "a"),
    Eq("tags", "a"), Eq("tags", 1), Eq("priority", 1), Eq("priority", 1.0), Eq("priority", True), Eq("priority", "1"),
    Eq("created_at", 0), Eq("created_at", -0.0), Eq("created_at", 1e300), Eq("priority", float("inf")),
    Eq("flagged", True), Eq("flagged", False), Eq("flagged", 1), Eq("flagged", "true"),
    Eq("metadata.a", 1), Eq("metadata.a", 1.0), Eq("metadata.a", True), Eq("metadata.a", "1"), Eq("metadata.x.y", "1"),
    Eq("metadata.b c", 1), Eq("metadata.k'", 1), Eq("metadata.0", False), Eq("metadata.%", 1.5), Eq("metadata.a.0", 1),
    Eq("metadata.a", float("inf")),
    In("type", ()), In("type", ("a", "1")), In("tags", ("x", "1")), In("priority", (0, 2.0, "1", True)),
    In("flagged", (False, "a")), In("metadata.a", ("1", True)), In("metadata.none", (1,)),
    Range("priority", gt=0), Range("priority", gte=1, lt=2), Range("priority", lte=-5),
    Range("created_at", gt=float("-inf")),
    Range("created_at", lt=float("inf")), Range("created_at", gte=float("inf")), Range("created_at", gt=3, lt=1),
    *map(Exists, ("type", "kind", "tags", "priority", "flagged", "metadata.a", "metadata.b c", "metadata.k'")),
    *map(Exists, ("metadata.0", "metadata.ключ", "metadata.x", "metadata.none", "status")),
    And(()), Or(()), Not(And(())), Not(Or(())), Or((Or(()), And(()))), Not(Not(Eq("type", "a"))),
    Not(And((Eq("type", "a"), Or((Exists("tags"), Not(Exists("kind"))))))),
]  # fmt: skip


def fill(store: PointStore, workspace: str, payloads: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """A row of both collections for each of *payloads*; the rows by id."""
    rows = {f"r{number}": payload for number, payload in enumerate(payloads)}
    store.write(workspace, [Put("records", id, payload) for id, payload in rows.items()])
    store.write(workspace, [Put("memory", id, payload, "shared words") for id, payload in rows.items()])
    return rows


def check(store: PointStore, workspace: str, rows: dict[str, dict[str, Any]], where: Filter) -> None:
    wanted = sorted(id for id, payload in rows.items() if matches(where, payload))
    for collection in COLLECTIONS:
        assert [p.id for p in store.scroll(workspace, collection, where=where).points] == wanted, where
        assert store.count(workspace, collection, where) == len(wanted), where
        for field in ("type", *LIST_FIELDS):
            counts: Counter[str] = Counter()
            for id in wanted:
                value = rows[id].get(field)
                counts.update({value} if isinstance(value, str) else set(value or ()))
            assert store.facet(workspace, collection, field, where) == dict(counts), (field, where)
    for query in (Query("shared", where=where), Query("shared", where=where, dense=False)):
        assert sorted(hit.point.id for hit in store.search(workspace, query)) == wanted, where


@pytest.mark.parametrize("field", ["kind", "tags", "flagged", "metadata.a", "nothing", "", "priority') --"])
def test_only_numbers_are_summed(store: PointStore, workspace: str, field: str) -> None:
    with pytest.raises(InvalidRequest):
        store.total(workspace, "records", field)


def test_totals(store: PointStore, workspace: str) -> None:
    assert store.total(workspace, "records", "priority") == 0
    rows: list[dict[str, Any]] = [
        {"priority": 3, "kind": "a"},
        {"priority": 0.5, "kind": "a"},
        {"kind": "a"},
        {"priority": -10, "kind": "b"},
    ]
    fill(store, workspace, rows)
    assert store.total(workspace, "records", "priority") == -6.5
    assert store.total(workspace, "memory", "priority", Eq("kind", "a")) == 3.5
    assert store.total(workspace, "memory", "importance") == 0


def test_each_filter_on_each_kind_of_field(store: PointStore, workspace: str) -> None:
    rows = fill(store, workspace, ALL_KINDS)
    for where in EACH_LEAF:
        check(store, workspace, rows, where)
        check(store, workspace, rows, Not(where))


@quick(30)
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=5), filters=st.lists(FILTERS, min_size=1, max_size=4))
@example([{"priority": 9007199254740992, "metadata": {"a": 9007199254740992}}], [Eq("priority", 2.0**53)])
def test_random_filters_on_random_payloads(
    store: PointStore, payloads: list[dict[str, Any]], filters: list[Filter]
) -> None:
    workspace = fresh()
    rows = fill(store, workspace, payloads)
    for where in filters:
        check(store, workspace, rows, where)


@quick(15)
@given(payloads=st.lists(PAYLOADS, min_size=1, max_size=5), where=FILTERS, fields=PAYLOADS)
def test_patch_and_delete_where_concern_the_same_rows(
    store: PointStore, payloads: list[dict[str, Any]], where: Filter, fields: dict[str, Any]
) -> None:
    workspace = fresh()
    rows = fill(store, workspace, payloads)
    wanted = {id for id, payload in rows.items() if matches(where, payload)}
    fields.pop("expires_at", None)
    written = store.write(workspace, [Patch("records", where, fields), DeleteWhere("memory", where)])
    assert (written.patched, written.deleted) == (len(wanted), len(wanted))
    for id, payload in rows.items():
        record, passage = store.get(workspace, "records", [id])[0], store.get(workspace, "memory", [id])[0]
        assert record is not None
        assert (passage is None) == (id in wanted)
        merged = {name: value for name, value in {**payload, **fields}.items() if value is not None}
        assert record.payload == (merged if id in wanted else payload)


WRONG: list[Any] = [None, ["a"], "1"]
NO_FILTERS: list[Any] = [
    Eq("unknown", 1), Eq("", "a"), Eq("metadata", "a"), Eq("metadata.", "a"), Eq('metadata.a"b', 1),
    Eq("metadata.\n", 1),
    Eq("_workspace", "x"), Eq("workspace", "x"), Eq("kind' OR 1=1 --", "x"), Eq("metadata.a[0]", 1),
    Eq("type", WRONG[0]), Eq("type", WRONG[1]), Eq("type", "\ud800"), Eq("priority", float("nan")),
    Eq("priority", 2**70),
    In("type", (WRONG[0],)), Range("type", gt=1), Range("metadata.a", gt=1), Range("priority"),
    Range("priority", gt=float("nan")), Range("priority", gt=WRONG[2]), Range("priority", gt=True),
    And((Eq("type", "a"), WRONG[2])), And(tuple(Eq("type", "a") for _ in range(600))),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(NO_FILTERS)))
def test_filters_that_nobody_can_answer(store: PointStore, workspace: str, number: int) -> None:
    where = NO_FILTERS[number]
    store.write(workspace, [Put("records", "a", {"type": "a"}), Put("memory", "a", {}, "x")])
    calls: list[Callable[[], object]] = [
        lambda: store.scroll(workspace, "records", where=where),
        lambda: store.count(workspace, "records", where),
        lambda: store.facet(workspace, "records", "type", where),
        lambda: store.search(workspace, Query("x", where=where)),
        lambda: store.write(workspace, [Patch("records", where, {"kind": "k"})]),
        lambda: store.write(workspace, [DeleteWhere("records", where)]),
    ]
    for call in calls:
        with pytest.raises(InvalidRequest):
            call()
    assert store.count(workspace, "records") == store.count(workspace, "memory") == 1


def test_long_lists_of_values(store: PointStore, workspace: str) -> None:
    rows = fill(
        store, workspace, [{"item": f"i{n}", "priority": n, "tags": [f"t{n}"], "metadata": {"k": n}} for n in range(3)]
    )
    many = range(1, 5000)
    for where in (
        In("item", tuple(f"i{n}" for n in many)),
        In("tags", tuple(f"t{n}" for n in many)),
        In("priority", tuple(many)),
        In("metadata.k", tuple(many)),
    ):
        check(store, workspace, rows, where)


@pytest.mark.parametrize("bound", [10**30, -(10**30), 2**63, 10**400], ids=["1e30", "-1e30", "2^63", "1e400"])
def test_bounds_beyond_every_number(store: PointStore, workspace: str, bound: int) -> None:
    rows = fill(store, workspace, [{"priority": 1}, {"priority": -1.5}, {}])
    for where in (Range("priority", gt=bound), Range("priority", lte=bound), Range("priority", gte=-bound, lt=bound)):
        try:
            check(store, workspace, rows, where)
        except InvalidRequest:
            continue


@pytest.mark.parametrize("depth", [10, 25, 60, 249, 490])
@pytest.mark.parametrize("kind", ["not", "and", "alternating"])
def test_deep_filters_are_answered_or_refused(store: PointStore, workspace: str, kind: str, depth: int) -> None:
    rows = fill(store, workspace, [{"type": "a"}, {"type": "b"}])
    where: Filter = Eq("type", "a")
    for level in range(depth):
        if kind == "not":
            where = Not(where)
        elif kind == "and" or level % 2:
            where = And((where,))
        else:
            where = Or((where,))
    wanted = ["r0"] if kind != "not" or depth % 2 == 0 else ["r1"]
    assert len(rows) == 2
    reads: list[Callable[[], list[str]]] = [
        lambda: [p.id for p in store.scroll(workspace, "records", where=where).points],
        lambda: [hit.point.id for hit in store.search(workspace, Query("shared", where=where))],
    ]
    for read in reads:
        try:
            found = read()
        except InvalidRequest:
            assert depth > 25
        else:
            assert found == wanted


def test_facets_are_counted_by_row_most_frequent_first(store: PointStore, workspace: str) -> None:
    kinds = ["b", "a", "c", "b", "c", "b"]
    store.write(
        workspace, [Put("records", f"r{n}", {"kind": kind, "tags": ["x", "x", kind]}) for n, kind in enumerate(kinds)]
    )
    assert list(store.facet(workspace, "records", "kind").items()) == [("b", 3), ("c", 2), ("a", 1)]
    assert list(store.facet(workspace, "records", "tags").items()) == [("x", 6), ("b", 3), ("c", 2), ("a", 1)]
    assert list(store.facet(workspace, "records", "tags", limit=2).items()) == [("x", 6), ("b", 3)]
    assert store.facet(workspace, "records", "kind", Eq("tags", "c")) == {"c": 2}
    assert store.facet(workspace, "records", "status") == {}
    store.write(workspace, [Delete("records", "r0")])
    assert store.facet(workspace, "records", "kind")["b"] == 2


@pytest.mark.parametrize(
    "field", ["priority", "flagged", "nothing", "metadata.a", "", "_workspace", "text", "kind') --", "*"]
)
def test_only_keyword_and_list_fields_have_facets(store: PointStore, workspace: str, field: str) -> None:
    store.write(workspace, [Put("records", "a", {"kind": "k", "priority": 1, "metadata": {"a": "x"}})])
    with pytest.raises(InvalidRequest):
        store.facet(workspace, "records", field)
