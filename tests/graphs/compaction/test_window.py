"""What a model is sent fits its window, says where the rest is, and only grows at its end in between."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import Field

from memoryops.graphs import MemoryMiddleware, QdrantSaver, ScriptedChatModel, make_compress_node
from memoryops.graphs.compaction import schemas
from memoryops.memory.errors import ContextOverflow, InvalidInput
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from memoryops.memory.settings import Settings
from memoryops.stores.embedded.ending import stop_owner
from tests.graphs.compaction.agents import (
    CALLS,
    SYSTEM,
    THREAD,
    WINDOW,
    Counted,
    agent,
    ask,
    chat_of,
    clerk,
    look,
    model,
    originals,
    sent,
    tokens,
)


def test_two_turns_of_twelve_calls(ops: MemoryOps, delta: bool) -> None:
    counted, chat = Counted(), model(max_tokens=WINDOW)
    graph = agent(ops, chat, delta=delta, compressor=counted)
    told = ask(graph, f"First look {CALLS} up: what did walrus 3 eat?", "q1")
    told += ask(graph, f"And now look {CALLS} up again: who ate 12?", "q2")
    taken = tokens(chat)
    assert len(taken) == 2 * (CALLS + 1)
    newest = max(b - a for a, b in pairwise(taken))
    assert max(taken) <= 0.75 * WINDOW + newest
    assert counted.calls <= 3
    assert all(event["tokens_after"] <= 0.85 * WINDOW for event in told)
    state = graph.get_state(THREAD).values["messages"]
    check_untouchables(chat, state)
    check_originals(ops, chat, state)
    check_prefixes(chat, told)


def test_three_turns_whose_calls_alone_are_above_the_trigger(ops: MemoryOps, delta: bool) -> None:
    chat = model(max_tokens=WINDOW)
    graph = agent(ops, chat, delta=delta)
    told: list[Any] = []
    for n in range(3):
        told += ask(graph, f"Now look {CALLS} up: {n}.", f"q{n}")
    assert len(chat.seen) == 3 * (CALLS + 1)
    assert 0.75 * WINDOW < max(tokens(chat)) <= 0.85 * WINDOW
    state = graph.get_state(THREAD).values["messages"]
    check_untouchables(chat, state)
    check_originals(ops, chat, state)
    check_prefixes(chat, told)


def test_a_compaction_leaves_room_until_the_next(quick: MemoryOps, delta: bool) -> None:
    chat = model(max_tokens=2 * WINDOW)
    graph = agent(quick, chat, delta=delta, max_tokens=2 * WINDOW)
    told: list[Any] = []
    for n in range(4):
        told += ask(graph, f"Now look {CALLS} up: {n}.", f"q{n}")
    assert len(chat.seen) == 4 * (CALLS + 1)
    assert len(told) <= 6
    assert all(event["tokens_after"] <= event["tokens_before"] - 0.1 * 2 * WINDOW for event in told)


def check_untouchables(chat: Any, state: list[Any]) -> None:
    """System prompt, tool calls, ids, arguments and their pairing with results are those of the state."""
    calls = {message.id: message.tool_calls for message in state if message.type == "ai"}
    results = [message.tool_call_id for message in state if message.type == "tool"]
    for given in sent(chat):
        assert given[0] == {"type": "system", "content": SYSTEM}
        shown = [message for message in given if message["type"] == "ai"]
        assert all(message["tool_calls"] == calls[message["id"]] for message in shown)
        called = [call["id"] for message in shown for call in message["tool_calls"]]
        assert [message["tool_call_id"] for message in given if message["type"] == "tool"] == called
        assert called == results[: len(called)]
        last = [message for message in given if message["type"] == "human"][-1]
        assert last["content"] == next(message.content for message in state if message.id == last["id"])


def check_originals(ops: MemoryOps, chat: Any, state: list[Any]) -> None:
    """What is not as in the state has a mark that brings the state's text back, byte for byte."""
    texts = {message.content for message in state}
    replaced = {m["content"] for given in sent(chat) for m in given[1:] if m["content"] not in texts}
    assert replaced
    for text in replaced:
        assert set(originals(ops, text)) <= texts


def check_prefixes(chat: Any, told: list[Any]) -> None:
    """A prompt begins with the one before it, but where a compaction came between."""
    changed = sum(after[: len(before)] != before for before, after in pairwise(sent(chat)))
    assert changed <= len(told)


def test_a_chat_outgrows_its_window_ten_fold(ops: MemoryOps, delta: bool) -> None:
    counted, chat = Counted(), model(max_tokens=2000)
    graph = agent(ops, chat, delta=delta, compressor=counted, max_tokens=2000)
    told: list[Any] = []
    said = chat_of(48, 200)
    for n in range(0, len(said), 8):
        graph.update_state(THREAD, {"messages": said[n : n + 8]})
        for k in range(2):
            told += ask(graph, f"And what of {n} and {k}?", f"q{n}-{k}")
    assert told[-1]["tokens_whole"] > 10 * 2000
    assert max(tokens(chat)) <= 0.85 * 2000
    assert len(told) < len(chat.seen)
    assert counted.calls <= 2 * len(told)
    check_originals(ops, chat, graph.get_state(THREAD).values["messages"])
    check_prefixes(chat, told)


def test_below_the_trigger_nothing_is_touched_or_stored(quick: MemoryOps, delta: bool) -> None:
    chat = model()
    graph = agent(quick, chat, delta=delta, max_tokens=100_000)
    assert ask(graph, "Please look 3 things up.", "q1") == []
    twin_chat = model()
    ask(agent(None, twin_chat, delta=delta), "Please look 3 things up.", "q1")
    assert sent(chat) == sent(twin_chat)
    assert quick.state().messages == 0
    assert graph.get_state(THREAD).values["memory_plan"] == {}


class Binding(ScriptedChatModel):
    """Keeps the schemas that it was given with each call."""

    schemas: list[str] = Field(default_factory=list)

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        bound: Any = super().bind_tools(tools, **kwargs)
        self.schemas.append(json.dumps(bound.bound.tools))
        return bound


def test_tool_schemas_reach_the_model_byte_for_byte(quick: MemoryOps, delta: bool) -> None:
    def given(ops: MemoryOps | None) -> list[str]:
        chat = Binding(script=clerk)
        ask(agent(ops, chat, delta=delta), f"Please look {CALLS + 4} up.", "q1")
        return chat.schemas

    with_memory = given(quick)
    assert quick.state().messages > 0  # there was a compaction
    assert with_memory == given(None)
    assert len(set(with_memory)) == 1
    assert '"look"' in with_memory[0]


def test_tools_that_a_provider_brings_count_as_they_are(quick: MemoryOps) -> None:
    brought = [{"google_search": {}}, {"type": "web_search", "filters": {"allowed_domains": ["example.org"]}}]
    assert schemas([look, *brought])[1:] == brought
    assert schemas([look])[0]["function"]["name"] == "look"
    node = make_compress_node(quick, WINDOW, tools=brought)
    assert node({"messages": [HumanMessage("Hm?")]})["llm_input_messages"]
    with pytest.raises(ValueError, match="Unsupported"):
        schemas([7])


def test_with_the_retrieval_head_and_an_owner_process(data_dir: Path, delta: bool) -> None:
    ops = MemoryOps.open(data_dir, settings=Settings.from_env({}))
    try:
        chat = model(max_tokens=WINDOW)
        graph = agent(ops, chat, delta=delta, compressor=ops.compressor, saver=QdrantSaver(ops))
        said = chat_of(8, 200)
        said[8] = HumanMessage(f"{said[8].content} The walrus ate a red pear.", id="h4")
        graph.update_state(THREAD, {"messages": said})
        told = ask(graph, "What did the walrus eat?", "q1")
        told += ask(graph, f"Now look {CALLS} up.", "q2")
        assert told[0]["compressor"] == "qr_head"
        assert told[0]["compressed"] > 0
        assert "The walrus ate a red pear." in next(m["content"] for m in sent(chat)[0] if m.get("id") == "h4")
        state = graph.get_state(THREAD).values["messages"]
        check_untouchables(chat, state)
        check_originals(ops, chat, state)
        check_prefixes(chat, told)
    finally:
        ops.close()
        stop_owner(data_dir)


def test_the_question_is_what_compressed_texts_answer(quick: MemoryOps, delta: bool) -> None:
    chat = model()
    graph = agent(quick, chat, delta=delta, max_tokens=3000)
    said = chat_of(8, 120)
    said[8] = HumanMessage(f"{said[8].content} The walrus ate a red pear. {said[8].content}", id="h4")
    graph.update_state(THREAD, {"messages": said})
    told = ask(graph, "What did the walrus eat?", "q")
    assert told[0]["compressed"] > 0
    assert "The walrus ate a red pear." in next(m["content"] for m in sent(chat)[-1] if m.get("id") == "h4")


def test_an_untouchable_part_above_the_window_is_told(quick: MemoryOps, delta: bool) -> None:
    chat = model()
    graph = agent(quick, chat, delta=delta, max_tokens=300)
    with pytest.raises(ContextOverflow, match="of them are untouchable"):
        ask(graph, "word " * 400, "q1")
    assert chat.seen == []
    kept = graph.get_state(THREAD).values["messages"]
    assert [message.id for message in kept] == ["q1"]
    graph.update_state(THREAD, {"messages": [HumanMessage("Shorter.", id="q1")]})
    assert graph.invoke(None, THREAD)["messages"][-1].content == "That is answered: q1."


def test_the_window_is_the_models_own_where_none_is_given(quick: MemoryOps) -> None:
    chat = model(profile={"max_input_tokens": 900})
    graph = agent(quick, chat, max_tokens=None)
    graph.update_state(THREAD, {"messages": chat_of(7)})
    told = ask(graph, "And?", "q")
    assert told[0]["max_tokens"] == 900
    configured = MemoryOps(quick.store, quick.scope, window=800)
    graph = agent(configured, model(), max_tokens=None)
    graph.update_state(THREAD, {"messages": chat_of(7)})
    assert ask(graph, "And?", "q")[0]["max_tokens"] == 800


def test_tool_schemas_and_the_form_of_an_answer_count(quick: MemoryOps) -> None:
    def taken(**settings: Any) -> int:
        chat = model(max_tokens=3000)
        graph = agent(quick, chat, max_tokens=1000, **settings)
        graph.update_state(THREAD, {"messages": chat_of(12)})
        return int(ask(graph, "And?", "q")[0]["tokens_before"])

    assert taken(reserve=50) == taken() + 50
    chat = model()
    assert chat.bind_tools([look]).bound.tokens([]) > 0  # type: ignore[attr-defined]  # a binding of the same model


@pytest.mark.parametrize(
    "wrong",
    [{"max_tokens": -1}, {"max_tokens": 100, "trigger": 0.9}, {"keep": -1}, {"hard": 2}, {"max_tokens": "many"}],
)
def test_wrong_settings_are_refused_when_it_is_made(quick: MemoryOps, wrong: Any) -> None:
    with pytest.raises(InvalidInput):
        MemoryMiddleware(quick, **wrong)


def test_keep_says_how_many_steps_stay(quick: MemoryOps) -> None:
    for keep in (2, 6):
        chat = model()
        graph = agent(quick, chat, max_tokens=2000, keep=keep)
        graph.update_state(THREAD, {"messages": chat_of(16, 100)})
        ask(graph, "And?", "q")
        whole = [marked(str(message["content"])) is None for message in sent(chat)[-1]]
        assert all(whole[-keep:])
        assert not all(whole[1:])
