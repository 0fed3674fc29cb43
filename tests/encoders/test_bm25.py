"""Keyword vectors: what finds what."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.encoders import Bm25
from memoryops.encoders.words import words

BM25 = Bm25()


def score(query: str, document: str) -> float:
    asked, held = BM25.query(query), BM25.document(document)
    weights = dict(zip(held.indices, held.values, strict=True))
    return sum(v * weights.get(i, 0.0) for i, v in zip(asked.indices, asked.values, strict=True))


@pytest.mark.parametrize(
    ("query", "document"),
    [
        ("runs", "she was running home"),
        ("user name", "def getUserName(): ..."),
        ("getUserName", "call getUserName() first"),
        ("get_user_name", "self.get_user_name()"),
        ("name", "get_user_name"),
        ("foo.bar.baz", "import foo.bar.baz"),
        ("baz", "import foo.bar.baz"),
        ("E1234", "failed with error[E1234]: mismatched"),
        ("error 1234", "E1234"),
        ("parser", "XMLParserError"),
        ("init", "__init__"),
        ("192.168.0.1", "host 192.168.0.1:8080 is down"),
        ("main.py", "see src/app/main.py:12"),
        ("src/app/main.py", "see src/app/main.py."),
        ("well-known", "a well known fact"),
        ("C++", "written in C++, not C#"),
        ("dog", "the dog's bone"),
        ("don't panic", "don’t panic"),
        ("cafe", "a naïve café"),
        ("file", "ﬁle in ｆｕｌｌ width"),
        ("🎉", "we won 🎉🎉"),
        ("Привет", "привет, мир"),
        ("北京", "我爱北京天安门"),
        ("猫", "我的猫很可爱"),
        ("東京都", "昨日東京都に行きました"),
        ("Python", "使用Python编程"),
        ("고양이", "고양이가 잔다"),
        ("ภาษา", "ฉันพูดภาษาไทย"),
        ("हिन्दी", "यह हिन्दी भाषा है।"),
        ("to be or not to be", "To be, or not to be: that is the question"),
        ("???", "??? !!!"),
    ],
)
def test_found(query: str, document: str) -> None:
    assert score(query, document) > 0


@pytest.mark.parametrize(
    ("query", "document"),
    [("cat", "concatenate"), ("мир", "мирный"), ("南海", "北京"), ("the dog", "the cat"), ("1234", "12345")],
)
def test_not_found(query: str, document: str) -> None:
    assert score(query, document) == 0


def test_the_whole_identifier_beats_its_scattered_parts() -> None:
    assert score("getUserName", "getUserName") > score("getUserName", "get the name of a user")


def test_frequency_counts_and_length_dampens() -> None:
    assert score("cat", "cat cat cat dog") > score("cat", "cat dog bird cow")
    assert score("cat", "cat") > score("cat", "cat " + "dog " * 500)


def test_queries_weigh_each_word_once_and_drop_stop_words() -> None:
    assert BM25.query("cat cat the a cat").values == [1.0]
    assert len(BM25.document("the cat")) == 2


def test_only_blank_texts_are_empty() -> None:
    for text in ("", " \n\t", "\x00"):
        assert len(BM25.document(text)) == len(BM25.query(text)) == 0


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(), max_size=200))
def test_every_text_finds_itself(text: str) -> None:
    asked, held = BM25.query(text), BM25.document(text)
    assert set(asked.indices) <= set(held.indices)
    assert bool(len(asked)) == bool(len(held)) == bool(words(text))
    assert len(held.indices) == len(held.values) == len(set(held.indices))
    assert all(0 <= index < 2**32 for index in held.indices)
    assert all(value > 0 for value in held.values)


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(), max_size=100))
def test_a_text_with_a_letter_is_never_empty(text: str) -> None:
    assert len(BM25.document(text + " x")) > 0


def test_fingerprint_follows_the_parameters() -> None:
    assert Bm25().fingerprint == BM25.fingerprint
    assert Bm25(average_length=50).fingerprint != BM25.fingerprint
    with pytest.raises(ValueError, match="average_length"):
        Bm25(average_length=0)


@pytest.mark.parametrize(
    "unit", ["word ", "a", "a.", "a/", "->", "'a", "_", "_a", "aB", "漢", "🎉", ". ", "a'", "\u200d"]
)
def test_time_grows_with_length_not_its_square(unit: str) -> None:
    """A quadratic scan of a megabyte would take minutes."""
    text = unit * (1_000_000 // len(unit))
    started = time.process_time()
    BM25.document(text)
    assert time.process_time() - started < 10
