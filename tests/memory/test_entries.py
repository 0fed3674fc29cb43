"""Entries: kept exactly, apart from memories, found by filters and by meaning, gone when their time is over."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memoryops.memory.entries import Entries
from memoryops.memory.entry_rows import DeleteEntry, PutEntry, row_id, space
from memoryops.memory.errors import InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.errors import StoreUnavailable
from memoryops.stores.in_memory import InMemoryStore
from memoryops.stores.ports import Put

NS = ("users", "anna")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def keys(found: Any) -> list[str]:
    return [entry.key for entry in found]


def settle(ops: MemoryOps) -> None:
    """Wait until everything that was put is embedded."""
    until = time.monotonic() + 60
    while ops.store.embedding(ops.entries.space) != "ready":
        assert time.monotonic() < until
        time.sleep(0.01)


class TestValues:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(value=st.dictionaries(st.text(), JSON, max_size=4))
    def test_come_back_exactly(self, ops: MemoryOps, value: dict[str, Any]) -> None:
        ops.entries.put(NS, "k", value, texts=())
        entry = ops.entries.get(NS, "k")
        assert entry is not None
        assert json.dumps(entry.value) == json.dumps(value)

    @pytest.mark.parametrize(
        "value", [{"a": "\ud83d alone"}, {"a": "\0\u2028"}, {"a": 10**300}, {"a": -0.0}, {}, {"": {"": ""}}]
    )
    def test_oddities(self, ops: MemoryOps, value: dict[str, Any]) -> None:
        ops.entries.put(NS, "k", value)
        entry = ops.entries.get(NS, "k")
        assert entry is not None
        assert repr(entry.value) == repr(value)
        assert keys(ops.entries.search(NS)) == ["k"]

    @pytest.mark.parametrize(
        ("value", "told"),
        [
            ({1: "a"}, "keys are strings"),
            ({"a": {None: 1}}, "keys are strings"),
            ({"a": float("nan")}, "no JSON"),
            ({"a": {1, 2}}, "set"),
            ({"a": b"x"}, "bytes"),
            ({"a": object()}, "no JSON"),
            ([1], "list"),
            ("text", "str"),
            ({"a": 10**5000}, "no JSON"),
        ],
    )
    def test_what_json_cannot_carry_is_refused(self, ops: MemoryOps, value: Any, told: str) -> None:
        with pytest.raises(InvalidInput, match=told):
            ops.entries.put(NS, "k", value)
        assert ops.entries.get(NS, "k") is None

    def test_loops_and_depths_are_refused(self, ops: MemoryOps) -> None:
        loop: dict[str, Any] = {}
        loop["a"] = loop
        deep: dict[str, Any] = {}
        for _ in range(100_000):
            deep = {"a": deep}
        flat: dict[str, Any] = {}
        for _ in range(201):
            flat = {"a": flat}
        for value in (loop, deep, flat):
            with pytest.raises(InvalidInput, match=r"no JSON|nested"):
                ops.entries.put(NS, "k", value)

    def test_too_large_is_refused_and_says_by_how_much(self, ops: MemoryOps) -> None:
        ops.entries.put(NS, "k", {"a": "x" * (10 * 2**20 - 10)}, texts=())
        with pytest.raises(InvalidInput, match="10485761 bytes as JSON, over 10485760"):
            ops.entries.put(NS, "k", {"a": "x" * (10 * 2**20 - 7)}, texts=())
        entry = ops.entries.get(NS, "k")
        assert entry is not None
        assert len(entry.value["a"]) == 10 * 2**20 - 10

    @pytest.mark.parametrize("key", [1, None, "x" * 2001, "\ud800"])
    def test_bad_keys_are_refused(self, ops: MemoryOps, key: Any) -> None:
        with pytest.raises(InvalidInput, match="key"):
            ops.entries.put(NS, key, {})

    def test_nothing_of_a_call_is_kept_when_one_value_is_bad(self, ops: MemoryOps) -> None:
        with pytest.raises(InvalidInput):
            ops.entries.write([PutEntry(NS, "a", {"n": 1}), PutEntry(NS, "b", {"n": float("inf")})])
        assert ops.entries.search() == []

    def test_created_at_stays_and_updated_at_moves(self, timed: MemoryOps, clock: Any) -> None:
        timed.entries.put(NS, "k", {"n": 1})
        clock.goes_on(10)
        timed.entries.put(NS, "k", {"n": 2})
        entry = timed.entries.get(NS, "k")
        assert entry is not None
        assert entry.updated_at - entry.created_at == pytest.approx(10)
        timed.entries.write([DeleteEntry(NS, "k"), PutEntry(NS, "other", {"n": 1})])
        timed.entries.put(NS, "k", {"n": 3})
        again = timed.entries.get(NS, "k")
        assert again is not None
        assert again.created_at == pytest.approx(clock())


class TestApart:
    def test_no_search_count_or_export_of_memories_meets_an_entry(self, ops: MemoryOps) -> None:
        ops.add("Anna eats fish")
        before = ops.state().as_json()
        known = ops.search("Anna eats", explain=True).hits
        for number in range(20):
            ops.entries.put(NS, f"{number}", {"text": "Anna eats fish"})
        found = ops.search("Anna eats", explain=True).hits
        assert [(hit.id, {**hit.parts, "recency": 0}) for hit in found] == [
            (hit.id, {**hit.parts, "recency": 0}) for hit in known
        ]
        assert ops.state().as_json() == before
        assert len([line for line in ops.export_page().records if "id" in line]) == 1
        ops.forget(where={"kind": "item"})
        assert len(ops.entries.search(NS, limit=100)) == 20

    def test_another_workspace_user_or_thread_has_its_own(self, make: Any) -> None:
        scopes = [make(), make(user="anna"), make(user="bob"), make(user="anna", thread="t"), make(thread="t")]
        for number, ops in enumerate(scopes):
            ops.entries.put(NS, "k", {"n": number})
        other = MemoryOps(scopes[0].store, Scope("quite another"))
        assert other.entries.get(NS, "k") is None
        assert other.entries.search() == []
        assert other.entries.namespaces() == []
        assert [ops.entries.get(NS, "k").value["n"] for ops in scopes] == [0, 1, 2, 3, 4]
        assert [len(ops.entries.search(query="k")) for ops in scopes] == [1] * 5
        scopes[1].entries.delete(NS, "k")
        assert [ops.entries.get(NS, "k") is None for ops in scopes] == [False, True, False, False, False]

    def test_no_scope_can_name_where_entries_lie(self) -> None:
        for scope in (Scope("a"), Scope("a", user="b"), Scope("w" * 200)):
            with pytest.raises(InvalidInput, match="are taken"):
                Scope(space(scope))
        assert space(Scope("a", agent="x", role="human")) == space(Scope("a"))

    def test_an_agents_role_and_name_do_not_matter(self, make: Any) -> None:
        make(agent="one").entries.put(NS, "k", {"n": 1})
        assert make(agent="two", role="human").entries.get(NS, "k").value == {"n": 1}


class TestFinding:
    def test_the_last_written_first(self, timed: MemoryOps, clock: Any) -> None:
        for key in "abca":
            clock.goes_on(1)
            timed.entries.put(NS, key, {"k": key})
        assert keys(timed.entries.search(NS)) == ["a", "c", "b"]

    def test_blank_queries_ask_for_all(self, ops: MemoryOps) -> None:
        ops.entries.put(NS, "k", {"a": 1}, texts=())
        assert keys(ops.entries.search(NS, " \n")) == keys(ops.entries.search(NS, "")) == ["k"]
        assert ops.entries.search(NS, "a") == []

    def test_what_lies_deeper_is_found_from_above(self, ops: MemoryOps) -> None:
        ops.entries.put(("a",), "k", {"n": 1})
        assert len(ops.entries.search(("a",))) == 1
        ops.entries.write([PutEntry(("a", "b", "c"), "k", {"n": 2}), PutEntry(("a", "bc"), "k", {"n": 3})])
        found = [len(ops.entries.search(at)) for at in [(), ("a",), ("a", "b"), ("a", "b", "c"), ("a", "bc"), ("b",)]]
        assert found == [3, 3, 1, 1, 1, 0]
        ops.entries.delete(("a", "b", "c"), "k")
        assert [entry.value["n"] for entry in ops.entries.search(("a",), where={"n": {"$gt": 1}})] == [3]

    def test_a_filter_over_many_is_exact_and_pages_join(self, ops: MemoryOps) -> None:
        puts = [PutEntry(NS, f"{n}", {"text": f"word{n % 7} cats", "n": n, "even": n % 2 == 0}) for n in range(300)]
        ops.entries.write(puts)
        settle(ops)
        wanted = {f"{n}" for n in range(300) if n % 2 == 0 and n >= 100}
        where = {"even": True, "n": {"$gte": 100}}
        for query in (None, "word3 cats"):
            pages = [ops.entries.search(NS, query, where=where, limit=30, offset=at) for at in range(0, 150, 30)]
            found = [entry for page in pages for entry in page]
            assert len(found) == 100
            assert {entry.key for entry in found} == wanted
            if query:
                scores = [entry.score for entry in found]
                assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]  # all are embedded

    def test_several_texts_of_one_entry_count_once_by_the_best(self, ops: MemoryOps) -> None:
        many = [f"chapter {n} about nothing" for n in range(150)]
        ops.entries.put(NS, "book", {"t": 1}, texts=[*many, "green tea"])
        ops.entries.put(NS, "note", {"t": 2}, texts=["green tea with milk"])
        found = ops.entries.search(NS, "chapter about nothing", limit=5)
        assert keys(found) == ["book", "note"]
        tea = ops.entries.search(NS, "green tea", limit=5)
        assert keys(tea) == ["book", "note"]
        assert tea[0].score == pytest.approx(1.0, abs=0.01)

    def test_what_waits_for_its_embedding_is_found_by_its_words(self, ops: MemoryOps) -> None:
        ops.entries.put(NS, "long", {"text": "zebra " + "and so on " * 1000})
        ops.entries.put(NS, "short", {"text": "a zebra"})
        assert set(keys(ops.entries.search(NS, "zebra"))) == {"long", "short"}

    def test_passages_of_an_earlier_value_find_nothing(self, ops: MemoryOps) -> None:
        """As two writers at once may leave them on a server, where a write of several rows is not one."""
        ops.entries.put(NS, "k", {"text": "new words"})
        ops.entries.put(NS, "other", {"text": "something else"})
        (record,) = ops.store.get(ops.entries.space, "records", [row_id(NS, "k")])
        assert record is not None
        left = {"item": record.id, "source": "earlier", "tags": record.payload["tags"], "type": "entry passage"}
        gone = [{**left, "item": "entry:gone", "source": f"{n}"} for n in range(70)]
        rows = [Put("memory", f"entry:gone:{n}", payload, "stale text") for n, payload in enumerate(gone)]
        ops.store.write(ops.entries.space, [Put("memory", f"{record.id}:9", left, "stale text"), *rows])
        found = ops.entries.search(NS, "stale text")
        assert sorted(keys(found)) == ["k", "other"]
        assert all((entry.score or 0) < 0.9 for entry in found)

    @pytest.mark.parametrize(
        "asked", [{"limit": -1}, {"offset": -1}, {"limit": 1.5}, {"limit": True}, {"prefix": "users"}]
    )
    def test_bad_arguments(self, ops: MemoryOps, asked: dict[str, Any]) -> None:
        with pytest.raises(InvalidInput):
            ops.entries.search(**asked)

    def test_an_entry_that_is_put_again_and_again_is_always_found(self, ops: MemoryOps) -> None:
        ops.entries.put(NS, "k", {"text": "cats 0"})

        def put() -> None:
            for number in range(40):
                ops.entries.put(NS, "k", {"text": f"cats {number}", "n": number})

        putting = threading.Thread(target=put)
        putting.start()
        while putting.is_alive():
            assert keys(ops.entries.search(NS, "cats")) == ["k"]
            assert keys(ops.entries.search(NS)) == ["k"]
        putting.join()

    def test_nothing_is_asked_for(self, ops: MemoryOps) -> None:
        ops.entries.put(NS, "k", {"a": "b"})
        assert ops.entries.search(limit=0) == ops.entries.search(query="b", limit=0) == []
        assert ops.entries.namespaces(limit=0) == []
        assert ops.entries.get_many([]) == []
        ops.entries.write([])


class TestExpiry:
    def test_gone_from_every_read_when_the_time_is_over(self, timed: MemoryOps, clock: Any) -> None:
        timed.entries.put(NS, "k", {"text": "cats"}, ttl=60)
        timed.entries.put(("stays",), "k", {"text": "cats"})
        clock.goes_on(59)
        assert timed.entries.get(NS, "k", refresh=False) is not None
        clock.goes_on(2)
        assert timed.entries.get(NS, "k") is None
        assert timed.entries.get_many([(NS, "k", True)]) == [None]
        assert [entry.namespace for entry in timed.entries.search()] == [("stays",)]
        assert [entry.namespace for entry in timed.entries.search(query="cats")] == [("stays",)]
        assert timed.entries.namespaces() == [("stays",)]
        assert timed.entries.sweep() == 2
        assert timed.entries.sweep() == 0

    @pytest.mark.parametrize("query", [None, "cats"])
    def test_reads_refresh_unless_told_not_to(self, timed: MemoryOps, clock: Any, query: str | None) -> None:
        for key in ("got", "found", "left"):
            timed.entries.put((key,), "k", {"text": "cats"}, ttl=60)
        clock.goes_on(40)
        timed.entries.get(("got",), "k")
        timed.entries.search(("found",), query)
        timed.entries.get(("left",), "k", refresh=False)
        timed.entries.search(("left",), query, refresh=False)
        clock.goes_on(40)
        assert timed.entries.namespaces() == [("found",), ("got",)]
        assert len(timed.entries.search(query="cats", refresh=False)) == 2
        clock.goes_on(21)
        assert timed.entries.namespaces() == []

    def test_only_what_is_returned_is_refreshed(self, timed: MemoryOps, clock: Any) -> None:
        for key in "abc":
            clock.goes_on(1)
            timed.entries.put(NS, key, {"text": "cats"}, ttl=60)
        clock.goes_on(50)
        assert keys(timed.entries.search(NS, limit=1, offset=1)) == ["b"]
        clock.goes_on(20)
        assert keys(timed.entries.search(NS)) == ["b"]

    def test_a_put_without_ttl_stays(self, timed: MemoryOps, clock: Any) -> None:
        timed.entries.put(NS, "k", {"n": 1}, ttl=60)
        timed.entries.put(NS, "k", {"n": 2})
        timed.entries.get(NS, "k")
        clock.goes_on(10**6)
        assert timed.entries.get(NS, "k") is not None

    @pytest.mark.parametrize("ttl", [0, -1, float("nan"), float("inf"), "60", True])
    def test_bad_times_are_refused(self, ops: MemoryOps, ttl: Any) -> None:
        with pytest.raises(InvalidInput, match="ttl"):
            ops.entries.put(NS, "k", {}, ttl=ttl)


def test_a_closed_store_says_so() -> None:
    store = InMemoryStore()
    entries = Entries(store, Scope())
    store.close()
    for call in (lambda: entries.get(NS, "k"), entries.search, lambda: entries.put(NS, "k", {})):
        with pytest.raises(StoreUnavailable):
            call()
