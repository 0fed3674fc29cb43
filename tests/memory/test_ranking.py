"""Laws of the ranking, over values alone."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.memory.ranking import Scored, rank, recency

NOW = 1_800_000_000.0
SCORES = st.one_of(st.none(), st.floats(-1, 1))
CANDIDATES = st.lists(
    st.builds(
        Scored,
        st.uuids().map(str),
        dense=SCORES,
        sparse=st.one_of(st.none(), st.floats(0, 50)),
        importance=st.floats(0, 1),
        created_at=st.floats(0, 2 * NOW),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda c: c.key,
)
law = settings(max_examples=150, deadline=None, database=None)


def place(candidates: list[Scored], key: str) -> int:
    return [each.key for each in rank(candidates, NOW)].index(key)


@law
@given(CANDIDATES)
def test_each_candidate_is_ranked_once_best_first_by_the_sum_of_its_parts(candidates: list[Scored]) -> None:
    ranked = rank(candidates, NOW)
    assert sorted(each.key for each in ranked) == sorted(c.key for c in candidates)
    assert [r.score for r in ranked] == sorted((r.score for r in ranked), reverse=True)
    for each in ranked:
        assert abs(sum(each.parts.values()) - each.score) < 1e-9
        assert all(part >= 0 for name, part in each.parts.items() if name not in ("question", "short"))


@law
@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_does_not_matter(candidates: list[Scored], chance: object) -> None:
    shuffled = list(candidates)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis does not export the type
    assert rank(shuffled, NOW) == rank(candidates, NOW)


@law
@given(CANDIDATES, st.data())
def test_more_of_anything_never_costs_a_place(candidates: list[Scored], data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(candidates))
    better = chosen
    if chosen.dense is not None:
        better = replace(better, dense=data.draw(st.floats(chosen.dense, 1)))
    if chosen.sparse is not None:
        better = replace(better, sparse=data.draw(st.floats(chosen.sparse, 60)))
    better = replace(better, importance=data.draw(st.floats(chosen.importance, 1)))
    better = replace(better, created_at=data.draw(st.floats(chosen.created_at, 2 * NOW)))
    changed = [better if c.key == chosen.key else c for c in candidates]
    assert place(changed, chosen.key) <= place(candidates, chosen.key)


@law
@given(CANDIDATES)
def test_the_best_on_both_sides_is_not_buried_under_what_matches_half_as_well(candidates: list[Scored]) -> None:
    exact = Scored("exact", 1.0, 60.0, 0.0, 0.0)
    weaker = [replace(c, dense=min(c.dense or 0, 0.5), sparse=min(c.sparse or 0, 30.0)) for c in candidates]
    assert rank([exact, *weaker], NOW)[0].key == "exact"


@law
@given(CANDIDATES, st.floats(0.1, 10))
def test_the_scale_of_bm25_does_not_matter(candidates: list[Scored], factor: float) -> None:
    candidates = [replace(c, sparse=None if c.sparse is None else round(c.sparse, 3)) for c in candidates]
    scaled = [replace(c, sparse=None if c.sparse is None else c.sparse * factor) for c in candidates]
    before = {each.key: each.score for each in rank(candidates, NOW)}
    after = {each.key: each.score for each in rank(scaled, NOW)}
    assert all(abs(before[key] - after[key]) < 1e-6 for key in before)


@law
@given(st.floats(0, 2 * NOW), st.floats(0, 2 * NOW))
def test_recency_falls_with_age_and_stays_within_one(first: float, second: float) -> None:
    early, late = sorted((first, second))
    assert 0 <= recency(early, NOW) <= recency(late, NOW) <= 1
    assert recency(NOW + 1, NOW) == 1


@law
@given(CANDIDATES)
def test_an_exact_match_is_not_buried_under_context(candidates: list[Scored]) -> None:
    """However well its neighbours, its speaker and its time fit: what holds the question itself is first."""
    exact = Scored("exact", 1.0, 60.0, 0.0, 0.0, words=1.0, next=0.0, complete=True)
    fitting = [
        replace(c, dense=min(c.dense or 0, 0.6), sparse=min(c.sparse or 0, 30.0), words=1.0, next=0.6, speaker=True)
        for c in candidates
    ]
    assert rank([exact, *fitting], NOW)[0].key == "exact"


def test_importance_and_recency_decide_between_equals_alone() -> None:
    plain = Scored("plain", 0.5, 10.0, 0.0, 0.0, words=0.5)
    urgent = replace(plain, key="urgent", importance=1.0, created_at=NOW)
    assert [each.key for each in rank([plain, urgent], NOW)] == ["urgent", "plain"]
    better = replace(plain, key="better", dense=0.8)
    assert [each.key for each in rank([better, urgent], NOW)] == ["better", "urgent"]
