"""What is known of messages that were stored: enough to tell whether one is still as it was, whatever was changed."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from memoryops.graphs.parts import SerdeCodec
from memoryops.graphs.traces import Texts, Traces, fingerprint

NUMBERS = (1, True, 1.0, "1", [1], None, 0.0, -0.0)


def traced(*messages: BaseMessage) -> Traces:
    return Traces(Texts()).then(0, messages)


class Odd:
    def __eq__(self, other: object) -> bool:
        raise ValueError("like an array, it does not say whether it is equal")

    __hash__ = None  # type: ignore[assignment]


CHANGES: tuple[Callable[[Any], object], ...] = (
    lambda message: setattr(message, "content", message.content + "!"),
    lambda message: setattr(message, "content", [{"type": "text", "text": message.content}]),
    lambda message: setattr(message, "id", None),
    lambda message: setattr(message, "name", "another"),
    lambda message: message.additional_kwargs.update(n=1),
    lambda message: message.additional_kwargs.update(at={"n": [1, True]}),
    lambda message: message.response_metadata.update(tokens=7.0),
    lambda message: setattr(message, "additional_kwargs", {"odd": Odd()}),
    lambda message: setattr(message, "more", 1),
    lambda message: message.__dict__.pop("name"),
    lambda message: message.__dict__.update(name=message.__dict__.pop("name")),
)


@st.composite
def conversations(draw: st.DrawFn) -> list[BaseMessage]:
    made: list[BaseMessage] = []
    for number, kind in enumerate(draw(st.lists(st.integers(0, 4), max_size=8))):
        id, some = str(number), draw(st.sampled_from(NUMBERS))
        made.append(
            [
                HumanMessage("x" * number, id=id),
                AIMessage("x", id=id, tool_calls=[{"name": "now", "args": {"at": some}, "id": "c"}]),
                AIMessage("x", id=id, response_metadata={"n": some}),
                ToolMessage("x", tool_call_id="c", id=id),
                SystemMessage([{"type": "text", "text": "y"}], id=id),
            ][kind]
        )
    return made


@given(conversations(), st.lists(st.tuples(st.integers(0, 7), st.sampled_from(CHANGES)), max_size=3), st.integers(0, 8))
def test_the_first_message_that_changed_is_found(
    messages: list[BaseMessage], changes: list[tuple[int, Callable[[Any], object]]], length: int
) -> None:
    traces, before = traced(*messages), [fingerprint(each) for each in messages]
    for at, change in changes:
        if at < len(messages) and isinstance(messages[at].content, str) and "name" in messages[at].__dict__:
            change(messages[at])
    now = [*messages[:length], HumanMessage("new")]
    after = [fingerprint(each) for each in now]
    same = traces.same(now)
    first = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), len(before))
    assert same == min(length, first)
    known = [mark is not None and not each.__pydantic_extra__ for each, mark in zip(now, after, strict=True)]
    assert traces.then(same, now[same:]).same(now) == [*known, False].index(False)
    assert traces.same(now) == same  # which they were before


def test_messages_are_told_apart_by_type_and_value() -> None:
    codec = SerdeCodec(JsonPlusSerializer())
    alike = [AIMessage("x", id="1", additional_kwargs={"n": value}) for value in NUMBERS]
    assert len({codec.fingerprint(message) for message in alike}) == len(alike)
    for one, other in itertools.permutations(alike, 2):
        assert traced(one).same([other]) == 0
    for message in [*alike, HumanMessage("x"), HumanMessage([{"type": "text", "text": "y"}], more=[2])]:
        assert traced(message).same([message]) == (0 if message.__pydantic_extra__ else 1)
        known = codec.copier(message)
        assert known is not None
        mark, copy = known
        assert mark == codec.fingerprint(message)
        assert copy() == message
        assert codec.dump(copy()) == codec.dump(message)


def test_a_message_with_anything_in_it_is_serialised_each_time() -> None:
    codec = SerdeCodec(JsonPlusSerializer())
    message, plain = ToolMessage("x", tool_call_id="1", artifact=bytearray(b"x")), ToolMessage("x", tool_call_id="1")
    assert codec.fingerprint(message) is None
    assert codec.copier(message) is None
    assert traced(plain, message, plain).same([plain, message, plain]) == 1


@pytest.mark.parametrize("other", [AIMessage("x", id="1"), "x", None, Odd()])
def test_what_takes_the_place_of_a_message_is_none_of_it(other: Any) -> None:
    first = HumanMessage("y", id="0")
    assert traced(first, HumanMessage("x", id="1")).same([first, other]) == 1


def test_what_comes_behind_a_list_in_two_ways_is_known_of_each_alone() -> None:
    first, second, third = (AIMessage("x", id=id, response_metadata={"n": 1}) for id in "123")
    before = traced(first)
    one, other = before.then(1, [second]), before.then(1, [third, second])
    assert one.same([first, second, third]) == 2
    assert other.same([first, third, second, first]) == 3
    assert other.same([first, second]) == before.same([first, second]) == before.same([first, third]) == 1
    assert one.then(1, [third]).same([first, third, second]) == 2
    assert one.same([first, second]) == 2


def test_how_much_is_held_is_known() -> None:
    long, nested = HumanMessage("x" * 10_000, id="1"), AIMessage("", id="2", response_metadata={"said": "y" * 10_000})
    none = traced().size
    one = traced(long).size
    both = traced(long, nested)
    assert none == 0
    assert 10_000 < one < 11_000
    assert one + 10_000 < both.size < one + 11_000
    assert both.then(1, []).size == one
    assert both.then(0, [nested]).size == both.size - one
