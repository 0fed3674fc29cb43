"""MemoryOps for LangGraph: saver, store, middleware, nodes, tools and a ready-made agent.

    from memoryops.graphs import QdrantSaver, MemoryMiddleware

Names are imported when they are first used. They need the extra `langgraph`; without it, using one says so.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .agent import RecallMiddleware, create_memory_agent
    from .asking import pending_request
    from .chat import chat_model
    from .context import MemoryContext
    from .copying import copy_threads
    from .middleware import MemoryMiddleware
    from .nodes.agents import register_agent
    from .nodes.compress import make_compress_node
    from .nodes.hil import make_hil_node
    from .nodes.quarantine import make_quarantine_gate
    from .nodes.recall import make_recall_node
    from .nodes.remember import make_remember_node
    from .nodes.tasks import make_task_nodes
    from .recalling import Recalling
    from .saver import QdrantSaver, create_checkpointer
    from .store import QdrantStore
    from .testing import ScriptedChatModel
    from .tools.hil import create_hil_tool
    from .tools.memory import create_manage_memory_tool, create_search_memory_tool
    from .tools.tasks import create_task_tools

__all__ = [
    "MemoryContext",
    "MemoryMiddleware",
    "QdrantSaver",
    "QdrantStore",
    "RecallMiddleware",
    "Recalling",
    "ScriptedChatModel",
    "chat_model",
    "copy_threads",
    "create_checkpointer",
    "create_hil_tool",
    "create_manage_memory_tool",
    "create_memory_agent",
    "create_search_memory_tool",
    "create_task_tools",
    "make_compress_node",
    "make_hil_node",
    "make_quarantine_gate",
    "make_recall_node",
    "make_remember_node",
    "make_task_nodes",
    "pending_request",
    "register_agent",
]

_HOMES = {
    "MemoryContext": ".context",
    "MemoryMiddleware": ".middleware",
    "QdrantSaver": ".saver",
    "QdrantStore": ".store",
    "RecallMiddleware": ".agent",
    "Recalling": ".recalling",
    "ScriptedChatModel": ".testing",
    "chat_model": ".chat",
    "copy_threads": ".copying",
    "create_checkpointer": ".saver",
    "create_hil_tool": ".tools.hil",
    "create_manage_memory_tool": ".tools.memory",
    "create_memory_agent": ".agent",
    "create_search_memory_tool": ".tools.memory",
    "create_task_tools": ".tools.tasks",
    "make_compress_node": ".nodes.compress",
    "make_hil_node": ".nodes.hil",
    "make_quarantine_gate": ".nodes.quarantine",
    "make_recall_node": ".nodes.recall",
    "make_remember_node": ".nodes.remember",
    "make_task_nodes": ".nodes.tasks",
    "pending_request": ".asking",
    "register_agent": ".nodes.agents",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        value: object = getattr(import_module(_HOMES[name], __name__), name)
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith(("langgraph", "langchain")):
            raise
        raise ImportError(f"{__name__}.{name} needs LangGraph: pip install 'memoryops[langgraph]'") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())
