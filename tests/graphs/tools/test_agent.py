"""The ready-made agent: it recalls, remembers, has the memory's tools, and keeps its model's window."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from memoryops.graphs import MemoryContext, Recalling, ScriptedChatModel, create_memory_agent
from memoryops.graphs.testing import call
from memoryops.memory.errors import NotFound
from memoryops.memory.service import MemoryOps

Make = Callable[..., MemoryOps]
T1: RunnableConfig = {"configurable": {"thread_id": "t1"}}


@tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"sun in {city}"


def agent_of(ops: MemoryOps, *script: str | AIMessage, **more: Any) -> tuple[Any, ScriptedChatModel]:
    model = ScriptedChatModel(script=script)
    return create_memory_agent(model, [weather], ops=ops, checkpointer=InMemorySaver(), **more), model


def recalled(messages: list[BaseMessage]) -> list[int]:
    return [n for n, each in enumerate(messages) if each.text.startswith("<memory_context>")]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_it_recalls_answers_and_remembers(ops: MemoryOps, asynchronous: bool) -> None:
    ops.add("Anna lives in Oslo.")
    agent, model = agent_of(ops, call("weather", city="Oslo"), "Sun.", "Still sun.")

    def invoke(text: str) -> Any:
        given = {"messages": [("user", text)]}
        return asyncio.run(agent.ainvoke(given, T1)) if asynchronous else agent.invoke(given, T1)

    out = invoke("What is the weather where Anna lives?")
    assert [each.type for each in out["messages"]] == ["human", "ai", "tool", "ai"]  # the block is in no history
    assert [recalled(seen) for seen in model.seen] == [[1], [1]]
    assert model.seen[0] == model.seen[1][:2]  # the prompt's prefix stays while tools are called
    assert "Oslo" in model.seen[0][1].text
    assert [ops.state().items, ops.state().messages] == [1, 2]
    invoke("And now?")
    assert ops.state().messages == 4
    assert {each["function"]["name"] for each in model.bind_tools([weather]).bound.tools} == {"weather"}  # type: ignore[attr-defined]  # a binding


def test_what_was_recalled_is_streamed_to_nobody(ops: MemoryOps) -> None:
    ops.add("Anna lives in Oslo.")
    agent, model = agent_of(ops, "In Oslo, I think.")
    streamed = agent.stream({"messages": [("user", "Where does Anna live?")]}, T1, stream_mode="messages")
    assert "".join(chunk.text for chunk, _ in streamed) == "In Oslo, I think."
    assert recalled(model.seen[0]) == [1]


def test_a_question_may_be_as_long_as_a_document(ops: MemoryOps) -> None:
    ops.add("Anna lives in Oslo.")
    agent, model = agent_of(ops, "In Oslo.", max_tokens=100_000)
    agent.invoke({"messages": [("user", f"Where does Anna live? {'The harbour is quiet. ' * 5000}")]}, T1)
    assert "Oslo" in model.seen[0][1].text


def test_what_it_has_is_chosen(ops: MemoryOps) -> None:
    ops.add("Anna lives in Oslo.")
    agent, model = agent_of(
        ops, call("manage_memory", content="x"), "Done.", recall=False, remember=False, manage=False
    )
    out = agent.invoke({"messages": [("user", "Where does Anna live?")]}, T1)
    assert "not a valid tool" in out["messages"][2].text
    assert recalled(model.seen[0]) == []
    assert ops.state().messages == 0
    narrow, seen = agent_of(ops, "Oslo.", recall=Recalling(where={"tags": "none"}))
    narrow.invoke({"messages": [("user", "Where does Anna live?")]}, T1)
    assert recalled(seen.seen[0]) == []


def test_a_window_is_kept_and_the_first_turn_is_still_known(ops: MemoryOps) -> None:
    def answers(messages: list[BaseMessage]) -> str:
        known = "The code word is marigold." in " ".join(each.text for each in messages[:-1])
        return "It is marigold." if known else f"Noted. {'All is well on the quay. ' * 20}"

    model = ScriptedChatModel(script=answers, max_tokens=2000)
    agent: Any = create_memory_agent(model, ops=ops, max_tokens=2000, checkpointer=InMemorySaver())
    agent.invoke({"messages": [("user", "The code word is marigold.")]}, T1)
    model.script = lambda messages: f"Noted. {'All is well on the quay. ' * 20}"
    for day in range(24):
        agent.invoke({"messages": [("user", f"Day {day}: {'the harbour is quiet and grey. ' * 30}")]}, T1)
    model.script = answers
    out = agent.invoke({"messages": [("user", "What was the code word?")]}, T1)
    assert out["messages"][-1].text == "It is marigold."
    assert max(model.tokens(seen) for seen in model.seen) <= 1500
    assert sum(len(each.text) for each in out["messages"]) > 20_000
    assert len(recalled(model.seen[-1])) == 1


def test_a_run_is_of_its_user(make: Make) -> None:
    make(user="bob").add("Bob's tea is rooibos.")
    agent, model = agent_of(make(), "I do not know.", call("search_memory", query="tea"), "No.")
    agent.invoke({"messages": [("user", "Which tea?")]}, T1, context=MemoryContext(user="ada"))
    assert "rooibos" not in str(model.seen)
    agent.invoke({"messages": [("user", "Which tea?")]}, T1, context=MemoryContext(user="ada"))
    assert "rooibos" not in str(model.seen)
    assert make(user="ada").state().messages == 4


def test_what_is_archived_is_of_the_runs_user(make: Make) -> None:
    model = ScriptedChatModel(script=lambda messages: "Noted.")
    agent: Any = create_memory_agent(model, ops=make(), max_tokens=1500, recall=False, checkpointer=InMemorySaver())
    for day in range(8):
        said = {"messages": [("user", f"Day {day}: {'the harbour is quiet and grey. ' * 30}")]}
        agent.invoke(said, T1, context=MemoryContext(user="ada"))
    marks = re.findall(r"in memory, ID: ([^\]]+)\]", " ".join(each.text for each in model.seen[-1]))
    assert marks
    for id in marks:
        assert make(user="ada").retrieve(id).content
        with pytest.raises(NotFound):
            make(user="bob").retrieve(id)
    assert make(user="ada").state().messages == make().state().messages == 16  # archived and remembered are one
