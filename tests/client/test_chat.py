"""What is put into a chat comes out again, and what was said is kept once."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memoryops.client.chat import FOOT, HEAD, Chat, answer_of, chat_of, text_of, without_blocks
from memoryops.memory import working_set

BLOCK = f"{HEAD}\nsomething recalled\n{FOOT}"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PARTS = st.lists(st.fixed_dictionaries({"type": st.just("text"), "text": TEXTS}), max_size=3)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {"role": st.sampled_from(["system", "user", "assistant", "tool"]), "content": TEXTS | PARTS | st.none()}
    ),
    max_size=6,
)


def test_the_marks_are_the_services() -> None:
    assert working_set.HEAD.startswith(f"{HEAD}\n")
    assert working_set.FOOT == FOOT


@given(MESSAGES, st.sampled_from([None, "ann"]))
def test_what_is_put_in_changes_the_last_question_alone_and_comes_out_again(
    messages: list[dict[str, Any]], user: str | None
) -> None:
    body = {"messages": messages, "user": user, "x": [1.5, None]}
    before = copy.deepcopy(body)
    chat = Chat(body)
    again = chat_of(chat.with_block(BLOCK))
    assert body == before
    assert again is not None
    assert {**again.body, "messages": 0} == {**body, "messages": 0}
    places = [n for n, each in enumerate(messages) if each["role"] == "user"]
    changed = [n for n, each in enumerate(messages) if again.body["messages"][n] != each]
    assert changed == places[-1:]
    assert [turn.text for turn in again.turns] == [turn.text for turn in chat.turns]
    assert again.question == chat.question
    assert again.said("answer", "2026-01-01") == chat.said("answer", "2026-01-01")


@given(MESSAGES, TEXTS)
def test_what_is_kept_follows_the_last_answer_and_has_keys_of_its_own(
    messages: list[dict[str, Any]], answer: str
) -> None:
    chat = Chat({"messages": messages})
    kept = chat.said(answer, "2026-01-01")
    assert kept == chat.said(answer, "2026-01-01")
    assert len({turn.key for turn in kept}) == len(kept)
    assert not {turn.key for turn in kept} & {turn.key for turn in chat.said(answer, "2026-01-02")}
    assert not {turn.key for turn in kept} & {turn.key for turn in chat.said(answer, "2026-01-01", "a thread")}
    roles = [turn.role for turn in kept]
    assert roles.count("assistant") == bool(without_blocks(answer))
    answered = max((n for n, each in enumerate(messages) if each["role"] in ("assistant", "tool")), default=-1)
    asked = [text_of(each) for each in messages[answered + 1 :] if each["role"] == "user" and text_of(each)]
    assert [turn.text for turn in kept if turn.role == "user"] == asked


@given(st.binary(max_size=200))
def test_rubbish_is_no_chat_and_no_answer(data: bytes) -> None:
    assert chat_of(data) is None
    assert answer_of(data, "application/json") is None
    answer_of(b"data: " + data + b"\n\n", "text/event-stream")
    deep = b"[" * 100_000
    assert chat_of(deep) is None
    assert answer_of(deep, "application/json") is None


@pytest.mark.parametrize(
    "body", [[], {}, {"messages": None}, {"messages": ["x"]}, {"messages": {"role": "user"}}, "x", 7, None]
)
def test_what_is_no_conversation_passes(body: Any) -> None:
    assert chat_of(json.dumps(body).encode()) is None


def test_a_stream_counts_when_it_has_ended() -> None:
    chunk = json.dumps({"choices": [{"index": 0, "delta": {"content": "Hel"}}]})
    other = json.dumps(
        {"choices": [{"index": 1, "delta": {"content": "no"}}, {"index": 0, "delta": {"content": "lo"}}]}
    )
    end = json.dumps({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    begun = f"data: {chunk}\r\n\r\n: ping\n\ndata: {other}\n\n"
    assert answer_of(begun.encode(), "text/event-stream; charset=utf-8") is None
    assert answer_of(f"{begun}data: {end}\n\n".encode(), "text/event-stream") == "Hello"
    assert answer_of(f"{begun}data: [DONE]\n\n".encode(), "text/event-stream") == "Hello"
    assert answer_of(f"{begun}data: [DO".encode(), "text/event-stream") is None
