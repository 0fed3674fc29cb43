"""The store on a Qdrant server, for several machines on one memory. Needs the extra `qdrant`."""

from __future__ import annotations

from importlib.util import find_spec

if find_spec("qdrant_client") is None:
    raise ImportError("a Qdrant server is reached through qdrant-client: pip install 'memoryops[qdrant]'")

from .store import QdrantServerStore

__all__ = ["QdrantServerStore"]
