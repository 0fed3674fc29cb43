"""What the extractive compressor keeps of real texts, with and without a query."""

from __future__ import annotations

from pathlib import Path

from memoryops.compressors import tokens
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Passage

DOCUMENTS = Path(__file__).parents[2] / "examples" / "documents"


def kept(name: str, query: str, budget: int, content_type: str = "note") -> str:
    text = (DOCUMENTS / name).read_text(encoding="utf-8")
    return Extractive().compress([Passage(name, text, content_type)], query, budget).text


def test_the_answer_is_kept_under_its_heading() -> None:
    text = kept("runbook-deploy.md", "What must migrations work with when a release is rolled back?", 90, "markdown")
    assert "they must work with the previous release" in text
    assert "## Roll back" in text
    assert "…" in text


def test_without_a_query_the_beginning_and_what_stands_for_the_whole_are_kept() -> None:
    text = kept("incident-review-2026-04-02.md", "", 120, "markdown")
    assert text.startswith("# Review: nobody could board")
    assert "certificate" in text


def test_a_query_of_which_no_word_occurs_is_like_none() -> None:
    assert kept("onboarding.md", "zygote xylophone", 80) == kept("onboarding.md", "", 80)


def test_errors_and_both_ends_of_a_log_are_kept() -> None:
    lines = [f"2026-04-02T05:{n // 60:02d}:{n % 60:02d}Z INFO request {n} served in {n % 7} ms" for n in range(500)]
    lines[321] = "2026-04-02T05:05:21Z ERROR disk is full"
    text = Extractive().compress([Passage("a", "\n".join(lines), "log")], "", 200).text.split("\n")
    assert lines[0] in text
    assert lines[321] in text
    assert lines[-1] in text


def test_a_statement_comes_with_its_signature() -> None:
    body = "\n".join(f"    step_{n} = prepare(order, {n})" for n in range(60))
    source = f"def ship(order):\n{body}\n    refund_customer(order)\n    return order\n"
    text = Extractive().compress([Passage("a", source, "python")], "who gets a refund, which customer", 60).text
    assert text.startswith("def ship(order):\n")
    assert "\n…\n" in text
    assert "    refund_customer(order)" in text


def test_several_passages_share_the_budget_by_what_they_are_worth() -> None:
    passages = [
        Passage(path.name, path.read_text(encoding="utf-8"), "markdown") for path in sorted(DOCUMENTS.glob("*.md"))
    ]
    answer = Extractive().compress(passages, "wheelchair ramp at low tide", 100)
    best = max(zip(answer.texts, passages, strict=True), key=lambda pair: tokens.count(pair[0]))
    assert best[1].id == "accessibility.md"
    assert "The ramp at the East Pier is steep at low tide" in answer.text


def test_what_stands_there_twice_is_kept_once() -> None:
    filler = " ".join(f"Filling sentence number {n} says nothing of it." for n in range(40))
    text = f"The ferry leaves at nine. {filler} The ferry leaves at nine. {filler}"
    assert Extractive().compress([Passage("a", text)], "ferry leaves", 40).text.count("The ferry leaves at nine.") == 1
