"""Measuring a memory on its own contents and on given questions."""

import json
from pathlib import Path
from typing import Any

import pytest

from memoryops.memory import evaluation
from memoryops.memory.errors import InvalidInput, NotFound
from memoryops.memory.evaluation import Asked
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

FACTS = [
    "The ferry to Kos leaves from pier four at nine.",
    "The staging certificate expires on the third of May.",
    "Backups are kept for ninety days in the cellar.",
    "Mira prefers green tea without sugar.",
]


@pytest.fixture
def ops() -> MemoryOps:
    ops = MemoryOps(InMemoryStore())
    ops.add_many([{"content": text} for text in FACTS])
    return ops


def test_answers_are_told_by_id_and_by_what_they_contain(ops: MemoryOps) -> None:
    tea = ops.search("green tea").hits[0].id
    asked = [
        Asked("when does the certificate expire", contains="Third of May"),
        Asked("green tea of Mira", ids=[tea]),
        Asked("ferry to Kos", contains="no such text"),
    ]
    seen: list[tuple[int, int]] = []
    report = evaluation.evaluate(ops, asked, "test", lambda done, total: seen.append((done, total)))
    quality = {each.way: each for each in report.quality}
    assert set(quality) == {"MemoryOps", "meaning alone", "keywords alone", "reciprocal rank fusion"}
    assert quality["MemoryOps"].found_at == {1: 0.6667, 5: 0.6667, 10: 0.6667}
    assert quality["MemoryOps"].reciprocal_rank == 0.6667
    assert (report.questions, report.memories, seen[-1]) == (3, 4, (3, 3))
    assert {each.what for each in report.speed} == {"search", "retrieve"}
    assert all(0 < each.p50 <= each.p95 for each in report.speed)


def test_a_memory_is_asked_for_its_own_contents(ops: MemoryOps) -> None:
    asked = evaluation.known_items(ops, 10)
    assert len(asked) == 4
    assert asked == evaluation.known_items(ops, 10)
    report = evaluation.evaluate(ops, asked, "itself")
    assert report.quality[0].found_at[1] == 1.0


def test_an_empty_memory_has_nothing_to_ask() -> None:
    ops = MemoryOps(InMemoryStore())
    assert evaluation.known_items(ops, 10) == []
    with pytest.raises(NotFound):
        evaluation.evaluate(ops, [], "nothing")


def test_questions_are_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    rows: list[Any] = [{"question": "a?", "contains": "b"}, {"question": "c?", "ids": ["x"]}]
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", encoding="utf-8")
    assert evaluation.read(path) == [Asked("a?", [], "b"), Asked("c?", ["x"], "")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has 0 questions"),
        ("{", "line 1 is no JSON"),
        ("[]", "line 1 has no question"),
        ('{"question": "a"}', "does not say what answers it"),
        ('{"question": "a", "ids": "x"}', '"ids" is a list'),
        ('{"question": "a", "contains": 1}', '"contains" a string'),
        ('{"question": " ", "contains": "x"}', "question is empty"),
        ("[" * 100_000, "line 1 is no JSON"),
    ],
)
def test_a_wrong_file_is_refused_by_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=said):
        evaluation.read(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot read"):
        evaluation.read(tmp_path / "nowhere")
