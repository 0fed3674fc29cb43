"""Threads: what was said, in order, and materials that are taken in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.memory.errors import Forbidden, InvalidInput
from memoryops.memory.service import MemoryOps
from memoryops.memory.threads import turns

from .conftest import Make


def test_messages_come_in_the_order_in_which_they_were_said(ops: MemoryOps) -> None:
    for number in (2, 0, 1):
        ops.add(f"turn {number}", kind="message", thread="t", created_at=1_000_000.0 + number)
    ops.add("a note", thread="t")
    assert [each.content for each in ops.threads.messages("t").messages] == ["turn 0", "turn 1", "turn 2"]
    page = ops.threads.messages("t", limit=2, newest_first=True)
    assert [each.content for each in page.messages] == ["turn 2", "turn 1"]
    rest = ops.threads.messages("t", limit=2, newest_first=True, cursor=page.next_cursor)
    assert [each.content for each in rest.messages] == ["turn 0"]
    assert ops.threads.messages("nothing").messages == []
    assert [(each.name, each.memories) for each in ops.threads.list().threads] == [("t", 4)]


def test_a_bound_thread_reaches_no_other(make: Make) -> None:
    make(thread="a").add("x", kind="message")
    with pytest.raises(Forbidden):
        make(thread="b").threads.messages("a")
    assert make(thread="b").threads.list().threads == []
    assert make(thread="b").threads.begin().thread == "b"


def test_a_list_that_was_cut_says_so(ops: MemoryOps) -> None:
    for name in ("a", "b", "c"):
        ops.add("x", thread=name)
    listed = ops.threads.list(limit=2)
    assert (len(listed.threads), listed.truncated) == (2, True)


def test_a_repetition_of_materials_stores_nothing(ops: MemoryOps) -> None:
    materials = {"chat": "User: hi\nBot: hello", "logs": "INFO: fine"}
    first, again = (ops.threads.ingest(materials, thread="t", idempotency_key="k") for _ in range(2))
    assert [each.id for each in (*first.chat, *first.logs)] == [each.id for each in (*again.chat, *again.logs)]
    assert len(ops.threads.messages("t").messages) == 2


@pytest.mark.parametrize(
    "materials", [{}, {"mail": "x"}, {"chat": 5}, {"chat": [{"role": "user"}]}, {"logs": ["x"] * 1001}, {"diffs": [""]}]
)
def test_wrong_materials_store_nothing(ops: MemoryOps, materials: Any) -> None:
    with pytest.raises(InvalidInput):
        ops.threads.ingest(materials)
    assert ops.state().items == 0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", []),
        ("no speaker here", [(None, "no speaker here")]),
        ("User: hi", [("User", "hi")]),
        (
            "before\nUser: hi\nthere\n\nAnn-Lee: yes: no",
            [(None, "before"), ("User", "hi\nthere"), ("Ann-Lee", "yes: no")],
        ),
        ("User:\n  \nBot: x", [("Bot", "x")]),
        ("<nick> hi", [("nick", "hi")]),
    ],
)
def test_a_chat_is_cut_into_turns(text: str, said: list[tuple[str | None, str]]) -> None:
    assert turns(text) == said


@given(
    st.lists(st.tuples(st.sampled_from(["User", "Bot"]), st.from_regex(r"[a-z]{1,9}( [a-z]{1,9})*", fullmatch=True)))
)
def test_what_was_written_as_turns_is_read_as_turns(said: list[tuple[str, str]]) -> None:
    assert turns("\n".join(f"{speaker}: {text}" for speaker, text in said)) == said
