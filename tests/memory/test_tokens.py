"""Counting tokens: a number for any text, close for long ones, heads within the budget."""

from __future__ import annotations

import time

from hypothesis import given, settings
from hypothesis import strategies as st

from memoryops.compressors import tokens

law = settings(max_examples=150, deadline=None, database=None)


@law
@given(st.text())
def test_any_text_has_a_count(text: str) -> None:
    assert tokens.count(text) >= 0
    assert tokens.clip(text, 0) == ""


def test_known_counts() -> None:
    assert tokens.count("") == 0
    assert tokens.count("hello world") == 2
    assert tokens.clip("hello world again", 2) == "hello world"
    assert tokens.clip("hello", 10) == "hello"


def test_a_long_text_is_counted_within_three_percent() -> None:
    text = "".join(f"Sentence number {n} tells of ordinary things, and ends.\n" for n in range(2000))
    exact = sum(tokens.count(text[i : i + 10_000]) for i in range(0, len(text), 10_000))
    assert abs(tokens.count(text) - exact) < 0.03 * exact


def test_the_name_says_that_it_is_approximate() -> None:
    assert tokens.name() == "minilm (approximate)"


def test_blank_space_counts_little_and_costs_no_time() -> None:
    started = time.process_time()
    assert tokens.count(" \n" * 10_000) == 312
    assert time.process_time() - started < 20


def test_a_lone_surrogate_counts_as_the_question_mark_it_is_sent_as() -> None:
    assert tokens.count("a \ud83d b") == tokens.count("a ? b") == 3
