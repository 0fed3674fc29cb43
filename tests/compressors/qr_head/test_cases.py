"""What is measured: budgets are never exceeded, evidence is counted as the file says."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.compressors.qr_head.cases import Case, kept, read, score, spans

worths = st.lists(st.floats(-5, 5), min_size=1, max_size=40)


@given(worths, st.data())
def test_no_budget_is_exceeded_and_nothing_that_fits_is_left(values: list[float], data: st.DataObject) -> None:
    costs = data.draw(st.lists(st.integers(0, 9), min_size=len(values), max_size=len(values)))
    budget = data.draw(st.integers(0, 60))
    chosen = kept(values, costs, budget)
    used = sum(cost for cost, is_kept in zip(costs, chosen, strict=True) if is_kept)
    assert used <= budget
    left = [cost for cost, is_kept in zip(costs, chosen, strict=True) if not is_kept and cost > 0]
    assert all(used + cost > budget for cost in left)


def case(need: str, evidence: tuple[tuple[int, ...], ...]) -> Case:
    return Case("made", "what?", (("a", "b"), ("c", "d")), evidence, need)


def test_any_wants_one_alternative_whole() -> None:
    wanted = case("any", ((0, 1), (3,)))
    costs = [2, 2, 2, 2]
    assert score(wanted, kept([4, 1, 2, 0], costs, 4), costs, 4) == 0
    assert score(wanted, kept([4, 3, 2, 0], costs, 4), costs, 4) == 1
    assert score(wanted, kept([0, 1, 2, 9], costs, 2), costs, 2) == 1


def test_all_counts_tokens_of_at_most_the_budget() -> None:
    wanted = case("all", ((0,), (1, 2)))
    costs = [3, 1, 2, 4]
    assert score(wanted, kept([9, 8, 0, 1], costs, 4), costs, 4) == 1
    assert score(wanted, kept([9, 0, 0, 8], costs, 7), costs, 7) == pytest.approx(3 / 6)


def test_a_file_is_read_by_groups(tmp_path: Path) -> None:
    row = {"set": "s", "query": "q", "units": ["a", "b", "c"], "groups": [1, 1, 2], "evidence": [[2]], "need": "any"}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    (read_back,) = read(path)
    assert read_back.passages == (("a", "b"), ("c",))
    assert read_back.texts == ["a\nb", "c"] and read_back.spans == [[(0, 1), (2, 3)], [(0, 1)]]


@pytest.mark.parametrize("change", [{"need": "some"}, {"evidence": [[3]]}, {"evidence": []}, {"groups": [1]}])
def test_a_wrong_row_is_named(tmp_path: Path, change: dict[str, object]) -> None:
    row = {"set": "s", "query": "q", "units": ["a", "b"], "groups": [1, 1], "evidence": [[1]], "need": "any"}
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n" + json.dumps({**row, **change}) + "\n")
    with pytest.raises(ValueError, match="line 2"):
        read(path)


def test_spans_are_lines() -> None:
    passage = ("one", "", "three")
    text = "\n".join(passage)
    assert [text[start:end] for start, end in spans(passage)] == list(passage)
