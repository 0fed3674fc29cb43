"""What a graph has stored is what it would have stored without compaction, whatever is done to the thread."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import Command
from mcp import Client

from memoryops.graphs import QdrantSaver
from memoryops.mcp_server.face import Face
from memoryops.mcp_server.runtime import Runtime
from memoryops.mcp_server.server import build_server
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from memoryops.stores.errors import StoreError
from memoryops.stores.in_memory import InMemoryStore
from tests.graphs.compaction.agents import (
    THREAD,
    DeltaState,
    agent,
    ask,
    chat_of,
    history,
    model,
    originals,
    sent,
)

SMALL = 5000
TURNS, WORDS = 12, 300


def talked(ops: MemoryOps | None, *, delta: bool = False, **settings: Any) -> tuple[Any, Any]:
    """An agent whose thread was compacted twice, and its model."""
    chat = model()
    graph = agent(ops, chat, delta=delta, max_tokens=SMALL, **settings)
    said = chat_of(TURNS, WORDS)
    graph.update_state(THREAD, {"messages": said[:16]})
    ask(graph, "Please look 2 things up.", "q1")
    graph.update_state(THREAD, {"messages": said[16:]})
    ask(graph, "Please look 2 other things up.", "q2")
    ask(graph, "Thanks.", "q3")
    return graph, chat


def shown(given: list[dict[str, Any]], id: str) -> str:
    return str(next(message["content"] for message in given if message.get("id") == id))


def replaced(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in given if marked(str(message["content"])) is not None]


def test_the_history_is_that_of_a_twin_without_memory(ops: MemoryOps, delta: bool) -> None:
    graph, chat = talked(ops, delta=delta)
    twin, twin_chat = talked(None, delta=delta)
    assert replaced(sent(chat)[-1])
    assert not replaced(sent(twin_chat)[-1])
    assert history(graph) == history(twin)
    whole = [message.id for message in graph.get_state(THREAD).values["messages"] if message.type == "human"]
    assert whole == [*(f"h{n}" for n in range(8)), "q1", *(f"h{n}" for n in range(8, TURNS)), "q2", "q3"]


def test_with_our_own_saver_the_plan_outlives_the_process(quick: MemoryOps, delta: bool) -> None:
    graph, chat = talked(quick, delta=delta, saver=QdrantSaver(quick))
    twin, _ = talked(None, delta=delta)
    assert history(graph) == history(twin)
    other = model()
    later = agent(quick, other, delta=delta, max_tokens=SMALL, saver=QdrantSaver(quick))
    assert ask(later, "And now?", "q4") == []
    then = sent(chat)[-1]
    assert sent(other)[-1][: len(then)] == then


def test_a_replayed_checkpoint_shows_the_model_what_it_saw_then(quick: MemoryOps, delta: bool) -> None:
    graph, chat = talked(quick, delta=delta)
    before = sent(chat)
    asked = [
        snapshot.config
        for snapshot in graph.get_state_history(THREAD)
        if snapshot.next == ("model",) and snapshot.metadata["source"] == "loop"
    ]
    assert len(asked) == len(before) == 7
    for config, then in zip(reversed(asked), before, strict=True):
        number = len(chat.seen)
        graph.invoke(None, config)
        assert sent(chat)[number] == then


def test_a_fork_goes_by_the_plan_of_its_own_past(quick: MemoryOps, delta: bool) -> None:
    graph, chat = talked(quick, delta=delta)
    early = next(s.config for s in graph.get_state_history(THREAD) if s.values["messages"][-1].id == "a-q1")
    graph.invoke({"messages": [HumanMessage("Something else?", id="f1")]}, early)
    then = next(n for n, given in enumerate(sent(chat)) if given[-1].get("tool_call_id") == "call-q1-1")
    assert sent(chat)[-1][: len(sent(chat)[then])] == sent(chat)[then]
    assert "q2" not in {message.get("id") for message in sent(chat)[-1]}


def test_an_approval_in_between_changes_nothing(quick: MemoryOps, delta: bool) -> None:
    approving = HumanInTheLoopMiddleware(interrupt_on={"look": True})
    chat = model()
    graph = agent(quick, chat, delta=delta, max_tokens=SMALL, middleware=[approving])
    graph.update_state(THREAD, {"messages": chat_of(TURNS, WORDS)})
    ask(graph, "Please look 2 things up.", "q1")
    for _ in range(2):
        assert graph.get_state(THREAD).interrupts
        graph.invoke(Command(resume={"decisions": [{"type": "approve"}]}), THREAD)
    assert graph.get_state(THREAD).values["messages"][-1].id == "a-q1"
    straight = model()
    other = agent(MemoryOps(InMemoryStore(), quick.scope), straight, delta=delta, max_tokens=SMALL)
    other.update_state(THREAD, {"messages": chat_of(TURNS, WORDS)})
    ask(other, "Please look 2 things up.", "q1")
    assert sent(chat) == sent(straight)


def test_a_changed_message_is_not_shown_by_the_text_of_the_old(ops: MemoryOps, delta: bool) -> None:
    graph, chat = talked(ops, delta=delta)
    assert marked(shown(sent(chat)[-1], "h1")) is not None
    graph.update_state(THREAD, {"messages": [HumanMessage("I never said that.", id="h1")]})
    ask(graph, "And now?", "q4")
    assert shown(sent(chat)[-1], "h1") == "I never said that."
    longer = chat_of(1, 2 * WORDS)[0].content
    graph.update_state(THREAD, {"messages": [HumanMessage(longer, id="h1")]})
    ask(graph, "And now again?", "q5")
    text = shown(sent(chat)[-1], "h1")
    assert text == longer or originals(ops, text) == [longer]


def test_a_client_that_sends_everything_again_changes_nothing(ops: MemoryOps, delta: bool) -> None:
    graph, chat = talked(ops, delta=delta)
    stored = ops.state().messages
    everything = graph.get_state(THREAD).values["messages"]
    graph.invoke({"messages": [*everything, HumanMessage("And now?", id="q4")]}, THREAD)
    then = sent(chat)[-2]
    assert sent(chat)[-1][: len(then)] == then
    assert [m.id for m in graph.get_state(THREAD).values["messages"]][:-2] == [m.id for m in everything]
    assert ops.state().messages == stored


def test_a_removed_message_is_gone_from_prompt_and_plan(quick: MemoryOps, delta: bool) -> None:
    graph, chat = talked(quick, delta=delta)
    size = len(graph.get_state(THREAD).values["memory_plan"])
    gone = marked(shown(sent(chat)[-1], "h1"))
    graph.update_state(THREAD, {"messages": [RemoveMessage(id="h1"), RemoveMessage(id="r1")]})
    ask(graph, "And now?", "q4")
    assert {"h1", "r1"}.isdisjoint(message.get("id") for message in sent(chat)[-1])
    assert len(graph.get_state(THREAD).values["memory_plan"]) == size - 2
    assert gone is not None
    assert quick.retrieve(gone[1]).content == chat_of(TURNS, WORDS)[2].content


def test_what_becomes_the_question_again_is_whole_again(quick: MemoryOps, delta: bool) -> None:
    graph, chat = talked(quick, delta=delta)
    messages = graph.get_state(THREAD).values["messages"]
    place = next(n for n, message in enumerate(messages) if message.id == "h2")
    assert marked(shown(sent(chat)[-1], "h2")) is not None
    graph.update_state(THREAD, {"messages": [RemoveMessage(id=message.id) for message in messages[place + 1 :]]})
    graph.update_state(THREAD, {"messages": []}, as_node="__start__")
    graph.invoke(None, THREAD)
    assert shown(sent(chat)[-1], "h2") == messages[place].content


def test_an_agent_as_a_subgraph(quick: MemoryOps, delta: bool) -> None:
    chat = model()
    inner = agent(quick, chat, delta=delta, max_tokens=SMALL, saver=True)
    own = agent(quick, chat, delta=delta, max_tokens=SMALL, saver=None)
    builder: Any = StateGraph(DeltaState if delta else MessagesState)
    builder.add_node("clerk", own)
    builder.add_edge(START, "clerk")
    outer = builder.compile(checkpointer=InMemorySaver())
    for graph in (inner, outer):
        chat.seen.clear()
        graph.invoke({"messages": [*chat_of(TURNS, WORDS), HumanMessage("Please look 2 things up.", id="q1")]}, THREAD)
        assert replaced(sent(chat)[-1])
        first = sent(chat)
        graph.invoke({"messages": [HumanMessage("Thanks.", id="q2")]}, THREAD)
        assert len(graph.get_state(THREAD).values["messages"]) == 2 * TURNS + 6 + 2
        assert max(len(given) for given in first) <= len(sent(chat)[-1]) + 1


def test_async_shows_the_same_and_leaves_the_loop_free(quick: MemoryOps, delta: bool) -> None:
    graph, chat = talked(quick, delta=delta)
    other_chat = model()
    other = agent(MemoryOps(InMemoryStore(), quick.scope), other_chat, delta=delta, max_tokens=SMALL)

    async def talk() -> None:
        said = chat_of(TURNS, WORDS)
        await other.aupdate_state(THREAD, {"messages": said[:16]})
        await other.ainvoke({"messages": [HumanMessage("Please look 2 things up.", id="q1")]}, THREAD)
        await other.aupdate_state(THREAD, {"messages": said[16:]})
        await other.ainvoke({"messages": [HumanMessage("Please look 2 other things up.", id="q2")]}, THREAD)
        await other.ainvoke({"messages": [HumanMessage("Thanks.", id="q3")]}, THREAD)

    asyncio.run(talk())
    assert sent(other_chat) == sent(chat)
    assert history(other) == history(graph)


def test_threads_do_not_share_their_originals(quick: MemoryOps, delta: bool) -> None:
    chat = model()
    graph = agent(quick, chat, delta=delta, max_tokens=SMALL)
    marks = set()
    for thread in ("a", "b"):
        config = {"configurable": {"thread_id": thread}}
        graph.invoke({"messages": [*chat_of(TURNS, WORDS), HumanMessage("And?", id="q")]}, config)
        found = marked(shown(sent(chat)[-1], "h1"))
        assert found is not None
        marks.add(found[1])
        assert quick.retrieve(found[1]).thread == thread
    assert len(marks) == 2


def test_originals_come_back_over_mcp(quick: MemoryOps) -> None:
    graph, chat = talked(quick)
    messages = {message.id: message.content for message in graph.get_state(THREAD).values["messages"]}
    found = {m["id"]: marked(str(m["content"])) for m in replaced(sent(chat)[-1]) if "id" in m}

    async def read() -> dict[str, str]:
        async with Client(build_server(Runtime(lambda: quick), face=Face())) as client:
            answers = {
                id: await client.call_tool("memory_retrieve", {"id": mark[1]}) for id, mark in found.items() if mark
            }
        return {id: (answer.structured_content or {})["content"] for id, answer in answers.items()}

    texts = asyncio.run(read())
    assert len(texts) > 3
    assert texts == {id: messages[id] for id in texts}


def test_a_closed_memory_is_an_error_and_the_state_is_intact(tmp_path: Any) -> None:
    store = InMemoryStore()
    ops = MemoryOps(store)
    graph = agent(ops, model(), max_tokens=SMALL)
    said = chat_of(TURNS, WORDS)
    graph.update_state(THREAD, {"messages": said})
    ops.close()
    with pytest.raises(StoreError):
        ask(graph, "And?", "q")
    assert [m.id for m in graph.get_state(THREAD).values["messages"]] == [*(m.id for m in said), "q"]


def test_what_was_done_is_told(quick: MemoryOps, caplog: pytest.LogCaptureFixture) -> None:
    graph = agent(quick, model(), max_tokens=SMALL)
    graph.update_state(THREAD, {"messages": chat_of(TURNS, WORDS)})
    with caplog.at_level(logging.INFO, "memoryops.graphs"):
        (event,) = ask(graph, "And?", "q")
    assert event["type"] == "memoryops.compaction"
    assert event["tokens_after"] <= 0.75 * SMALL < event["tokens_before"] == event["tokens_whole"]
    assert "thread t: " in caplog.text
    assert str(event["tokens_after"]) in caplog.text


def test_the_plan_is_plain_small_and_private(quick: MemoryOps, delta: bool) -> None:
    graph, _ = talked(quick, delta=delta)
    plan = graph.get_state(THREAD).values["memory_plan"]
    assert all(isinstance(each, list) for each in plan.values())
    assert "memory_plan" not in graph.get_output_jsonschema()["properties"]
    assert "memory_plan" not in graph.get_input_jsonschema()["properties"]
    assert "memory_plan" not in graph.invoke({"messages": [HumanMessage("Hm?", id="q9")]}, THREAD)
    ruined = {key: ["nonsense"] for key in plan}
    graph.update_state(THREAD, {"memory_plan": ruined})
    ask(graph, "And?", "q10")
    assert all(len(each) == 5 for each in graph.get_state(THREAD).values["memory_plan"].values())
