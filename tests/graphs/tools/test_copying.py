"""Threads move from other savers to ours, and go on where they stopped."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from typing import Annotated, Any, TypedDict

import pytest
from langchain_core.messages import AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import _messages_delta_reducer
from langgraph.types import Command, interrupt

from memoryops.graphs import QdrantSaver, copy_threads
from memoryops.memory.errors import InvalidInput
from memoryops.memory.service import MemoryOps


@pytest.fixture(params=["in_memory", "sqlite"])
def other(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "in_memory":
        yield InMemorySaver()
    else:
        with SqliteSaver.from_conn_string(":memory:") as saver:
            yield saver


class DeltaState(TypedDict):
    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=3)]


def graph_with(saver: Any, schema: Any = MessagesState) -> Any:
    builder: Any = StateGraph(schema)
    builder.add_node("answer", lambda state: {"messages": [("ai", f"{len(state['messages'])} messages")]})
    builder.add_node("ask", lambda state: {"messages": [("user", str(interrupt("Go on?")))]})
    builder.add_edge(START, "answer")
    builder.add_edge("answer", "ask")
    return builder.compile(checkpointer=saver)


def of(thread: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread}}


@pytest.mark.parametrize("schema", [MessagesState, DeltaState], ids=["add_messages", "delta"])
def test_a_paused_thread_goes_on_elsewhere(ops: MemoryOps, other: Any, schema: Any) -> None:
    old = graph_with(other, schema)
    for thread in ("a", "b"):
        old.invoke({"messages": [("user", "hello")]}, of(thread))
        old.invoke(Command(resume="yes"), of(thread))
        old.invoke({"messages": [("user", "again")]}, of(thread))
    copied = copy_threads(other, QdrantSaver(ops))
    assert copied == sum(1 for thread in ("a", "b") for _ in other.list(of(thread)))
    assert copy_threads(other, QdrantSaver(ops), ["a"]) == copied // 2  # once more changes nothing
    new = graph_with(QdrantSaver(ops), schema)
    for thread in ("a", "b"):
        then, now = list(old.get_state_history(of(thread))), list(new.get_state_history(of(thread)))
        assert [each.values for each in now] == [each.values for each in then]
        assert [each.config for each in now] == [each.config for each in then]
        assert [each.metadata for each in now] == [each.metadata for each in then]
        assert now[0].interrupts == then[0].interrupts
        out = new.invoke(Command(resume="no"), of(thread))
        assert [each.text for each in out["messages"]][-2:] == ["4 messages", "no"]
    early = list(new.get_state_history(of("a")))[-2]
    assert new.invoke(None, early.config)["messages"][-1].text == "1 messages"


def test_a_long_thread_is_copied_one_checkpoint_at_a_time(ops: MemoryOps, other: Any) -> None:
    old = graph_with(other)
    old.update_state(of("a"), {"messages": [("user", f"{n} " * 2000) for n in range(150)]})
    for _ in range(20):
        old.update_state(of("a"), {"messages": [("user", "and more")]})
    tracemalloc.start()
    try:
        assert copy_threads(other, QdrantSaver(ops)) == 21
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 12_000_000  # all of them at once are 28 MB


def test_one_thread_is_named_in_a_list(ops: MemoryOps, other: Any) -> None:
    with pytest.raises(InvalidInput, match="threads is 'abc'"):
        copy_threads(other, QdrantSaver(ops), "abc")
