"""The graph that `langgraph dev` serves with this project's `langgraph.json`: an agent with the memory of the settings.

    {"graphs": {"memory_agent": "memoryops.graphs.served:memory_agent"}}

`MEMORYOPS_DATA_DIR` and the other settings name the memory, and `MEMORYOPS_LLM_BASE_URL` the model; without one it only
says what it was shown. Threads and checkpoints are the server's own, or those of `create_checkpointer`.
"""

from __future__ import annotations

import asyncio
from functools import cache
from typing import Any

from langchain_core.messages import BaseMessage
from langgraph.graph.state import CompiledStateGraph

from ..memory.service import MemoryOps
from .agent import create_memory_agent
from .chat import chat_model
from .conversation import RECALLED, is_recalled, marks_of


async def memory_agent() -> CompiledStateGraph[Any, Any, Any, Any]:
    """The agent, over a memory that the process opens once."""
    return await asyncio.to_thread(_agent)


@cache
def _agent() -> CompiledStateGraph[Any, Any, Any, Any]:
    return create_memory_agent(chat_model(_says), ops=_memory(), name="memory_agent")


@cache
def _memory() -> MemoryOps:
    return MemoryOps.open()


def _says(messages: list[BaseMessage]) -> str:
    recalled = [marks_of(each)[RECALLED] for each in messages if is_recalled(each)]
    known = len(recalled[0]) if recalled else 0
    return f"There is no model (MEMORYOPS_LLM_BASE_URL names none). I recalled {known} memories for your question."
