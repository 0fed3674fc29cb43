"""A MemoryOps service from Python, over HTTP: its operations, and memory around an OpenAI client.

    from memoryops.client import MemoryOpsClient

Needs httpx2 and pydantic alone, and imports no other room.
"""

from .around import Degraded
from .clients import AsyncMemoryOpsClient, MemoryOpsClient, wrap
from .errors import MemoryOpsClientError

__all__ = ["AsyncMemoryOpsClient", "Degraded", "MemoryOpsClient", "MemoryOpsClientError", "wrap"]
