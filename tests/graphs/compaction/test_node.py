"""The node for graphs written by hand: what the model is sent fits, what the state holds stays."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import _messages_delta_reducer

from memoryops.graphs import make_compress_node
from memoryops.memory.errors import InvalidInput
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from tests.graphs.compaction.agents import THREAD, chat_of, history, model, sent

WINDOW = 5000


class State(MessagesState):
    llm_input_messages: list[AnyMessage]


class DeltaState(TypedDict):
    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=3)]


class Shown(TypedDict):
    """What the model's node reads of the state."""

    llm_input_messages: list[AnyMessage]


def built(ops: MemoryOps, chat: Any, schema: Any = State, **settings: Any) -> Any:
    def answer(state: Shown) -> dict[str, Any]:
        return {"messages": [chat.invoke(state["llm_input_messages"])]}

    builder: Any = StateGraph(schema)
    builder.add_node("compress", make_compress_node(ops, WINDOW, **settings))
    builder.add_node("model", answer)
    builder.add_edge(START, "compress")
    builder.add_edge("compress", "model")
    return builder.compile(checkpointer=InMemorySaver())


@pytest.mark.parametrize("schema", [State, DeltaState])
def test_the_model_sees_what_fits_and_the_state_stays(ops: MemoryOps, schema: Any) -> None:
    chat = model(max_tokens=WINDOW)
    graph = built(ops, chat, schema)
    said = [*chat_of(12, 300), HumanMessage("And?", id="q1")]
    graph.invoke({"messages": said}, THREAD)
    graph.invoke({"messages": [HumanMessage("And then?", id="q2")]}, THREAD)
    first, second = sent(chat)
    assert [m for m in first if marked(str(m["content"])) is not None]
    assert second[: len(first)] == first
    stored = graph.get_state(THREAD).values["messages"]
    assert [message.content for message in stored[:25]] == [message.content for message in said]
    assert [message.id for message in stored[25:]] == ["a-q1", "q2", "a-q2"]
    assert all(marked(str(m["content"])) is None for step in history(graph) for m in step[0])


def test_it_runs_in_an_async_graph(quick: MemoryOps) -> None:
    chat, other = model(), model()
    said = [*chat_of(12, 300), HumanMessage("And?", id="q1")]
    built(quick, chat).invoke({"messages": said}, THREAD)
    asyncio.run(built(quick, other).ainvoke({"messages": said}, THREAD))
    assert sent(chat) == sent(other)


def test_keys_of_the_callers_choice(quick: MemoryOps) -> None:
    class Mine(TypedDict):
        talk: list[AnyMessage]
        context: list[AnyMessage]

    node = make_compress_node(quick, WINDOW, input_messages_key="talk", output_messages_key="context", plan_key="kept")
    builder: Any = StateGraph(Mine)
    builder.add_node("compress", node)
    builder.add_edge(START, "compress")
    graph = builder.compile()
    found = graph.invoke({"talk": [*chat_of(12, 300), HumanMessage("And?", id="q")], "context": []})
    assert len(found["talk"]) == 25
    assert any(marked(str(message.content)) is not None for message in found["context"])


def test_it_does_not_write_over_the_messages(quick: MemoryOps) -> None:
    with pytest.raises(InvalidInput, match="three different keys"):
        make_compress_node(quick, output_messages_key="messages")


def test_no_messages_are_no_error(quick: MemoryOps) -> None:
    builder: Any = StateGraph(State)
    builder.add_node("compress", make_compress_node(quick, WINDOW))
    builder.add_edge(START, "compress")
    assert builder.compile().invoke({"messages": []})["llm_input_messages"] == []


def test_it_can_be_called_outside_of_a_graph(quick: MemoryOps) -> None:
    compress = make_compress_node(quick, WINDOW)
    shown = compress({"messages": [*chat_of(12, 300), HumanMessage("And?", id="q1")]})
    assert shown["memory_plan"]
    assert compress({"messages": chat_of(1)})["llm_input_messages"] == chat_of(1)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"max_tokens": 0}, "max_tokens"),
        ({"reserve": -1}, "reserve"),
        ({"patience": 0}, "patience"),
        ({"patience": -1}, "patience"),
    ],
)
def test_a_wrong_setting_is_an_error_when_it_is_made(ops: MemoryOps, settings: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInput, match=named):
        make_compress_node(ops, **settings)
