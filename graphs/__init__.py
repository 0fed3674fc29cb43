"""MemoryOps for LangGraph: saver, store, middleware, nodes, tools and a ready-made agent.

    from memoryops.graphs import QdrantSaver, MemoryMiddleware

Names are imported when they are first used. They need the extra `langgraph`; without it, using one says so.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .middleware import MemoryMiddleware
    from .nodes.compress import make_compress_node
    from .testing import ScriptedChatModel

__all__ = ["MemoryMiddleware", "ScriptedChatModel", "make_compress_node"]

_HOMES = {
    "MemoryMiddleware": ".middleware",
    "ScriptedChatModel": ".testing",
    "make_compress_node": ".nodes.compress",
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
