"""Which store the settings mean, opened."""

from __future__ import annotations

from functools import partial

from ..encoders.registry import load
from ..stores.ports import PointStore
from .settings import Settings


def open_store(settings: Settings) -> PointStore:
    """The Qdrant server if the settings name one, else the data folder through its owner (or in this process)."""
    if settings.qdrant_url:
        return _server(settings)
    if settings.in_process:
        from ..stores.embedded.engine import EmbeddedStore

        encoder = partial(load, api_key=settings.embeddings_api_key)
        return EmbeddedStore(settings.folder, encoder, settings.encoder)
    from ..stores.embedded.client import OwnedStore

    return OwnedStore(
        settings.folder,
        settings.encoder,
        idle=settings.owner_idle,
        embeddings_key=settings.embeddings_api_key,
    )


def _server(settings: Settings) -> PointStore:
    from ..stores.qdrant.store import QdrantServerStore

    spec = settings.encoder or "minilm"
    return QdrantServerStore(
        url=settings.qdrant_url,
        api_key=settings.qdrant_api_key,
        encoder=load(spec, api_key=settings.embeddings_api_key),
        prefix=settings.qdrant_prefix,
        shard_number=settings.qdrant_shard_number,
        replication_factor=settings.qdrant_replication_factor,
        write_consistency_factor=settings.qdrant_write_consistency_factor,
    )
