"""Scroll: the order, cursors that visit each row once, and cursors that belong elsewhere."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.stores.errors import InvalidRequest
from memoryops.stores.filters import Eq, Filter, In
from memoryops.stores.ports import Collection, Delete, Point, PointStore, Put

from .strategies import COLLECTIONS, fresh, quick


def walk(
    store: PointStore,
    workspace: str,
    *,
    where: Filter | None = None,
    order_by: str | None = None,
    descending: bool = False,
    limit: int = 100,
    collection: Collection = "records",
) -> list[list[Point]]:
    """All pages."""
    pages = []
    cursor = None
    while True:
        page = store.scroll(
            workspace, collection, where=where, order_by=order_by, descending=descending, limit=limit, cursor=cursor
        )
        assert len(page.points) <= limit
        pages.append(list(page.points))
        cursor = page.cursor
        if cursor is None:
            return pages


def ids(pages: list[list[Point]]) -> list[str]:
    return [point.id for page in pages for point in page]


def expected(rows: dict[str, float | None], descending: bool) -> list[str]:
    """Ids by number and then id; those without a number last."""
    valued = sorted(((value, id) for id, value in rows.items() if value is not None), reverse=descending)
    return [id for _, id in valued] + sorted((id for id, value in rows.items() if value is None), reverse=descending)


def test_by_id(store: PointStore, workspace: str) -> None:
    names = ["b", "a", "C", "aa", "é", "z", "東", "🦊", "10", "9", "_", "a b"]
    store.write(workspace, [Put("records", id, {}) for id in names])
    for limit in (1, 4, 100):
        assert ids(walk(store, workspace, limit=limit)) == sorted(names)
        assert ids(walk(store, workspace, limit=limit, descending=True)) == sorted(names, reverse=True)


def test_an_empty_listing(store: PointStore, workspace: str) -> None:
    assert walk(store, workspace) == [[]]
    assert walk(store, workspace, order_by="priority") == [[]]


def test_the_last_page_has_no_cursor(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", id, {"priority": 1}) for id in "abcd"])
    for order_by in (None, "priority", "importance"):
        assert [len(page) for page in walk(store, workspace, limit=2, order_by=order_by)] == [2, 2]


VALUES = st.one_of(
    st.none(), st.integers(-3, 3), st.floats(-2, 2, width=16), st.floats(allow_nan=False, allow_infinity=False)
)


@quick(25)
@given(
    values=st.lists(VALUES, max_size=14),
    descending=st.booleans(),
    limit=st.integers(1, 6),
)
def test_by_number_then_id(store: PointStore, values: list[float | None], descending: bool, limit: int) -> None:
    workspace = fresh()
    rows = {f"r{number * 7 % 16:02}": value for number, value in enumerate(values)}
    puts = [Put("records", id, {} if value is None else {"created_at": value}) for id, value in rows.items()]
    store.write(workspace, puts)
    found = ids(walk(store, workspace, order_by="created_at", descending=descending, limit=limit))
    assert found == expected(rows, descending)


@pytest.mark.parametrize("descending", [False, True])
def test_long_runs_of_equal_numbers(store: PointStore, workspace: str, descending: bool) -> None:
    rows: dict[str, float | None] = {f"r{n:03}": n // 40 for n in range(120)} | {f"x{n}": None for n in range(5)}
    store.write(workspace, [Put("records", id, {} if v is None else {"priority": v}) for id, v in rows.items()])
    assert ids(walk(store, workspace, order_by="priority", descending=descending, limit=7)) == expected(
        rows, descending
    )


def test_order_and_filter(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", f"r{n}", {"priority": -n, "kind": "ab"[n % 2]}) for n in range(10)])
    found = walk(store, workspace, where=Eq("kind", "a"), order_by="priority", limit=2)
    assert ids(found) == ["r8", "r6", "r4", "r2", "r0"]


@pytest.mark.parametrize("order_by", [None, "priority", "importance"])
@pytest.mark.parametrize("descending", [False, True])
def test_each_row_once_while_others_are_written(
    store: PointStore, workspace: str, order_by: str | None, descending: bool
) -> None:
    stays = {f"r{n:02}": {"priority": n % 3} for n in range(20)}
    store.write(workspace, [Put("records", id, payload) for id, payload in stays.items()])
    seen: list[str] = []
    cursor = None
    step = 0
    while True:
        page = store.scroll(workspace, "records", order_by=order_by, descending=descending, limit=3, cursor=cursor)
        seen += [point.id for point in page.points]
        cursor = page.cursor
        if cursor is None:
            break
        step += 1
        others = [Put("records", f"new{step}{n}", {"priority": n}) for n in range(3)]
        store.write(
            workspace, [*others, Delete("records", f"new{step - 1}1"), Put("records", "new10", {"priority": step})]
        )
    assert [id for id in seen if id in stays] == expected(
        {id: payload["priority"] if order_by == "priority" else None for id, payload in stays.items()}, descending
    )


def test_a_cursor_survives_the_end_of_its_row(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", id, {"priority": 1}) for id in "abcd"])
    for order_by in (None, "priority"):
        page = store.scroll(workspace, "records", order_by=order_by, limit=2)
        store.write(workspace, [Delete("records", "b")])
        rest = store.scroll(workspace, "records", order_by=order_by, limit=2, cursor=page.cursor)
        assert [point.id for point in rest.points] == ["c", "d"]
        store.write(workspace, [Put("records", "b", {"priority": 1})])


@pytest.mark.parametrize("cursor", ["x", "%%%", "AAAA", "bnVsbA", "e30", "WzEsMl0", "é", "\ud800", "a" * 5000, "\0"])
def test_bad_cursors(store: PointStore, workspace: str, cursor: str) -> None:
    store.write(workspace, [Put("records", "a", {})])
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "records", cursor=cursor)


def test_cursors_of_other_listings(store: PointStore, workspace: str) -> None:
    for collection in COLLECTIONS:
        store.write(workspace, [Put(collection, id, {"priority": 1, "kind": "k"}, "t") for id in "abc"])
    cursor = store.scroll(workspace, "records", where=Eq("kind", "k"), order_by="priority", limit=1).cursor
    assert cursor is not None
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "memory", where=Eq("kind", "k"), order_by="priority", limit=1, cursor=cursor)
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "records", where=In("kind", ("k",)), order_by="priority", limit=1, cursor=cursor)
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "records", where=Eq("kind", "k"), order_by="importance", limit=1, cursor=cursor)
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "records", where=Eq("kind", "k"), limit=1, cursor=cursor)
    with pytest.raises(InvalidRequest):
        store.scroll(
            workspace, "records", where=Eq("kind", "k"), order_by="priority", descending=True, limit=1, cursor=cursor
        )


@pytest.mark.parametrize("limit", [0, -1, 10_001])
def test_bad_limits(store: PointStore, workspace: str, limit: int) -> None:
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "records", limit=limit)


@pytest.mark.parametrize("order_by", ["kind", "tags", "metadata.a", "id", "nothing", "priority'", ""])
def test_only_number_fields_order(store: PointStore, workspace: str, order_by: str) -> None:
    with pytest.raises(InvalidRequest):
        store.scroll(workspace, "records", order_by=order_by)


def test_large_limits(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", f"r{n:04}", {"position": n}) for n in range(1500)])
    for order_by in (None, "position"):
        page = store.scroll(workspace, "records", order_by=order_by, limit=10_000)
        assert [point.id for point in page.points] == [f"r{n:04}" for n in range(1500)]
        assert page.cursor is None
