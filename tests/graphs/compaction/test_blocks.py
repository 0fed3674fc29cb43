"""Contents of several blocks in real graphs: they make room, calls stay byte for byte, and all of it comes back."""

from __future__ import annotations

import json
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.memory import InMemorySaver

from memoryops.compressors.extractive import Extractive
from memoryops.graphs import MemoryMiddleware, ScriptedChatModel
from memoryops.memory import blocks
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from tests.graphs.compaction.agents import THREAD, DeltaState, look, plain, sent, tokens

WINDOW = 6000
FILLER = " ".join(f"Fact {n} is that walrus {n} ate {n} red apples." for n in range(40))
PNG = "iVBORw0KGgo" * 800


def told() -> list[BaseMessage]:
    """A conversation as Anthropic's and OpenAI's models leave it behind."""
    said: list[BaseMessage] = []
    for n in range(8):
        call = {"type": "tool_use", "id": f"toolu_{n}", "name": "look", "input": {"n": n}}
        thought = {"type": "thinking", "thinking": FILLER, "signature": f"sig{n}"}
        item = {"type": "reasoning", "id": f"rs_{n}", "summary": []}
        picture = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
        called: Any = {"name": "look", "args": {"n": n}, "id": f"toolu_{n}", "type": "tool_call"}
        said += [
            HumanMessage([{"type": "text", "text": f"{n}: what is this? {FILLER}"}, picture], id=f"h{n}"),
            AIMessage(
                [thought, item, {"type": "text", "text": f"I look {n} up."}, call], tool_calls=[called], id=f"c{n}"
            ),
            ToolMessage([{"type": "text", "text": FILLER}, picture], tool_call_id=f"toolu_{n}", id=f"t{n}"),
            AIMessage([thought, {"type": "text", "text": f"It is {n}. {FILLER}"}], id=f"a{n}"),
        ]
    return said


def built(ops: MemoryOps, chat: Any, delta: bool) -> Any:
    return create_agent(
        chat,
        [look],
        middleware=[MemoryMiddleware(ops, WINDOW, compressor=Extractive())],
        state_schema=DeltaState if delta else None,
        checkpointer=InMemorySaver(),
    )


def texts(message: Any) -> str:
    return blocks.said(message["content"])


def test_blocks_make_room_and_come_back_whole(ops: MemoryOps, delta: bool) -> None:
    chat = ScriptedChatModel(script=lambda messages: AIMessage("Yes.", id="done"), max_tokens=WINDOW)
    graph = built(ops, chat, delta)
    said = told()
    graph.update_state(THREAD, {"messages": said})
    graph.invoke({"messages": [HumanMessage("What did walrus 7 eat?", id="q")]}, THREAD)
    assert tokens(chat)[-1] <= 0.75 * WINDOW
    state = graph.get_state(THREAD).values["messages"]
    assert [plain(message) for message in state[: len(said)]] == [plain(message) for message in said]
    shown = {message["id"]: message for message in sent(chat)[-1] if "id" in message}
    results = [message for message in sent(chat)[-1] if message["type"] == "tool"]
    assert [message["tool_call_id"] for message in results] == [f"toolu_{n}" for n in range(8)]
    replaced = 0
    for original in said:
        given = (
            results[int(original.tool_call_id[6:])] if isinstance(original, ToolMessage) else shown[original.id or ""]
        )
        if given["content"] == original.content:
            continue
        mark = marked(texts(given))
        kept = [block for block in original.content if blocks.stays(block, bool(given.get("tool_calls")))]
        assert [block for block in given["content"] if not blocks.is_text(block)] == kept
        assert given.get("tool_calls") == plain(original).get("tool_calls")
        if mark is not None:
            item = ops.retrieve(mark[1])
            if item.content_type != "index":
                assert json.loads(item.content) == original.content
                assert "[image, 7 kB]" in texts(given) or original.type == "ai" or texts(given).endswith("]")
        replaced += 1
    assert replaced >= 20


def test_thoughts_are_whole_or_gone(quick: MemoryOps, delta: bool) -> None:
    chat = ScriptedChatModel(script=lambda messages: AIMessage("Yes.", id="done"), max_tokens=WINDOW)
    graph = built(quick, chat, delta)
    graph.update_state(THREAD, {"messages": told()})
    graph.invoke({"messages": [HumanMessage("What did walrus 7 eat?", id="q")]}, THREAD)
    whole = [block for message in told() for block in message.content if isinstance(block, dict)]
    for message in sent(chat)[-1]:
        for block in message["content"] if isinstance(message["content"], list) else []:
            assert blocks.is_text(block) or block in whole
    items = [block for m in sent(chat)[-1] if isinstance(m["content"], list) for block in m["content"]]
    assert [block["id"] for block in items if block["type"] == "reasoning"] == [f"rs_{n}" for n in range(8)]
