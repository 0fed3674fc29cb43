"""One memory for all the agents of a person or a team.

    from memoryops import MemoryOps

Names are imported when they are first used: `import memoryops` alone loads no model runtime and no store.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .memory.manager import LLMMemoryManager
    from .memory.scope import Scope
    from .memory.service import MemoryOps
    from .memory.window import ContextWindow

__version__ = "0.1.0"

__all__ = ["ContextWindow", "LLMMemoryManager", "MemoryOps", "Scope", "__version__"]

_HOMES = {
    "ContextWindow": ".memory.window",
    "LLMMemoryManager": ".memory.manager",
    "MemoryOps": ".memory.service",
    "Scope": ".memory.scope",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'memoryops' has no attribute {name!r}")
    value: object = getattr(import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(globals().keys() | _HOMES.keys())
