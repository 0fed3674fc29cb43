"""Whatever is done to LangGraph's own store and to ours, both answer alike."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langgraph.store.base import GetOp, ListNamespacesOp, MatchCondition, Op, PutOp, SearchItem, SearchOp
from langgraph.store.memory import InMemoryStore

from memoryops.encoders.hashing import HashingEncoder
from memoryops.graphs import QdrantStore

_numbers = itertools.count(1)

NAMESPACES = st.sampled_from([("a",), ("a", "b"), ("a", "b", "c"), ("ab",), ("b", "a")])
KEYS = st.sampled_from(["k", "l", ""])
WORDS = ["cats", "dogs", "green tea", "trains", "tax office", "purr"]
NUMBERS = st.integers(0, 3)


class OurEncoder(Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, vector)) for vector in HashingEncoder().embed(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


@st.composite
def values(draw: st.DrawFn) -> dict[str, Any]:
    return {"n": draw(NUMBERS), "in": {"even": draw(st.booleans())}, "list": draw(st.lists(NUMBERS, max_size=2))}


@st.composite
def batches(draw: st.DrawFn) -> list[Op]:
    """Operations whose puts have texts of their own: LangGraph's store fails where two of a batch have the same."""
    words = draw(st.permutations(WORDS))
    ops: list[Op] = []
    for word in words[: draw(st.integers(1, 5))]:
        namespace, key = draw(NAMESPACES), draw(KEYS)
        put = PutOp(namespace, key, {**draw(values()), "text": word})
        ops.append(draw(st.sampled_from([put, put, put, PutOp(namespace, key, None), GetOp(namespace, key)])))
    return ops


FILTERS: st.SearchStrategy[dict[str, Any] | None] = st.sampled_from(
    [
        None,
        {"n": 1},
        {"n": {"$ne": 1}},
        {"n": {"$gte": 1, "$lt": 3}},
        {"in": {"even": True}},
        {"in": {"$eq": {"even": False}}},
        {"list": [1]},
        {"list": []},
        {"nothing": None},
        {"text": "cats", "n": {"$lte": 2}},
    ]
)
SEARCHES = st.tuples(st.sampled_from([(), ("a",), ("a", "b"), ("b",)]), FILTERS, st.sampled_from([None, "cats purr"]))


LABELS = st.lists(st.sampled_from(["a", "b", "c", "*"]), min_size=1, max_size=2).map(tuple)
CONDITIONS = st.builds(MatchCondition, st.sampled_from(["prefix", "suffix"]), LABELS)
LISTINGS = st.builds(
    ListNamespacesOp,
    st.none() | st.lists(CONDITIONS, max_size=2).map(tuple),
    st.none() | st.integers(1, 3),
    st.sampled_from([1, 100]),
    st.integers(0, 2),
)


def seen(items: list[SearchItem]) -> dict[Any, Any]:
    assert len({(item.namespace, item.key) for item in items}) == len(items)
    return {(item.namespace, item.key): (item.value, item.score) for item in items}


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(batches(), min_size=1, max_size=4),
    st.lists(SEARCHES, min_size=1, max_size=4),
    st.lists(LISTINGS, min_size=1, max_size=4),
)
def test_both_answer_alike(
    make: Callable[..., QdrantStore],
    done: list[list[Op]],
    asked: list[tuple[Any, Any, Any]],
    listings: list[ListNamespacesOp],
) -> None:
    official = InMemoryStore(index={"dims": 64, "embed": OurEncoder(), "fields": ["text"]})
    ours = make(workspace=f"example {next(_numbers)}", index={"fields": ["text"]})
    for ops in done:
        assert [values_of(each) for each in official.batch(ops)] == [values_of(each) for each in ours.batch(ops)]
    for prefix, filter, query in asked:
        op = SearchOp(prefix, filter, 100, 0, query)
        expected, found = (seen(store.batch([op])[0]) for store in (official, ours))  # type: ignore[arg-type]  # a search gives items
        assert {at: value for at, (value, _) in found.items()} == {at: value for at, (value, _) in expected.items()}
        for at, (_, score) in found.items():
            assert score == pytest.approx(expected[at][1], abs=2e-3)
    kept = InMemoryStore()  # LangGraph's lists namespaces that are empty by now, too
    for item in official.search((), limit=100):
        kept.put(item.namespace, item.key, item.value)
    assert ours.batch(listings) == kept.batch(listings)


def values_of(result: Any) -> Any:
    return None if result is None else (result.namespace, result.key, result.value)
