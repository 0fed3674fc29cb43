"""Scopes: arguments narrow, never widen."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from memoryops.memory.errors import Forbidden, InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps

Make = Callable[..., MemoryOps]


@pytest.mark.parametrize(
    "fields",
    [{"workspace": ""}, {"workspace": None}, {"workspace": "a\nb"}, {"user": ""}, {"agent": "x" * 201}, {"thread": 7},
     {"role": "root"}, {"role": ""}, {"role": None}, {"user": "a\ud800"}],
)  # fmt: skip
def test_a_scope_that_cannot_be_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Scope(**fields)


def test_narrowing_keeps_the_role_and_the_workspace() -> None:
    scope = Scope("w", user="u", role="agent")
    narrowed = scope.narrowed(agent="a", thread="t")
    assert narrowed == Scope("w", "u", "a", "t", "agent")
    for wider in ({"user": "v"}, {"agent": "b"}, {"thread": "s"}):
        with pytest.raises(Forbidden, match=next(iter(wider.values()))):
            narrowed.narrowed(**wider)
    assert narrowed.narrowed(user="u", agent="a", thread="t") == narrowed


@pytest.mark.parametrize("name", ["", 0, False, [], "a\nb"])
def test_what_is_no_name_narrows_nothing_and_is_refused(name: Any) -> None:
    with pytest.raises(InvalidInput, match="the user is"):
        Scope("w").narrowed(user=name)


def test_what_is_bound_marks_every_write_and_cannot_be_argued_away(make: Make) -> None:
    ops = make(user="u", agent="a", thread="t")
    item = ops.retrieve(ops.add("marked").id)
    assert (item.user, item.agent, item.thread) == ("u", "a", "t")
    task = ops.tasks.create("t")
    assert (task.created_by, task.thread) == ("a", "t")
    assert ops.hil.request("q").thread == "t"
    for deed in (
        lambda: ops.add("x", thread="s"),
        lambda: ops.update(item.id, {"thread": "s"}),
        lambda: ops.tasks.create("x", thread="s"),
        lambda: ops.hil.request("x", thread="s"),
        lambda: ops.quarantine.add("x", reason="r", thread="s"),
        lambda: ops.tasks.claim(agent="b"),
    ):
        with pytest.raises(Forbidden):
            deed()
    ops.update(item.id, {"thread": None})
    assert ops.retrieve(item.id).thread == "t"
