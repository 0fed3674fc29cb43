"""Search: candidates of both sides with both scores, which agree between adapters."""

import math

import numpy as np
import pytest

from memoryops.encoders.bm25 import Bm25
from memoryops.encoders.hashing import HashingEncoder
from memoryops.stores.embedding import dense_text, pack, sparse_text, unpack
from memoryops.stores.errors import InvalidRequest
from memoryops.stores.filters import Eq, Not
from memoryops.stores.ports import Candidate, Delete, Patch, PointStore, Put, Query

TEXTS = {
    "fox": "The quick brown fox jumps over the lazy dog.",
    "foxes": "Foxes are running, a fox ran, the foxes had run.",
    "db": "Alice prefers PostgreSQL 16 for the billing database.",
    "code": "def parse_config(path):\n    return json.loads(path.read_text())",
    "ru": "Быстрая лиса прыгает через ленивую собаку.",
    "ja": "東京タワーは高い 🦊",
    "dog": "A dog, another dog, and one more dog sleep.",
}


def fill(store: PointStore, workspace: str) -> None:
    puts = [
        Put("memory", id, {"item": id, "kind": "odd" if n % 2 else "even"}, text)
        for n, (id, text) in enumerate(TEXTS.items())
    ]
    store.write(workspace, puts)


def by_id(hits: list[Candidate]) -> dict[str, Candidate]:
    found = {hit.point.id: hit for hit in hits}
    assert len(found) == len(hits)
    return found


def cosine(text: str, query: str) -> float:
    encoder = HashingEncoder()
    stored = unpack(pack(encoder.embed([dense_text(text, "")])[0]))
    return float(np.dot(stored, encoder.embed_query(query)))


def bm25(texts: dict[str, str], query: str) -> dict[str, float]:
    """BM25 with ln((N - n + 0.5) / (n + 0.5) + 1) over *texts*, as Qdrant's IDF modifier has it."""
    model = Bm25()
    documents = {}
    for id, text in texts.items():
        sparse = model.document(sparse_text(text, ""))
        documents[id] = dict(zip(sparse.indices, sparse.values, strict=True))
    wanted = model.query(query)
    scores = dict.fromkeys(texts, 0.0)
    for index, weight in zip(wanted.indices, wanted.values, strict=True):
        holding = sum(index in terms for terms in documents.values())
        idf = math.log((len(texts) - holding + 0.5) / (holding + 0.5) + 1)
        for id, terms in documents.items():
            scores[id] += weight * idf * terms.get(index, 0.0)
    return scores


@pytest.mark.parametrize(
    "query", ["fox", "foxes run", "billing database PostgreSQL", "parse_config", "лиса", "東京タワー", "dog dog"]
)
def test_both_scores_are_complete_and_right(store: PointStore, workspace: str, query: str) -> None:
    fill(store, workspace)
    hits = by_id(store.search(workspace, Query(query)))
    assert hits.keys() == TEXTS.keys()
    sparse = bm25(TEXTS, query)
    for id, hit in hits.items():
        assert hit.point.text == TEXTS[id]
        assert hit.dense == pytest.approx(cosine(TEXTS[id], query), abs=2e-3)
        assert hit.sparse == pytest.approx(sparse[id], rel=1e-4, abs=1e-6)
    assert max(sparse.values()) > 0


def test_a_score_does_not_depend_on_who_found_the_passage(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    everything = by_id(store.search(workspace, Query("fox dog")))
    for limit in (1, 2, 3):
        for id, hit in by_id(store.search(workspace, Query("fox dog", limit=limit))).items():
            assert (hit.dense, hit.sparse) == (everything[id].dense, everything[id].sparse)


def test_each_side_brings_its_best(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    everything = store.search(workspace, Query("the dog and the fox"))
    hits = by_id(store.search(workspace, Query("the dog and the fox", limit=2)))
    assert len(hits) <= 4
    for score in ("dense", "sparse"):
        best = sorted((getattr(hit, score) for hit in everything), reverse=True)[:2]
        found = sorted((getattr(hit, score) for hit in hits.values()), reverse=True)[:2]
        assert found == best


def test_one_side_alone(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    dense = store.search(workspace, Query("fox", sparse=False, limit=3))
    assert len(dense) == 3
    assert all(hit.sparse is None and hit.dense is not None for hit in dense)
    assert [hit.dense for hit in dense] == sorted((hit.dense for hit in dense), reverse=True)  # type: ignore[type-var]  # checked above
    sparse = store.search(workspace, Query("fox", dense=False))
    assert {hit.point.id for hit in sparse} == {"fox", "foxes"}
    assert all(hit.dense is None and hit.sparse for hit in sparse)
    assert store.search(workspace, Query("fox", dense=False, sparse=False)) == []


def test_filters_and_limits(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    found = by_id(store.search(workspace, Query("fox dog", where=Eq("kind", "even"))))
    assert set(found) == {"fox", "db", "ru", "dog"}
    unfiltered = by_id(store.search(workspace, Query("fox dog")))
    assert all(hit.sparse == unfiltered[id].sparse for id, hit in found.items())
    assert store.search(workspace, Query("fox", where=Not(Eq("kind", "even")), dense=False))[0].point.id == "foxes"
    for limit in (0, -1, 100_001):
        with pytest.raises(InvalidRequest):
            store.search(workspace, Query("fox", limit=limit))


def test_an_empty_workspace(store: PointStore, workspace: str) -> None:
    assert store.search(workspace, Query("fox")) == []


@pytest.mark.parametrize("text", ["", " \n", "...", "the", "🦊🦊", "\0", "x" * 20_000, "no such word anywhere"])
def test_odd_queries(store: PointStore, workspace: str, text: str) -> None:
    fill(store, workspace)
    hits = store.search(workspace, Query(text))
    assert len(hits) == len(TEXTS)
    assert all(hit.dense is not None and hit.sparse is not None for hit in hits)


def test_a_query_that_is_no_unicode_is_refused(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    with pytest.raises(InvalidRequest):
        store.search(workspace, Query("fox \ud800"))


def test_records_are_not_searched(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("records", "r", {}, "fox")])
    assert store.search(workspace, Query("fox")) == []


def test_after_an_update_the_old_text_is_not_found(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    store.write(workspace, [Put("memory", "fox", {"item": "fox"}, "A zebra stands still.")])
    assert {hit.point.id for hit in store.search(workspace, Query("fox", dense=False))} == {"foxes"}
    texts = {**TEXTS, "fox": "A zebra stands still."}
    hit = by_id(store.search(workspace, Query("zebra")))["fox"]
    assert hit.sparse == pytest.approx(bm25(texts, "zebra")["fox"], rel=1e-4)
    assert hit.dense == pytest.approx(cosine(texts["fox"], "zebra"), abs=2e-3)
    assert hit.point.text == texts["fox"]


def test_after_a_delete_nothing_is_found(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    store.write(workspace, [Delete("memory", id) for id in TEXTS])
    assert store.search(workspace, Query("fox")) == []
    store.write(workspace, [Put("memory", "new", {}, "fox")])
    (hit,) = store.search(workspace, Query("fox"))
    assert hit.sparse == pytest.approx(bm25({"new": "fox"}, "fox")["new"], rel=1e-4)


def test_a_patched_passage_is_found_as_before(store: PointStore, workspace: str) -> None:
    fill(store, workspace)
    before = by_id(store.search(workspace, Query("fox")))
    store.write(workspace, [Patch("memory", Eq("item", "fox"), {"kind": "patched", "metadata": {"a": 1}})])
    after = by_id(store.search(workspace, Query("fox")))
    assert {id: (hit.dense, hit.sparse) for id, hit in after.items()} == {
        id: (hit.dense, hit.sparse) for id, hit in before.items()
    }
    for where in (Eq("kind", "patched"), Eq("metadata.a", 1)):
        assert [hit.point.id for hit in store.search(workspace, Query("fox", where=where))] == ["fox"]


def test_context_is_searched_with_the_text(store: PointStore, workspace: str) -> None:
    store.write(
        workspace,
        [
            Put("memory", "a", {}, "It was blue.", context="Weather report of Tuesday"),
            Put("memory", "b", {}, "It was red."),
        ],
    )
    assert [hit.point.id for hit in store.search(workspace, Query("weather Tuesday", dense=False))] == ["a"]
    hits = by_id(store.search(workspace, Query("weather report", sparse=False)))
    encoder = HashingEncoder()
    embedded = unpack(pack(encoder.embed([dense_text("It was blue.", "Weather report of Tuesday")])[0]))
    assert hits["a"].dense == pytest.approx(float(embedded @ encoder.embed_query("weather report")), abs=2e-3)
    assert hits["a"].point.text == "It was blue."


def test_what_comes_before_is_embedded_too_and_not_a_keyword(store: PointStore, workspace: str) -> None:
    store.write(workspace, [Put("memory", "first", {}, "Shall we meet in Lisbon?")])
    puts = [
        Put("memory", "second", {}, "Or in Oslo?"),
        Put("memory", "third", {}, "Yes.", after=("first", "gone", "second")),
    ]
    store.write(workspace, puts)
    encoder = HashingEncoder()
    embedded = unpack(pack(encoder.embed([dense_text("Yes.", "", ["Shall we meet in Lisbon?", "Or in Oslo?"])])[0]))
    hits = by_id(store.search(workspace, Query("Lisbon")))
    assert hits["third"].dense == pytest.approx(float(embedded @ encoder.embed_query("Lisbon")), abs=2e-3)
    assert hits["third"].sparse == 0.0
