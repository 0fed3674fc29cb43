"""Ranking once more: by what the reader says of the best, within its time, and told when it was not done."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from memoryops import MemoryOps
from memoryops.memory.errors import InvalidInput
from memoryops.memory.recall import Recall
from memoryops.memory.rerank import DEPTH, WEIGHT, Line, Reranker, weighed
from memoryops.stores.in_memory import InMemoryStore


class Longest:
    """A reader that takes the longest passage for the answer."""

    def __init__(self) -> None:
        self.read: list[Line] = []

    def scores(self, query: str, lines: Sequence[Line]) -> Sequence[float]:
        self.read.extend(lines)
        return [10.0 * (end - start) for _, start, end in lines]


class Slow:
    """A reader that waits until it may go on."""

    def __init__(self) -> None:
        self.go_on = threading.Event()

    def scores(self, query: str, lines: Sequence[Line]) -> Sequence[float]:
        self.go_on.wait(30)
        return [0.0] * len(lines)


class Broken:
    def scores(self, query: str, lines: Sequence[Line]) -> Sequence[float]:
        raise RuntimeError("no model")


@pytest.fixture
def ops() -> MemoryOps:
    ops = MemoryOps(InMemoryStore())
    ops.add_many([{"content": f"the tide table, part {n} " + "and more " * n} for n in range(9)])
    return ops


def with_reader(ops: MemoryOps, reader: object, seconds: float = 5.0) -> MemoryOps:
    ops.recall = Recall(ops.store, ops.scope, reranker=Reranker(reader, seconds))  # type: ignore[arg-type]  # several
    return ops


def test_the_reader_has_a_say_and_explain_shows_it(ops: MemoryOps) -> None:
    with_reader(ops, Longest())
    plain, again = (ops.search("tide table", limit=9, explain=True, rerank=rerank) for rerank in (False, True))
    assert {hit.id for hit in plain.hits} == {hit.id for hit in again.hits}
    assert "part 8" in again.hits[0].content and again.not_reranked == ""
    assert again.hits[0].parts["rerank"] == pytest.approx(WEIGHT) and "rerank" not in plain.hits[0].parts
    for hit in again.hits:
        assert hit.score == pytest.approx(sum(hit.parts.values()))


def test_pages_go_through_the_new_order(ops: MemoryOps) -> None:
    with_reader(ops, Longest())
    whole = [hit.id for hit in ops.search("tide table", limit=9, rerank=True).hits]
    first = ops.search("tide table", limit=4, rerank=True)
    rest = ops.search("tide table", limit=9, rerank=True, cursor=first.next_cursor)
    assert [hit.id for hit in (*first.hits, *rest.hits)] == whole


def test_a_cursor_belongs_to_its_order(ops: MemoryOps) -> None:
    cursor = ops.search("tide table", limit=4).next_cursor
    with pytest.raises(InvalidInput, match="another query"):
        with_reader(ops, Longest()).search("tide table", limit=4, cursor=cursor, rerank=True)


def test_who_reads_too_long_is_not_waited_for(ops: MemoryOps) -> None:
    slow = Slow()
    with_reader(ops, slow, seconds=0.05)
    plain = [hit.id for hit in ops.search("tide table").hits]
    try:
        late = ops.search("tide table", rerank=True)
        assert [hit.id for hit in late.hits] == plain and "more than 0.05 s" in late.not_reranked
        assert "still busy" in ops.search("tide table", rerank=True).not_reranked
    finally:
        slow.go_on.set()


def test_who_cannot_read_is_told_of(ops: MemoryOps) -> None:
    found = with_reader(ops, Broken()).search("tide table", rerank=True)
    assert found.hits and found.not_reranked == "RuntimeError: no model"


def test_turns_are_read_with_what_was_said_before(ops: MemoryOps) -> None:
    reader = Longest()
    turns = [("Ann", "Shall we sail?"), ("Bo", "The harbour opens at six."), ("Ann", "Then at six it is, at the pier.")]
    ops.add_many([{"content": text, "kind": "message", "thread": "t", "speaker": who} for who, text in turns])
    with_reader(ops, reader).search("when at the pier", rerank=True)
    (text, start, end), *_ = [each for each in reader.read if "at the pier" in each[0][each[1] : each[2]]]
    assert text[start:end] == "Ann: Then at six it is, at the pier."
    assert text[:start] == "Ann: Shall we sail?\nBo: The harbour opens at six.\n"


def test_the_head_of_the_package_reads() -> None:
    ops = MemoryOps(InMemoryStore())
    ops.add_many([{"content": f"note {n} on how the budget of the year was spent"} for n in range(5)])
    added = ops.add("The boat to the island departs at dawn.")
    found = ops.search("When does the island ferry leave?", limit=6, explain=True, rerank=True)
    parts = {hit.id: hit.parts["rerank"] for hit in found.hits}
    assert found.hits[0].id == added.id and parts[added.id] == pytest.approx(WEIGHT)


@pytest.mark.parametrize("scores", [[], [1.0], [2.0, 2.0]])
def test_equal_scores_say_nothing(scores: list[float]) -> None:
    assert weighed(scores) == [0.0] * len(scores)


def test_only_the_best_are_read(ops: MemoryOps) -> None:
    ops.add_many([{"content": f"tide table number {n}"} for n in range(2 * DEPTH)])
    reader = Longest()
    with_reader(ops, reader).search("tide table", limit=3, rerank=True)
    assert len(reader.read) <= DEPTH
