"""What LangGraph's own stores and ours do alike: the same tests over all of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchOp,
)

NS = ("users", "anna")


def keys(found: Any) -> list[str]:
    return [item.key for item in found]


class TestPutAndGet:
    def test_a_value_comes_back_as_it_was_put(self, store: BaseStore) -> None:
        value = {"text": "zażółć 🦜", "n": 1, "x": 0.1, "yes": True, "none": None, "in": {"a": [1, {"b": "c"}, []]}}
        store.put(NS, "k", value)
        item = store.get(NS, "k")
        assert item is not None
        assert item.value == value
        assert (item.namespace, item.key) == (NS, "k")
        assert abs((datetime.now(UTC) - item.created_at.replace(tzinfo=UTC)).total_seconds()) < 60

    def test_what_is_not_there_is_none(self, store: BaseStore) -> None:
        store.put(NS, "k", {"a": 1})
        assert store.get(NS, "other") is None
        assert store.get((*NS, "below"), "k") is None
        assert store.get(NS[:1], "k") is None

    def test_a_put_replaces_the_whole_value(self, store: BaseStore) -> None:
        store.put(NS, "k", {"text": "one", "a": 1})
        store.put(NS, "k", {"text": "two"})
        item = store.get(NS, "k")
        assert item is not None
        assert item.value == {"text": "two"}
        assert len(store.search(NS)) == 1

    def test_delete(self, store: BaseStore) -> None:
        store.put(NS, "k", {"text": "one"})
        store.delete(NS, "k")
        store.delete(NS, "k")
        store.delete(("nobody",), "k")
        assert store.get(NS, "k") is None
        assert store.search(NS) == []
        assert store.search(NS, query="one") == []

    @pytest.mark.parametrize("key", ["ключ/.. %'\"", " ", "🦜", "a" * 300, "users.anna", "", "*"])
    def test_keys_are_any_text(self, store: BaseStore, key: str) -> None:
        store.put(NS, key, {"a": 1})
        item = store.get(NS, key)
        assert item is not None
        assert item.key == key
        assert keys(store.search(NS)) == [key]

    def test_labels_are_any_text_without_dots(self, store: BaseStore) -> None:
        namespace = ("Ω mega", "a/b", "%_*?[x]", "'; --")
        store.put(namespace, "k", {"a": 1})
        assert keys(store.search(namespace)) == keys(store.search(namespace[:2])) == ["k"]
        assert store.list_namespaces() == [namespace]

    @pytest.mark.parametrize("namespace", [(), ("",), ("a", ""), ("a.b",), ("langgraph", "x"), (1,), ("a\0b",)])
    def test_bad_namespaces_are_refused(self, store: BaseStore, namespace: Any) -> None:
        with pytest.raises(InvalidNamespaceError):
            store.put(namespace, "k", {"a": 1})
        assert store.list_namespaces() == []


class TestBatch:
    def test_results_stand_where_their_operations_do(self, store: BaseStore) -> None:
        store.put(NS, "a", {"text": "first"})
        results = store.batch(
            [
                GetOp(NS, "a"),
                PutOp(NS, "b", {"text": "second"}),
                SearchOp(("users",)),
                ListNamespacesOp(),
                GetOp(NS, "b"),
                PutOp(NS, "a", None),
                GetOp(NS, "a"),
            ]
        )
        assert len(results) == 7
        assert results[1] is None
        assert results[5] is None
        before = [item.key if item is not None else None for item in (results[0], results[4], results[6])]  # type: ignore[union-attr]  # gets give items
        assert before == ["a", None, "a"]
        assert keys(results[2]) == ["a"]
        assert results[3] == [NS]
        assert keys(store.search(NS)) == ["b"]

    def test_of_several_puts_to_one_key_the_last_counts(self, store: BaseStore) -> None:
        puts = [PutOp(NS, "k", {"n": 1}), PutOp(NS, "k", None), PutOp(NS, "k", {"n": 3}), PutOp(NS, "gone", {"n": 4})]
        assert store.batch([*puts, PutOp(NS, "gone", None)]) == [None] * 5
        assert {item.key: item.value for item in store.search(NS)} == {"k": {"n": 3}}

    def test_nothing_to_do(self, store: BaseStore) -> None:
        assert store.batch([]) == []

    def test_a_generator_is_read_once(self, store: BaseStore) -> None:
        assert store.batch(PutOp(NS, str(n), {"n": n}) for n in range(3)) == [None] * 3
        assert len(store.search(NS)) == 3


class TestSearch:
    def test_a_prefix_is_whole_labels(self, store: BaseStore) -> None:
        for namespace in [("users",), ("users", "anna"), ("users", "anna", "x"), ("users", "annabel"), ("Users",)]:
            store.put(namespace, "k", {"a": 1})
        found = {item.namespace for item in store.search(("users", "anna"))}
        assert found == {("users", "anna"), ("users", "anna", "x")}
        assert len(store.search(("users",))) == 4
        assert len(store.search(())) == 5
        assert store.search(("anna",)) == []

    def test_limit_and_offset_visit_each_once(self, store: BaseStore) -> None:
        for number in range(25):
            store.put(NS, f"{number}", {"n": number})
        pages = [keys(store.search(NS, limit=10, offset=offset)) for offset in (0, 10, 20, 30)]
        assert [len(page) for page in pages] == [10, 10, 5, 0]
        assert sorted((key for page in pages for key in page), key=int) == [str(number) for number in range(25)]
        assert len(store.search(NS)) == 10

    @pytest.mark.parametrize(
        ("filter", "found"),
        [
            ({"color": "red"}, "ac"),
            ({"color": "red", "score": 4.5}, "a"),
            ({"score": {"$gt": 3}}, "ac"),
            ({"score": {"$gte": 3}}, "abc"),
            ({"score": {"$lt": 4.5}}, "b"),
            ({"score": {"$lte": 4.5, "$gt": 3}}, "a"),
            ({"score": {"$eq": 3}}, "b"),
            ({"color": {"$ne": "red"}}, "b"),
            ({"score": {"$gt": 100}}, ""),
            ({"live": True}, "a"),
            ({"live": {"$ne": True}}, "bc"),
            ({"tag": None}, "bc"),
            ({"tag": {"$ne": None}}, "a"),
            ({}, "abc"),
            (None, "abc"),
        ],
    )
    def test_filters(self, store: BaseStore, filter: dict[str, Any] | None, found: str) -> None:
        store.put(NS, "a", {"text": "x", "color": "red", "score": 4.5, "live": True, "tag": "t"})
        store.put(NS, "b", {"text": "x", "color": "blue", "score": 3, "live": False, "tag": None})
        store.put(NS, "c", {"text": "x", "color": "red", "score": 10, "live": False})
        store.put(("others",), "d", {"text": "x", "color": "red", "score": 4, "live": True, "tag": "t"})
        assert sorted(keys(store.search(NS, filter=filter))) == sorted(found)
        if "tag" not in (filter or {}):
            assert sorted(keys(store.search(NS, query="x", filter=filter))) == sorted(found)

    def test_an_unknown_operator_is_an_error(self, store: BaseStore) -> None:
        store.put(NS, "a", {"score": 1})
        with pytest.raises(Exception, match=r"\$near"):
            store.search(NS, filter={"score": {"$near": 1}})


class TestMeaning:
    @pytest.fixture(autouse=True)
    def _searches(self, request: pytest.FixtureRequest) -> None:
        if "official_sqlite" in request.node.name:
            pytest.skip("it is made without an index here")

    def put_all(self, store: BaseStore) -> None:
        store.put(NS, "cats", {"text": "cats purr and sleep"})
        store.put(NS, "dogs", {"text": "dogs bark and run"})
        store.put(NS, "tax", {"text": "the tax office wants forms"})
        store.put(("other",), "more", {"text": "cats again"})

    def test_the_closest_first_with_scores(self, store: BaseStore) -> None:
        self.put_all(store)
        found = store.search(NS, query="do dogs bark?")
        assert keys(found)[0] == "dogs"
        scores = [item.score for item in found]
        assert all(score is not None for score in scores)
        assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]  # none of them is None

    def test_scores_are_cosines_of_the_named_field(self, store: BaseStore) -> None:
        self.put_all(store)
        store.put(NS, "other field", {"title": "do dogs bark?"})
        same = [store.search(NS, query="cats purr and sleep", limit=1)[0]]
        assert [(item.key, round(item.score or 0, 2)) for item in same] == [("cats", 1.0)]

    def test_a_new_value_is_found_by_what_it_says_now(self, store: BaseStore) -> None:
        self.put_all(store)
        store.put(NS, "dogs", {"text": "birds sing"})
        assert keys(store.search(NS, query="birds sing", limit=1)) == ["dogs"]
        best = store.search(NS, query="dogs bark and run", limit=1)[0]
        assert best.key != "dogs" or (best.score or 0) < 0.9

    def test_query_and_filter_and_pages(self, store: BaseStore) -> None:
        for number in range(30):
            store.put(
                NS, f"{number}", {"text": f"note {'about cats ' * (number % 5)} {number}", "even": number % 2 == 0}
            )
        whole = keys(store.search(NS, query="about cats", filter={"even": True}, limit=15))
        assert len(whole) == 15
        assert all(int(key) % 2 == 0 for key in whole)

    def test_not_indexed_is_found_without_a_query(self, store: BaseStore) -> None:
        store.put(NS, "a", {"text": "cats purr"}, index=False)
        store.put(NS, "b", {"text": "dogs bark"})
        assert sorted(keys(store.search(NS))) == ["a", "b"]
        assert keys([item for item in store.search(NS, query="cats purr") if item.score is not None]) == ["b"]

    def test_a_put_may_name_its_own_fields(self, store: BaseStore) -> None:
        value = {
            "text": "nothing",
            "notes": [{"say": "cats purr"}, {"say": "trains run late"}],
            "in": {"x": "green tea"},
        }
        store.put(NS, "a", value, index=["notes[*].say", "in.x"])
        store.put(NS, "b", {"text": "words of no use"})
        for query in ("cats purr", "trains run late", "green tea"):
            found = store.search(NS, query=query)
            assert found[0].key == "a"
            assert round(found[0].score or 0, 2) == 1.0
            assert keys(found).count("a") == 1


class TestNamespaces:
    NAMES = (
        ("a", "b", "c"),
        ("a", "b", "d", "e"),
        ("a", "b", "d", "i"),
        ("a", "b", "f"),
        ("a", "c", "f"),
        ("b", "a", "f"),
        ("users", "123"),
    )

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            ({}, NAMES),
            ({"prefix": ("a", "b")}, NAMES[:4]),
            ({"prefix": ("a", "b"), "max_depth": 3}, [("a", "b", "c"), ("a", "b", "d"), ("a", "b", "f")]),
            ({"suffix": ("f",)}, NAMES[3:6]),
            ({"prefix": ("a",), "suffix": ("f",)}, NAMES[3:5]),
            ({"prefix": ("a", "*", "f")}, NAMES[3:5]),
            ({"prefix": ("*", "a")}, [("b", "a", "f")]),
            ({"suffix": ("*", "f")}, NAMES[3:6]),
            ({"suffix": ("a", "b", "c", "d", "e")}, []),
            ({"max_depth": 1}, [("a",), ("b",), ("users",)]),
            ({"limit": 2, "offset": 1}, NAMES[1:3]),
            ({"offset": 100}, []),
            ({"prefix": ("user",)}, []),
        ],
    )
    def test_listing(self, store: BaseStore, asked: dict[str, Any], found: list[tuple[str, ...]]) -> None:
        for name in self.NAMES:
            store.put(name, "k", {"a": 1})
        assert store.list_namespaces(**asked) == list(found)

    def test_several_conditions(self, store: BaseStore) -> None:
        for name in self.NAMES:
            store.put(name, "k", {"a": 1})
        conditions = (
            MatchCondition("prefix", ("a",)),
            MatchCondition("prefix", ("*", "b")),
            MatchCondition("suffix", ("f",)),
        )
        assert store.batch([ListNamespacesOp(conditions)]) == [[("a", "b", "f")]]


def test_async_is_the_same_store(store: BaseStore, request: pytest.FixtureRequest) -> None:
    if "official_sqlite" in request.node.name:
        pytest.skip("its async store is another class")

    async def use() -> None:
        await store.aput(NS, "a", {"text": "cats purr"})
        await asyncio.gather(*(store.aput(NS, f"{n}", {"text": f"note {n}"}) for n in range(8)))
        item = await store.aget(NS, "a")
        assert item is not None
        assert item.value == {"text": "cats purr"}
        assert (await store.asearch(NS, query="cats purr", limit=1))[0].key == "a"
        assert await store.alist_namespaces() == [NS]
        await store.adelete(NS, "a")
        assert await store.aget(NS, "a") is None
        results = await store.abatch([GetOp(NS, "1"), PutOp(NS, "1", None)])
        assert results[0] is not None
        assert await store.aget(NS, "1") is None

    asyncio.run(use())
