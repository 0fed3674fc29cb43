"""Which store and which compressors the settings mean, opened."""

from __future__ import annotations

from functools import partial

from ..compressors import tokens
from ..compressors.chain import standard
from ..compressors.ports import Compressor
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


def open_compressor(settings: Settings) -> Compressor:
    """The chain of compressors that the settings name; what counts this process's tokens is settled with it.

    Raises `MissingExtra` or `TokenizerUnavailable` with the command that installs what is missing, and
    `TokenizerSettled` where this process counts by another tokenizer already.
    """
    tokens.choose(settings.tokenizer)
    names = settings.compressor_names
    configs: dict[str, object] = {}
    if "llm" in names:
        from ..compressors.llm import LLMConfig

        assert settings.llm_model is not None  # the settings were checked
        configs["llm"] = LLMConfig(
            model=settings.llm_model,
            base_url=settings.llm_base_url,
            api_key=settings.llm_api_key,
            seconds=settings.llm_timeout,
            window=settings.llm_window,
            structured=settings.llm_structured,
        )
    if "qr_head_decoder" in names:
        from ..compressors.qr_head.decoder.config import DecoderConfig

        assert settings.model_name is not None  # the settings were checked
        configs["qr_head_decoder"] = DecoderConfig(
            settings.model_name, settings.lora_id, settings.heads, settings.top_k
        )
    return standard(names, configs)


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
