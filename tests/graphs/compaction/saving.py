"""Threads that the laws of compaction in a saver are tried with: graphs without any other memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, TypedDict

from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage
from langgraph.channels.delta import DeltaChannel
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.graph.message import _messages_delta_reducer

from memoryops.compressors.extractive import Extractive
from memoryops.graphs import QdrantSaver
from memoryops.graphs.compaction import plain as counted
from memoryops.memory import messages as counting
from memoryops.memory.parts import marked
from memoryops.memory.service import MemoryOps
from tests.graphs.compaction.agents import THREAD, plain

WINDOW = 4000
TRIGGER = 0.75 * WINDOW


class Delta(TypedDict):
    messages: Annotated[list[AnyMessage], DeltaChannel(_messages_delta_reducer, snapshot_frequency=3)]


def built(saver: Any, *, delta: bool = False, nodes: int = 1, seen: list[list[dict[str, Any]]] | None = None) -> Any:
    """A graph of *nodes* that each answer in many words; *seen* takes up what they were handed."""

    def node(name: str) -> Callable[[Any], dict[str, Any]]:
        def answer(state: Any) -> dict[str, Any]:
            given: list[BaseMessage] = state["messages"]
            if seen is not None:
                seen.append([plain(each) for each in given])
            asked = [each.id for each in given if isinstance(each, HumanMessage)][-1]
            said = " ".join(f"Walrus {k} of {asked} ate {k + 1} apples." for k in range(40))
            return {"messages": [AIMessage(said, id=f"{name}-{asked}")]}

        return answer

    builder: Any = StateGraph(Delta if delta else MessagesState)
    before = START
    for number in range(nodes):
        builder.add_node(f"n{number}", node(f"n{number}"))
        builder.add_edge(before, f"n{number}")
        before = f"n{number}"
    return builder.compile(checkpointer=saver)


def ask(graph: Any, number: int, config: Any = THREAD) -> Any:
    text = f"Question {number}: " + " ".join(f"what of {k} and {number}?" for k in range(40))
    return graph.invoke({"messages": [HumanMessage(text, id=f"q{number}")]}, config)


def saved(ops: MemoryOps, **settings: Any) -> QdrantSaver:
    limits = {"max_tokens": WINDOW, "compressor": Extractive(), "compaction": "plan", **settings}
    return QdrantSaver(ops, **limits)


def state(graph: Any, config: Any = THREAD) -> list[BaseMessage]:
    return list(graph.get_state(config).values.get("messages", []))


def tokens(given: list[BaseMessage]) -> int:
    return sum(part.tokens for part in counting.parts_of([counted(each) for each in given]))


def short(given: Any) -> list[Any]:
    def text(each: Any) -> str:
        return str(each["content"] if isinstance(each, dict) else each.content)

    return [each for each in given if marked(text(each)) is not None]


def stored(saver: Any, config: Any = THREAD) -> list[Any]:
    """What a saver lists, byte for byte: values and writes (but interrupts, whose ids are those of their run)."""
    dump = JsonPlusSerializer().dumps_typed
    return [
        (
            {name: dump(each) for name, each in found.checkpoint["channel_values"].items()},
            [(name, dump(value)) for _, name, value in found.pending_writes or () if name != "__interrupt__"],
            found.metadata,
        )
        for found in saver.list(config)
    ]


def history(graph: Any, config: Any = THREAD) -> list[Any]:
    return [(each.values, each.next, each.metadata["step"]) for each in graph.get_state_history(config)]
