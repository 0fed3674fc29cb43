"""The ledger: lines, sums, and what a spreadsheet gets."""

from __future__ import annotations

import pytest

from memoryops.memory.errors import InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.memory.usage import Spent, as_csv
from memoryops.stores.in_memory import InMemoryStore


@pytest.fixture
def ops() -> MemoryOps:
    return MemoryOps(InMemoryStore())


def test_sums_and_lines(ops: MemoryOps) -> None:
    now = ops.items.clock()
    ops.usage.add(
        [
            Spent(model="a", key="k", tokens_in=10, cost_usd=0.5, at=now - 100),
            Spent(model="a", key="l", tokens_in=1, cost_usd=0.25, status=500, at=now),
            Spent(model="b", user="anna", tokens_in=5, at=now),
        ]
    )
    first, second = ops.usage.summary()
    assert (first.group, first.requests, first.failed, first.tokens_in, first.cost_usd) == ("a", 2, 1, 11, 0.75)
    assert (second.group, second.unpriced) == ("b", 1)
    assert [each.group for each in ops.usage.summary(["model", "key"])] == ["a · k", "a · l", "b · -"]
    assert [line.spent.model for line in ops.usage.lines(since=now - 50, model="a")] == ["a"]
    assert ops.usage.summary([], key="k")[0].requests == 1
    page = ops.usage.page(limit=2)
    assert len(ops.usage.page(limit=2, cursor=page.next_cursor).lines) == 1


def test_a_line_written_again_is_one_line(ops: MemoryOps) -> None:
    line = Spent(model="a")
    ops.usage.add([line])
    ops.usage.add([line])
    assert ops.usage.summary()[0].requests == 1


def test_others_see_nothing_of_it(ops: MemoryOps) -> None:
    ops.usage.add([Spent(model="a", user="anna")])
    assert ops.with_scope(Scope("elsewhere")).usage.summary() == []
    assert ops.with_scope(Scope(user="ben")).usage.summary() == []
    assert ops.with_scope(Scope(user="anna")).usage.summary()[0].requests == 1
    assert ops.search("a").hits == []


@pytest.mark.parametrize("name", ["=1+1", "+a", "@b", "\tc", "x" * 500, "a\nb"])
def test_what_strangers_name_is_harmless(ops: MemoryOps, name: str) -> None:
    ops.usage.add([Spent(model=name)])
    (line,) = ops.usage.lines()
    assert len(line.spent.model) <= 200
    assert line.spent.model.isprintable()
    cells = as_csv([line.as_row()]).splitlines()[1].split(",")
    assert not any(cell.strip('"').startswith(("=", "+", "@")) for cell in cells)


def test_a_wrong_group_is_named(ops: MemoryOps) -> None:
    with pytest.raises(InvalidInput, match="by"):
        ops.usage.summary(["colour"])  # type: ignore[list-item]  # what a caller may send
