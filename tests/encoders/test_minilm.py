"""The shipped encoder: what its vectors mean, and that nothing but the text decides them."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.encoders import Encoder, MiniLM

PAIRS = [
    ("How do I reset my password?", "Steps to change a forgotten login password"),
    ("The cat sleeps on the sofa.", "A kitten is napping on the couch."),
    ("The server crashed because it ran out of memory.", "An OOM killed the process on the host."),
    ("We ship the release on Friday.", "The new version goes out at the end of the week."),
    ("She is allergic to peanuts.", "Nuts make her ill, so avoid them in her food."),
]
TEXTS = [word for pair in PAIRS for word in pair] + ["", "ok", "x" * 5000, "long " * 400, "naïve 日本 🎉\x00"]


@pytest.fixture(scope="module")
def minilm() -> MiniLM:
    return MiniLM(threads=1)


def test_it_is_an_encoder(minilm: MiniLM) -> None:
    assert isinstance(minilm, Encoder)
    assert (minilm.name, minilm.dimension, minilm.max_tokens) == ("minilm", 384, 256)


def test_a_sentence_is_nearest_to_its_paraphrase(minilm: MiniLM) -> None:
    left, right = (minilm.embed(side) for side in zip(*PAIRS, strict=True))
    assert (left @ right.T).argmax(axis=1).tolist() == list(range(len(PAIRS)))


def test_similarity_is_high_for_the_same_and_low_for_another_thing(minilm: MiniLM) -> None:
    a, b, c = minilm.embed(["A man is playing a guitar.", "Someone plays the guitar.", "Stock prices fell."])
    assert a @ b > 0.8
    assert abs(a @ c) < 0.2


def test_vectors_have_length_one_and_the_promised_shape(minilm: MiniLM) -> None:
    vectors = minilm.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert minilm.embed([]).shape == (0, 384)
    assert minilm.embed_query("one").shape == (384,)


def test_a_vector_depends_on_its_text_alone_to_the_last_bit(minilm: MiniLM) -> None:
    texts = TEXTS + [f"number {i} of many passages that run together" for i in range(100)]
    alone = np.stack([minilm.embed_query(text) for text in texts])
    assert np.array_equal(minilm.embed(texts), alone)
    assert np.array_equal(minilm.embed(texts[::-1])[::-1], alone)
    assert np.array_equal(MiniLM(threads=2).embed(texts), alone)


def test_threads_share_one_encoder() -> None:
    shared = MiniLM(threads=1)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: shared.embed(TEXTS), range(16)))
    assert all(np.array_equal(result, results[0]) for result in results)


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.characters(), max_size=400))
def test_any_unicode_has_a_vector_and_offsets_inside_the_text(text: str) -> None:
    vector = UNICODE.embed_query(text)
    assert np.isfinite(vector).all()
    assert abs(float(np.linalg.norm(vector)) - 1) < 1e-5
    tokens = UNICODE.encode_tokens(text)
    assert UNICODE.count_tokens(text) == len(tokens) == len(tokens.offsets)
    assert all(0 <= start <= end <= len(text) for start, end in tokens.offsets)


UNICODE = MiniLM(threads=1)


@pytest.mark.parametrize("text", ["", "\x00", " ", "\ud800", "a" * 200_000, "🎉" * 20_000, "[SEP]", "[PAD]"])
def test_odd_texts_have_vectors(minilm: MiniLM, text: str) -> None:
    assert np.isfinite(minilm.embed_query(text)).all()


def test_special_tokens_in_a_text_are_text(minilm: MiniLM) -> None:
    assert minilm.count_tokens("[SEP]") > 1


def test_only_the_first_256_tokens_are_read(minilm: MiniLM) -> None:
    head = " ".join(["word"] * 254)
    assert minilm.count_tokens(head) == minilm.max_tokens - 2
    assert np.array_equal(minilm.embed_query(head), minilm.embed_query(head + " other" * 5000))
    assert not np.array_equal(minilm.embed_query(head[:-5]), minilm.embed_query(head))


def test_a_long_word_before_the_text_does_not_hide_it(minilm: MiniLM) -> None:
    """The reader cuts long texts before tokenising; one word may be longer than that cut."""
    blob = "x" * 20_000
    assert not np.array_equal(minilm.embed_query(f"{blob} the cat"), minilm.embed_query(f"{blob} a bank"))


def test_offsets_lead_back_to_the_text(minilm: MiniLM) -> None:
    text = "Café Müller pays 12.50 € for naïveté — 東京!"
    ((states, offsets),) = minilm.token_states([text])
    assert states.shape == (len(offsets), 384)
    assert states.dtype == np.float32
    assert [text[a:b] for a, b in offsets][:5] == ["Café", "Müller", "pays", "12", "."]
    assert {text[a:b] for a, b in offsets} >= {"€", "東", "京", "!"}


def test_the_mean_of_the_token_states_is_the_sentence(minilm: MiniLM) -> None:
    for text, (states, offsets) in zip(TEXTS, minilm.token_states(TEXTS, special=True), strict=True):
        assert offsets[0] == offsets[-1] == (0, 0)
        mean = states.mean(axis=0)
        assert np.allclose(mean / np.linalg.norm(mean), minilm.embed_query(text), atol=1e-5)


def test_an_empty_text_has_no_token_states(minilm: MiniLM) -> None:
    ((states, offsets),) = minilm.token_states([""])
    assert states.shape == (0, 384)
    assert offsets == []


def test_fingerprint_is_stable_and_needs_no_model_in_memory() -> None:
    first, second = MiniLM(), MiniLM(threads=2)
    assert first.fingerprint == second.fingerprint
    assert first.fingerprint.startswith("minilm-")


def test_importing_the_room_loads_nothing_heavy() -> None:
    heavy = "{'numpy', 'onnxruntime', 'tokenizers', 'httpx2', 'qdrant_edge', 'torch'}"
    code = f"import sys, memoryops.encoders; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_wrong_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads"):
        MiniLM(threads=0)
