"""Agents and conversations that the laws of compaction are tried with: real graphs around a scripted model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from langchain.agents import AgentState, create_agent
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph.message import _messages_delta_reducer

from memoryops.compressors.chain import Chain
from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Compressor, Kept, Passage
from memoryops.graphs import MemoryMiddleware, ScriptedChatModel
from memoryops.memory.parts import SAME, marked
from memoryops.memory.service import MemoryOps

WINDOW = 4000
CALLS = 12
SYSTEM = "You are a careful clerk."
THREAD: Any = {"configurable": {"thread_id": "t"}}


class DeltaState(AgentState[Any]):
    """An agent's state whose messages are kept as what was added to them."""

    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=3)]


@tool
def look(n: int) -> str:
    """Look up what is known about the number n."""
    return " ".join(f"Entry {n}.{k}: walrus {k} ate {n + k} red apples on a cold day." for k in range(12))


def clerk(messages: list[BaseMessage]) -> AIMessage:
    """Answers by what it is asked: `look N` calls the tool N times in a row, anything else is answered at once.

    The same messages get the same answer with the same ids, so that runs can be compared.
    """
    asked = max(n for n, message in enumerate(messages) if isinstance(message, HumanMessage))
    question = messages[asked]
    found = re.search(r"look (\d+)", str(question.content))
    done = sum(isinstance(message, ToolMessage) for message in messages[asked:])
    if found is None or done >= int(found[1]):
        return AIMessage(f"That is answered: {question.id}.", id=f"a-{question.id}")
    called = {"name": "look", "args": {"n": done}, "id": f"call-{question.id}-{done}", "type": "tool_call"}
    return AIMessage("", tool_calls=[called], id=f"c-{question.id}-{done}")


class Counted:
    """A compressor that says how often it was asked."""

    name = "counted"

    def __init__(self) -> None:
        self.calls = 0

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        self.calls += 1
        return Extractive().compress(passages, query, budget_tokens)


def model(**settings: Any) -> ScriptedChatModel:
    return ScriptedChatModel(script=clerk, **settings)


def agent(
    ops: MemoryOps | None,
    chat: ScriptedChatModel,
    *,
    delta: bool = False,
    saver: Any = True,
    compressor: Compressor | None = None,
    middleware: Sequence[Any] = (),
    **settings: Any,
) -> Any:
    """An agent that looks things up; without *ops*, the twin that has no memory."""
    limits = {"max_tokens": WINDOW, "compressor": compressor or Chain([Extractive()]), **settings}
    memory = [] if ops is None else [MemoryMiddleware(ops, **limits)]
    return create_agent(
        chat,
        [look],
        system_prompt=SYSTEM,
        middleware=[*middleware, *memory],
        state_schema=DeltaState if delta else None,
        checkpointer=InMemorySaver() if saver is True else saver,
    )


def ask(graph: Any, text: str, id: str, config: Any = None) -> list[dict[str, Any]]:
    """Ask the agent; what its compactions told."""
    return list(graph.stream({"messages": [HumanMessage(text, id=id)]}, config or THREAD, stream_mode="custom"))


def chat_of(turns: int, words: int = 60) -> list[BaseMessage]:
    """A conversation that has been: each turn says something of its own."""
    said: list[BaseMessage] = []
    for n in range(turns):
        filler = " ".join(f"Word {k} of turn {n} is nothing special." for k in range(words // 8))
        said += [HumanMessage(f"Turn {n}. {filler}", id=f"h{n}"), AIMessage(f"Heard {n}. {filler}", id=f"r{n}")]
    return said


def sent(chat: ScriptedChatModel) -> list[list[dict[str, Any]]]:
    """What the model was sent in each call, as plain values."""
    return [[plain(message) for message in messages] for messages in chat.seen]


def plain(message: BaseMessage) -> dict[str, Any]:
    """What a model or a person sees of *message*; ids of tool results are LangGraph's, new with each run."""
    found: dict[str, Any] = {"type": message.type, "content": message.content}
    if isinstance(message, AIMessage):
        found["tool_calls"] = message.tool_calls
    if isinstance(message, ToolMessage):
        found["tool_call_id"] = message.tool_call_id
    return found if isinstance(message, SystemMessage | ToolMessage) else {**found, "id": message.id}


def tokens(chat: ScriptedChatModel) -> list[int]:
    """The tokens of each call, tool schemas included."""
    bound: Any = chat.bind_tools([look])
    return [bound.bound.tokens(messages) for messages in chat.seen]


def history(graph: Any, config: Any = None) -> list[Any]:
    """What `get_state_history` tells of a thread, without ids that are new with each run."""
    return [
        (
            [plain(message) for message in snapshot.values.get("messages", [])],
            snapshot.next,
            snapshot.metadata["source"],
            snapshot.metadata["step"],
        )
        for snapshot in graph.get_state_history(config or THREAD)
    ]


def originals(ops: MemoryOps, text: str) -> list[str]:
    """The texts that the mark of *text* brings back: one, or all of a list; none where the mark above it does."""
    if text == SAME:
        return []
    found = marked(text)
    assert found is not None
    item = ops.retrieve(found[1])
    if item.content_type != "index":
        return [item.content]
    ids = [line.rpartition("(ID: ")[2].rstrip(")") for line in item.content.splitlines()]
    return [ops.retrieve(id).content for id in ids]
