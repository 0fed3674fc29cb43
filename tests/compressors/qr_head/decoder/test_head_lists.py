"""Published lists, lists of our own, and what is no list. Needs no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memoryops.compressors.errors import BadDetectionData, BadHeads, ExtraMissing
from memoryops.compressors.qr_head.decoder import head_lists, questions
from memoryops.compressors.qr_head.decoder.detect import ndcg, on_gold
from memoryops.compressors.qr_head.decoder.head_lists import HeadList
from memoryops.compressors.qr_head.decoder.load import require
from memoryops.compressors.qr_head.decoder.questions import Question

SIZES = {  # layers, query heads: from the models' own configurations
    "meta-llama/Llama-3.2-1B-Instruct": (16, 32),
    "meta-llama/Llama-3.2-3B-Instruct": (28, 24),
    "meta-llama/Llama-3.1-8B-Instruct": (32, 32),
    "meta-llama/Llama-3.1-70B-Instruct": (80, 64),
    "Qwen/Qwen2.5-7B-Instruct": (28, 28),
}


def test_the_lists_of_the_papers_five_models_are_here() -> None:
    lists = head_lists.published()
    assert {each.model for each in lists} == set(SIZES)
    assert len({(each.model, each.method) for each in lists}) == len(lists) == 8
    for each in lists:
        layers, heads = SIZES[each.model]
        assert len(each.heads) == (32 if "70B" in each.model else 16)
        assert all(0 <= layer < layers and 0 <= head < heads for layer, head in each.heads)
        assert each.method in ("mean", "ndcg")
        assert each.source.startswith("https://github.com/princeton-pli/QRHead/blob/")
        assert each.licence.startswith("MIT")


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", (13, 18)),
        ("/models/llama-3.1-8b-instruct/", (13, 18)),
        ("C:\\models\\Qwen2.5-7B-Instruct", (16, 19)),
    ],
)
def test_a_list_is_found_by_the_models_name_or_path(name: str, first: tuple[int, int]) -> None:
    found = head_lists.published_for(name)
    assert found is not None
    assert found.best(1) == (first,)


def test_other_models_have_none() -> None:
    assert head_lists.published_for("gpt2") is None
    assert head_lists.published_for("") is None


@pytest.mark.parametrize("scores", [(), (0.5, 0.25)])
def test_a_list_is_read_as_it_was_written(scores: tuple[float, ...], tmp_path: Path) -> None:
    made = HeadList("größe/m", ((3, 1), (0, 2)), "mean", "twelve questions", "memoryops heads detect", "", scores)
    head_lists.write(made, tmp_path / "list.json")
    assert head_lists.read(tmp_path / "list.json") == made


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"heads": []}', '{"heads": [[1]]}', '{"heads": [[1, -1]]}', '{"heads": [[1, 2], [1, 2]]}',
     '{"heads": [[1, 2, "x"]]}', '{"heads": ["1-2"]}', '{"heads": [[true, 2]]}'],
)  # fmt: skip
def test_what_is_no_list_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text(text)
    with pytest.raises(BadHeads, match=r"list\.json"):
        head_lists.read(tmp_path / "list.json")


def test_a_file_that_is_not_there_is_told() -> None:
    with pytest.raises(BadHeads, match="cannot be read"):
        head_lists.read("/nowhere/list.json")
    with pytest.raises(BadHeads, match="cannot be written"):
        head_lists.write(HeadList("m", ((0, 0),)), "/nowhere/list.json")


def test_questions_of_both_shapes_are_read(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(
        '{"query": "a?", "documents": ["x", "y"], "gold": [1]}\n\n'
        '{"query": "b?", "units": ["x", "y", "z"], "evidence": [[2], [0, 2]], "need": "all"}\n'
    )
    assert questions.read(file) == [
        Question("a?", ("x", "y"), frozenset({1})),
        Question("b?", ("x", "y", "z"), frozenset({0, 2})),
    ]


@pytest.mark.parametrize(
    "line",
    ["no json", "[]", '{"query": " ", "documents": ["x"], "gold": [0]}', '{"query": "q", "documents": [], "gold": []}',
     '{"query": "q", "documents": ["x"]}', '{"query": "q", "documents": ["x"], "gold": [1]}',
     '{"query": "q", "documents": ["x"], "gold": ["0"]}', '{"query": "q", "documents": [1], "gold": [0]}'],
)  # fmt: skip
def test_a_line_that_is_no_question_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"query": "a?", "documents": ["x"], "gold": [0]}\n' + line + "\n")
    with pytest.raises(BadDetectionData, match=r"questions\.jsonl, line 2"):
        questions.read(file)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_file_without_questions_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(content)
    with pytest.raises(BadDetectionData):
        questions.read(tmp_path / "empty")


def test_the_two_measures() -> None:
    scores = np.array([[0.9, 0.0, 0.1], [0.5, 0.0, 0.2], [0.1, 0.0, 0.3]])
    assert on_gold(scores, {0, 1}).tolist() == pytest.approx([1.4, 0.0, 0.3])
    assert ndcg(scores, {0}).tolist() == pytest.approx([1.0, 0.5, 0.5])
    assert ndcg(scores, {0, 1})[0] == pytest.approx(1.0)
    assert ndcg(scores, set()).tolist() == [0.0, 0.0, 0.0]
    assert ndcg(-np.arange(12.0)[:, None], {10}).tolist() == [0.0]


def test_a_missing_extra_gives_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(ExtraMissing, match=r"pip install 'memoryops\[qrhead\]'") as raised:
        require()
    assert isinstance(raised.value, ImportError)
