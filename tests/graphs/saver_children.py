"""What a process does to a thread that another process uses too: `python saver_children.py ROLE FOLDER [NAME]`."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, messages_from_dict
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.graph import START, MessagesState, StateGraph

from memoryops.compressors.extractive import Extractive
from memoryops.compressors.ports import Compressor, Kept, Passage
from memoryops.graphs import QdrantSaver
from memoryops.graphs.heads import Mode
from memoryops.memory.service import MemoryOps
from memoryops.stores.embedded.client import OwnedStore

CONFIG: Any = {"configurable": {"thread_id": "shared", "checkpoint_ns": ""}}
PUTS = 8


class Mortal(QdrantSaver):
    """Ends its process, as `kill -9` does, when a node named `second` has run and before its writes are stored."""

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        if any(getattr(value, "content", "") == "second" for _, values in writes for value in as_list(values)):
            os.kill(os.getpid(), signal.SIGKILL)
        super().put_writes(config, writes, task_id, task_path)


def as_list(values: Any) -> list[Any]:
    return values if isinstance(values, list) else [values]


def two_steps(saver: QdrantSaver) -> Any:
    builder = StateGraph(MessagesState)
    builder.add_node("first", lambda state: {"messages": [AIMessage("first", id="1")]})
    builder.add_node("second", lambda state: {"messages": [AIMessage("second", id="2")]})
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    return builder.compile(checkpointer=saver)


def dies(ops: MemoryOps) -> None:
    two_steps(Mortal(ops)).invoke({"messages": [HumanMessage("hello", id="0")]}, CONFIG, durability="sync")


def writes(ops: MemoryOps, name: str) -> None:
    """A line of checkpoints of its own, each with all that it has said so far, in the thread that others write to."""
    saver, config = QdrantSaver(ops), CONFIG
    said: list[AnyMessage] = [HumanMessage("shared by all", id="0")]
    for number in range(PUTS):
        said = [*said, AIMessage(f"{name} {number}", id=f"{name}{number}")]
        checkpoint = empty_checkpoint()
        checkpoint["id"] = str(uuid6(clock_seq=number))
        checkpoint["channel_values"] = {"messages": said}
        checkpoint["channel_versions"] = {"messages": number + 1}
        config = saver.put(config, checkpoint, {"source": "loop", "step": number}, {"messages": number + 1})
        saver.put_writes(config, [("messages", [AIMessage(f"{name} {number + 1}", id=f"{name}{number + 1}")])], name)


def prunes(ops: MemoryOps, name: str) -> None:
    for _ in range(5):
        QdrantSaver(ops).prune(["shared"])


class Deadly(Extractive):
    """Ends its process, as `kill -9` does, when it is asked."""

    def compress(self, passages: Sequence[Passage], query: str, budget_tokens: int) -> Kept:
        os.kill(os.getpid(), signal.SIGKILL)
        return super().compress(passages, query, budget_tokens)


def answering(ops: MemoryOps, compaction: Mode = "plan", compressor: Compressor | None = None) -> Any:
    builder = StateGraph(MessagesState)
    answer = " ".join(f"Walrus {number} ate an apple." for number in range(60))
    builder.add_node("answer", lambda state: {"messages": [AIMessage(answer, id=f"a{len(state['messages'])}")]})
    builder.add_edge(START, "answer")
    saver = QdrantSaver(ops, compaction=compaction, max_tokens=2000, compressor=compressor or Extractive())
    return builder.compile(checkpointer=saver)


def resends(ops: MemoryOps, file: str) -> None:
    """What a client was shown by another process, sent again with a question more."""
    messages = messages_from_dict(json.loads(Path(file).read_text(encoding="utf-8")))
    answering(ops).invoke({"messages": [*messages, HumanMessage("And?", id="again")]}, CONFIG)


def dies_compacting(ops: MemoryOps) -> None:
    graph = answering(ops, compressor=Deadly())
    for number in range(5):
        graph.invoke({"messages": [HumanMessage(f"Question {number}? " * 40, id=f"q{number}")]}, CONFIG)


if __name__ == "__main__":
    role, folder, *rest = sys.argv[1:]
    memory = MemoryOps(OwnedStore(Path(folder), "hashing:64"))
    roles: dict[str, Callable[..., None]] = {
        "dies": dies,
        "writes": writes,
        "prunes": prunes,
        "resends": resends,
        "dies_compacting": dies_compacting,
    }
    roles[role](memory, *rest)
    memory.close()
