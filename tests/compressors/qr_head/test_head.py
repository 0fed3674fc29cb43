"""The shipped head: keys without the query, scores by MaxSim, and caches that change nothing."""

import numpy as np
import pytest

from memoryops.compressors.qr_head.head import Context, Head, HeadWeights, Query, matches, means, scores, votes
from memoryops.compressors.qr_head.keys import KeyCache
from memoryops.encoders.minilm import MiniLM

PASSAGES = ["The ferry leaves at seven.\nTickets are sold on board.", "Anna keeps bees.\nShe sold forty jars of honey."]
UNITS = [[(0, 26), (27, 52)], [(0, 16), (17, 47)]]


@pytest.fixture(scope="module")
def encoder() -> MiniLM:
    return MiniLM(threads=1)


@pytest.fixture(scope="module")
def head(encoder: MiniLM) -> Head:
    return Head(encoder)


def best(head: Head, query: str) -> int:
    return int(scores([head.query(query)], head.context(PASSAGES, UNITS))[0].argmax())


def test_it_finds_what_answers(head: Head) -> None:
    assert best(head, "When does the boat depart?") == 0
    assert best(head, "Where can I buy a ticket?") == 1
    assert best(head, "Who is a beekeeper?") == 2
    assert best(head, "How many jars of honey were sold?") == 3


def test_scores_are_the_weighted_mean_of_best_logits(head: Head) -> None:
    context, query = head.context(PASSAGES, UNITS), head.query("How many jars?")
    rows = np.concatenate([keys for keys, _ in context.blocks()])
    logits = query.rows @ rows.T
    naive = [float(query.weights @ logits[:, context.owner == unit].max(axis=1)) for unit in range(4)]
    assert scores([query], context)[0].tolist() == pytest.approx(naive, abs=1e-5)
    assert float(query.weights.sum()) == pytest.approx(1, abs=1e-5)


def test_votes_of_a_query_are_shared_by_its_units(head: Head) -> None:
    context, query = head.context(PASSAGES, UNITS), head.query("When does the boat leave and who is a beekeeper?")
    shares = votes(query, matches([query], context))
    assert float(shares.sum()) == pytest.approx(1, abs=1e-5) and shares.min() > 0
    assert {int(unit) for unit in np.argsort(-shares)[:2]} == {0, 2}


def test_half_a_question_that_is_answered_well_wins_more_votes_than_both_answered_badly() -> None:
    query = Query(np.eye(2, dtype=np.float32), np.array([0.5, 0.5], np.float32))
    best = np.array([[0.9, 0.2, 0.6, 0.2], [0.2, 0.9, 0.6, 0.2]], np.float32)
    assert (query.weights @ best).argmax() == 2
    shares = votes(query, best)
    assert shares[0] == shares[1] > shares[2] > shares[3]


def test_keys_of_a_unit_and_their_mean(head: Head) -> None:
    context = head.context(PASSAGES, UNITS)
    rows = np.concatenate([keys for keys, _ in context.blocks()])
    for unit, mean in enumerate(means(context, rows.shape[1])):
        own = rows[context.owner == unit]
        assert (context.keys_of(unit) == own).all()
        assert mean == pytest.approx(own.sum(axis=0) / np.linalg.norm(own.sum(axis=0)), abs=1e-5)


def test_a_full_cache_an_empty_one_and_none_give_the_same(encoder: MiniLM, head: Head) -> None:
    query = head.query("honey")
    known = scores([query], head.context(PASSAGES, UNITS))
    for cache in (KeyCache(0), KeyCache(10_000)):
        other = Head(encoder, head.weights, cache)
        for _ in range(2):
            assert (scores([query], other.context(PASSAGES, UNITS)) == known).all()


def test_a_long_context_is_scored_in_blocks(head: Head) -> None:
    texts, units = PASSAGES * 30, UNITS * 30
    query = head.query("honey")
    whole = scores([query], head.context(texts, units))
    assert scores([query], head.context(texts, units), block=64) == pytest.approx(whole, abs=1e-5)


def test_what_has_no_word_pieces_scores_least(head: Head) -> None:
    context = head.context(["", "   \u200b", "honey"], [[], [(0, 4)], [(0, 5)]])
    found = scores([head.query("honey"), head.query("")], context)
    assert context.units == 2 and found.shape == (2, 2)
    assert found[0, 0] == pytest.approx(-1) and found[0, 1] > 0.5


def test_nothing_at_all(head: Head) -> None:
    context: Context = head.context([], [])
    query = head.query("honey")
    assert scores([query], context).shape == (1, 0)
    assert votes(query, matches([query], context)).shape == (0,)
    assert means(context, 4).shape == (0, 4)


def test_a_long_query_is_read_to_its_limit(head: Head) -> None:
    assert len(head.query("word " * 5000).rows) <= 4 * 126 + 8


def test_the_untrained_head_weighs_inner_pieces_alike(encoder: MiniLM) -> None:
    query = Head(encoder, HeadWeights.untrained()).query("two words")
    assert query.weights.tolist() == pytest.approx([0, 0.5, 0.5, 0])
    assert query.rows.shape == (4, 384)
