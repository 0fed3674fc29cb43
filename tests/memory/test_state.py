"""The numbers of the state are right."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from memoryops.compressors import tokens
from memoryops.memory.errors import InvalidInput
from memoryops.memory.scope import Scope
from memoryops.memory.service import MemoryOps
from memoryops.stores.in_memory import InMemoryStore

Make = Callable[..., MemoryOps]


def test_every_number_is_what_was_put_in(ops: MemoryOps, person: MemoryOps) -> None:
    texts = ["one note", "two " * 500, "three"]
    for number, text in enumerate(texts):
        ops.add(text, content_type="note" if number else "code")
    ops.add("hello", kind="message", thread="t")
    ops.quarantine.add("not counted among tokens " * 20, reason="r")
    ops.tasks.create("a")
    ops.tasks.claim(agent="ann")
    ops.tasks.create("b")
    ops.hil.request("q")
    person.hil.decline(ops.hil.request("r").id)
    ops.agents.register("ann")
    ops.search("note")
    state = ops.state()
    total = sum(map(tokens.count, [*texts, "hello"]))
    assert (state.items, state.messages, state.quarantined, state.agents) == (3, 1, 1, 1)
    assert state.by_content_type == {"note": 3, "code": 1}
    assert (state.tokens, state.window) == (total, 128_000)
    assert state.context_utilization_percentage == pytest.approx(100 * total / 128_000, abs=0.01)
    assert state.tasks == {"in_progress": 1, "open": 1}
    assert state.hil == {"pending": 1, "declined": 1}
    assert state.passages == 2 + 1 + sum(1 for _ in range(state.passages - 3))
    assert state.embedding == "ready" or state.passages
    assert json.loads(json.dumps(state.as_json()))["items"] == 3


def test_an_empty_memory_has_a_state(ops: MemoryOps) -> None:
    state = ops.state()
    assert (state.items, state.tokens, state.context_utilization_percentage, state.embedding) == (0, 0, 0.0, "none")
    assert (state.tasks, state.hil, state.by_content_type) == ({}, {}, {})


def test_a_bound_scope_counts_its_own(make: Make) -> None:
    for user in ("u1", "u2"):
        make(user=user).add(f"by {user}")
        make(user=user).tasks.create("t")
        make(user=user).hil.request("q")
        make(user=user).quarantine.add(f"held by {user}", reason="r")
    for scope, count in (({"user": "u1"}, 1), ({}, 2), ({"user": "u3"}, 0)):
        state = make(**scope).state()
        assert (state.items, state.passages, state.quarantined) == (count, count, count)
        assert (state.tasks.get("open", 0), state.hil.get("pending", 0)) == (count, count)


def test_every_content_type_is_counted(ops: MemoryOps) -> None:
    ops.add_many([{"content": f"text {n}", "content_type": f"type {n}"} for n in range(130)])
    assert sum(ops.state().by_content_type.values()) == ops.state().items == 130


@pytest.mark.parametrize("window", [0, -1, 1.5, "8k"])
def test_a_window_that_cannot_be_is_refused_when_it_is_given(window: object) -> None:
    with pytest.raises(InvalidInput, match="window"):
        MemoryOps(InMemoryStore(), Scope(), window=window)  # type: ignore[arg-type]  # callers are not always typed


def test_a_screening_policy_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInput, match="quarantin"):
        MemoryOps(InMemoryStore(), Scope(), screening="quarantin")
